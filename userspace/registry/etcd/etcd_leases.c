/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is said to etcd about leases, and whose a row is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "registry/etcd/etcd_settings.h"
#include "registry/etcd/etcd_text.h"

#define OWNER_BEGIN "{\"owner\":\""

/* ---- keys ---- */

char *etcd_key_of_presence(const char *prefix, const char *host)
{
    char *key = NULL;

    return asprintf(&key, "%s/fleet/hosts/%s", prefix, host) < 0 ? NULL : key;
}

char *etcd_key_of_driver(const char *prefix)
{
    char *key = NULL;

    return asprintf(&key, "%s/fleet/driver", prefix) < 0 ? NULL : key;
}

char *etcd_key_of_tallies(const char *prefix, const char *host)
{
    char *key = NULL;

    return asprintf(&key, "%s/tallies/%s", prefix, host) < 0 ? NULL : key;
}

char *etcd_key_of_seen(const char *prefix, const char *host)
{
    char *key = NULL;

    return asprintf(&key, "%s/seen/%s", prefix, host) < 0 ? NULL : key;
}

const char *etcd_host_in_fleet(const char *fleet, const char *key)
{
    static const char hosts[] = "hosts/";
    size_t n = strlen(fleet);
    const char *host = strncmp(key, fleet, n) == 0 ? key + n : "";

    if (strncmp(host, hosts, strlen(hosts)) != 0)
        return NULL;
    host += strlen(hosts);
    return *host && strlen(host) < ETCD_HOST_SIZE ? host : NULL;
}

/* ---- whose a row is ---- */

bool etcd_can_have_owner(const char *row, const char *value)
{
    _cleanup_json_ cJSON *json = NULL;

    if (strncmp(row, "instances/", strlen("instances/")) != 0 || value[0] != '{')
        return false;
    /* A host name, or a record of the AWS API, is on no host. */
    json = cJSON_Parse(value);
    return cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "address")) &&
           !cJSON_HasObjectItem(json, "owner");
}

char *etcd_put_owner(const char *value, const char *owner)
{
    char *text = NULL;

    return asprintf(&text, OWNER_BEGIN "%s\",%s", owner, value + 1) < 0 ? NULL : text;
}

void etcd_take_owner(char *value, char ret_owner[static 65])
{
    size_t begin = strlen(OWNER_BEGIN), n;

    ret_owner[0] = '\0';
    if (strncmp(value, OWNER_BEGIN, begin) != 0)
        return;
    n = strcspn(value + begin, "\"\\");
    if (n == 0 || n >= ETCD_HOST_SIZE || strncmp(value + begin + n, "\",", 2) != 0)
        return;
    memcpy(ret_owner, value + begin, n);
    ret_owner[n] = '\0';
    memmove(value + 1, value + begin + n + 2, strlen(value + begin + n + 2) + 1);
}

/* ---- requests ---- */

char *etcd_write_grant(uint32_t seconds)
{
    char *text = NULL;

    return asprintf(&text, "{\"TTL\":\"%" PRIu32 "\"}", seconds) < 0 ? NULL : text;
}

char *etcd_write_keepalive(uint64_t lease)
{
    char *text = NULL;

    return asprintf(&text, "{\"ID\":\"%" PRIu64 "\"}", lease) < 0 ? NULL : text;
}

char *etcd_write_leased(const char *key, const char *value, uint64_t lease)
{
    _cleanup_free_ char *key64 = etcd_encode(key), *value64 = etcd_encode(value);
    char *text = NULL;

    if (!key64 || !value64 ||
        asprintf(&text, "{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"%" PRIu64 "\"}", key64, value64,
                 lease) < 0)
        return NULL;
    return text;
}

char *etcd_write_claim(const char *key, const char *value, uint64_t lease)
{
    _cleanup_free_ char *put = etcd_write_leased(key, value, lease), *key64 = etcd_encode(key);
    char *text = NULL;

    if (!put || !key64 ||
        asprintf(&text,
                 "{\"compare\":[{\"key\":\"%s\",\"target\":\"CREATE\",\"result\":\"EQUAL\","
                 "\"create_revision\":\"0\"}],\"success\":[{\"request_put\":%s}]}",
                 key64, put) < 0)
        return NULL;
    return text;
}

int etcd_read_lease(const cJSON *answer, uint64_t *ret_lease, uint64_t *ret_seconds)
{
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");
    const cJSON *from = result ? result : answer;
    uint64_t lease = 0, seconds = 0;

    if (!cJSON_IsObject(from) || etcd_read_number(from, "ID", &lease) < 0 ||
        etcd_read_number(from, "TTL", &seconds) < 0 || lease == 0)
        return -EINVAL;
    *ret_lease = lease;
    *ret_seconds = seconds;
    return 0;
}
