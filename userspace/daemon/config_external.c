/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_external.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "externals/externals.h"

#define DNS_PORT 53

/* "IP", "IPv6", "IP:PORT" or "[IPv6]:PORT". */
static int parse_server(const char *text, struct ip_address *ret_address, uint16_t *ret_port)
{
    if (ip_address_parse(text, ret_address) == 0) {
        *ret_port = DNS_PORT;
        return 0;
    }
    return ip_endpoint_parse(text, ret_address, ret_port);
}

int config_external_servers(const char *field, const char *text, char **ret_servers, struct error *error)
{
    _cleanup_free_ char *list = strdup(text);
    _cleanup_free_ char *servers = NULL;
    char *rest = list;
    char *item;
    size_t size = 0;
    int n = 0;
    FILE *out = open_memstream(&servers, &size);

    if (!list || !out) {
        if (out)
            (void)fclose(out);
        return error_errno(error, ENOMEM, "reading settings");
    }
    while (strcmp(text, EXTERNAL_SERVERS_OF_HOST) != 0 && (item = strsep(&rest, ","))) {
        char address_text[IP_ADDRESS_TEXT_SIZE];
        struct ip_address address;
        uint16_t port;

        if (parse_server(item, &address, &port) < 0 || ip_address_is_unusable(&address) ||
            n == EXTERNAL_MAX_SERVERS) {
            (void)fclose(out);
            return error_input(error, field, item, "up to %d of IP, IP:PORT or [IPv6]:PORT, or none",
                               EXTERNAL_MAX_SERVERS);
        }
        (void)ip_address_format(&address, address_text);
        (void)fprintf(out, ip_address_is_v4(&address) ? "%s%s:%u" : "%s[%s]:%u", n++ ? "," : "", address_text,
                      port);
    }
    if (fclose(out) != 0)
        return error_errno(error, ENOMEM, "reading settings");
    *ret_servers = n ? TAKE_PTR(servers) : NULL;
    return 0;
}

int config_join_servers(const char *field, const cJSON *list, char **ret_text, struct error *error)
{
    const cJSON *item;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int n = 0;

    if (!out)
        return error_errno(error, ENOMEM, "reading settings");
    if (!cJSON_IsArray(list)) {
        (void)fclose(out);
        free(text);
        return error_input(error, field, "(not a list)", "a list");
    }
    cJSON_ArrayForEach (item, list) {
        if (!cJSON_IsString(item) || strchr(item->valuestring, ',')) {
            (void)fclose(out);
            free(text);
            return error_input(error, field, "(no address)", "IP, IP:PORT or [IPv6]:PORT");
        }
        (void)fprintf(out, "%s%s", n++ ? "," : "", item->valuestring);
    }
    if (n == 0)
        (void)fputs(EXTERNAL_SERVERS_OF_HOST, out);
    if (fclose(out) != 0) {
        free(text);
        return error_errno(error, ENOMEM, "reading settings");
    }
    *ret_text = text;
    return 0;
}

cJSON *config_external_servers_json(const struct config *config)
{
    cJSON *list = cJSON_CreateArray();
    _cleanup_free_ char *text = strdup(config->external_servers ? config->external_servers : "");
    char *rest = text;
    char *item;

    while (rest && *rest && (item = strsep(&rest, ",")))
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(item));
    return list;
}
