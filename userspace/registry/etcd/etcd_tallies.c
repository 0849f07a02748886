/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_tallies.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define MOST_COUNTED 9007199254740992.0 /* a number of JSON is exact up to here */

static bool add_tally(cJSON *object, const struct registry_tally *tally)
{
    cJSON *counts = cJSON_AddArrayToObject(object, tally->name);

    for (size_t i = 0; counts && i < REGISTRY_COUNTS; i++)
        if (!cJSON_AddItemToArray(counts, cJSON_CreateNumber((double)tally->counts[i])))
            return false;
    return counts != NULL;
}

char *etcd_tallies_write(const struct registry_tally *tallies, size_t n)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    bool is_whole = json != NULL;

    for (size_t i = 0; is_whole && i < n; i++)
        is_whole = add_tally(json, &tallies[i]);
    return is_whole ? cJSON_PrintUnformatted(json) : NULL;
}

void etcd_tallies_read(const cJSON *sums, const char *name, uint64_t ret_counts[static REGISTRY_COUNTS])
{
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(sums, name);

    for (int i = 0; i < REGISTRY_COUNTS; i++) {
        double count = cJSON_GetNumberValue(cJSON_GetArrayItem(counts, i));

        ret_counts[i] = count >= 0 && count <= MOST_COUNTED ? (uint64_t)count : 0;
    }
}

int etcd_tallies_add(cJSON *sums, const char *text)
{
    _cleanup_json_ cJSON *told = cJSON_Parse(text);
    const cJSON *item;

    cJSON_ArrayForEach (item, told) {
        uint64_t before[REGISTRY_COUNTS];
        struct registry_tally tally = {.name = item->string};

        if (!item->string || !cJSON_IsArray(item))
            continue;
        etcd_tallies_read(told, item->string, tally.counts);
        etcd_tallies_read(sums, item->string, before);
        for (size_t i = 0; i < REGISTRY_COUNTS; i++)
            tally.counts[i] += before[i];
        cJSON_DeleteItemFromObjectCaseSensitive(sums, item->string);
        if (!add_tally(sums, &tally))
            return -ENOMEM;
    }
    return 0;
}
