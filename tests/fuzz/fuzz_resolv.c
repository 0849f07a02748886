/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Bytes as a task's /etc/resolv.conf: whatever stands there, what is read of it keeps its bounds and its form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "names/resolv_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static void check(const struct resolv_conf *conf)
{
    require(conf->n_nameservers > 0 && conf->n_nameservers <= SVC_NAMESERVERS);
    for (unsigned i = 0; i < conf->n_nameservers; i++) {
        size_t length = strnlen(conf->zones[i], RESOLV_CONF_ZONE_SIZE);

        require(length < RESOLV_CONF_ZONE_SIZE);
        require(length == 0 || conf->nameservers[i].bytes[0] == 0xfe);
    }
    require(conf->n_domains <= RESOLV_CONF_DOMAINS);
    for (unsigned i = 0; i < conf->n_domains; i++) {
        size_t length = strnlen(conf->domains[i], DNS_NAME_SIZE);

        require(length > 0 && length < DNS_NAME_SIZE);
        require(!strpbrk(conf->domains[i], " \t\r\nABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of that size, so that a read beyond it is seen */
    struct resolv_conf conf;

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    resolv_conf_read(text, &conf);
    check(&conf);
    free(text);
    return 0;
}
