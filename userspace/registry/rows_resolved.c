/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a host name was found to be: an observation of this host, kept for a start while no name server
 * answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "registry/rows_internal.h"

int row_for_resolved(const char *name, const char *host, const struct ip_address *addresses, size_t n,
                     struct registry_row *ret_row)
{
    cJSON *json = host ? cJSON_CreateObject() : NULL;
    cJSON *list = host ? cJSON_AddArrayToObject(json, "addresses") : NULL;

    if (host)
        (void)cJSON_AddStringToObject(json, "host", host);
    for (size_t i = 0; host && i < n; i++) {
        char text[IP_ADDRESS_TEXT_SIZE];

        (void)cJSON_AddItemToArray(list, cJSON_CreateString(ip_address_format(&addresses[i], text)));
    }
    return row_make(ret_row, json, !host, "host/resolved/%s", name);
}

int row_read_resolved(const char *value, char ret_host[static MODEL_HOST_NAME_MAX + 1],
                      struct ip_address ret_addresses[static EXTERNAL_MAX_ADDRESSES], size_t *ret_n)
{
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *item;
    const char *host = NULL;
    size_t n = 0;
    int r = json_parse("host/resolved", value, strlen(value), &json, NULL);

    if (r == 0 && !cJSON_IsObject(json))
        r = -EINVAL;
    if (r == 0)
        r = json_get_string(json, "host", true, &host, NULL);
    if (r < 0)
        return r;
    if (strlen(host) > MODEL_HOST_NAME_MAX)
        return -EINVAL;
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(json, "addresses"))
        if (n < EXTERNAL_MAX_ADDRESSES && cJSON_IsString(item) &&
            ip_address_parse(item->valuestring, &ret_addresses[n]) == 0 &&
            !ip_address_why_no_endpoint(&ret_addresses[n]))
            n++;
    (void)snprintf(ret_host, MODEL_HOST_NAME_MAX + 1, "%s", host);
    *ret_n = n;
    return 0;
}
