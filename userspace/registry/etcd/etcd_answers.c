/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What etcd answers. Nothing of it is believed: there may be a proxy in between, or another program's keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"
#include "registry/etcd/etcd_text.h"

int etcd_read_number(const cJSON *object, const char *name, uint64_t *ret_number)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!item) {
        *ret_number = 0;
        return 0;
    }
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9e15) {
        *ret_number = (uint64_t)item->valuedouble;
        return 0;
    }
    return cJSON_IsString(item) ? parse_number(item->valuestring, 0, INT64_MAX, ret_number) : -EINVAL;
}

uint64_t etcd_read_revision(const cJSON *answer)
{
    uint64_t revision = 0;

    return etcd_read_number(cJSON_GetObjectItemCaseSensitive(answer, "header"), "revision", &revision) < 0
               ? 0
               : revision;
}

bool etcd_may_lose_deletions(const char *version)
{
    unsigned major, minor, patch;

    if (sscanf(version, "%u.%u.%u", &major, &minor, &patch) != 3)
        return false;
    if (major != 3 || minor > 5)
        return major < 3;
    return minor < 4 || patch < (minor == 4 ? 36 : 18);
}

/* Of what has no value there is the empty text. */
static char *read_bytes(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!item)
        return strdup("");
    return cJSON_IsString(item) ? etcd_decode(item->valuestring) : NULL;
}

static int read_pair(const cJSON *kv, bool is_deletion, struct etcd_pairs *pairs)
{
    struct etcd_pair pair = {0};

    if (!cJSON_IsObject(kv) || etcd_read_number(kv, "mod_revision", &pair.mod_revision) < 0)
        return -EINVAL;
    if (ARRAY_MAKE_ROOM(pairs->items, pairs->n) < 0)
        return -ENOMEM;
    pair.key = read_bytes(kv, "key");
    pair.value = is_deletion ? NULL : read_bytes(kv, "value");
    if (!pair.key || !*pair.key || (!is_deletion && !pair.value)) {
        free(pair.key);
        free(pair.value);
        pairs->n_strange++;
        return 0;
    }
    pairs->items[pairs->n++] = pair;
    return 0;
}

int etcd_read_pairs(const cJSON *answer, struct etcd_pairs *pairs)
{
    const cJSON *kvs = cJSON_GetObjectItemCaseSensitive(answer, "kvs");
    const cJSON *kv;
    int r = cJSON_IsObject(answer) && (!kvs || cJSON_IsArray(kvs)) ? 0 : -EINVAL;

    cJSON_ArrayForEach (kv, kvs) {
        if (r == 0)
            r = read_pair(kv, false, pairs);
    }
    return r;
}

int etcd_read_head(const struct etcd_pair *pair, struct etcd_head *ret_head)
{
    struct etcd_head head = {.mod_revision = pair->mod_revision};
    _cleanup_json_ cJSON *json = cJSON_Parse(pair->value ? pair->value : "");
    const char *writer = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "writer"));

    if (!cJSON_IsObject(json) || !writer || strlen(writer) >= sizeof(head.writer) ||
        etcd_read_number(json, "revision", &head.revision) < 0 ||
        etcd_read_number(json, "commit", &head.commit) < 0)
        return -EINVAL;
    strcpy(head.writer, writer);
    *ret_head = head;
    return 0;
}

/* One of the heads as it is, where the compares did not hold. */
static int read_found(const cJSON *response, const struct etcd_head *next, uint64_t *written,
                      uint64_t *newest)
{
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(response, "response_range");
    struct etcd_pairs pairs = {0};
    struct etcd_head head;
    int r = etcd_read_pairs(range, &pairs);

    for (size_t i = 0; r == 0 && i < pairs.n; i++) {
        if (pairs.items[i].mod_revision > *newest)
            *newest = pairs.items[i].mod_revision;
        r = etcd_read_head(&pairs.items[i], &head);
        if (r == 0 && head.commit == next->commit && strcmp(head.writer, next->writer) == 0)
            *written = head.mod_revision;
    }
    etcd_pairs_done(&pairs);
    return r;
}

int etcd_read_commit(const cJSON *answer, const struct etcd_head *next, uint64_t *ret_revision,
                     uint64_t *ret_found)
{
    const cJSON *response;
    uint64_t written = 0, newest = 0;
    int r = 0;

    if (!cJSON_IsObject(answer) || etcd_read_revision(answer) == 0)
        return -EINVAL;
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "succeeded"))) {
        *ret_revision = etcd_read_revision(answer);
        return 0;
    }
    cJSON_ArrayForEach (response, cJSON_GetObjectItemCaseSensitive(answer, "responses")) {
        if (r == 0)
            r = read_found(response, next, &written, &newest);
    }
    if (r < 0)
        return r;
    if (written)
        *ret_revision = written;
    *ret_found = newest;
    return written ? 0 : -EAGAIN;
}

int etcd_read_watch(const cJSON *message, struct etcd_pairs *events, struct error *error)
{
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(result, "events");
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "cancel_reason"));
    const cJSON *event;
    uint64_t compacted = 0;
    int r = 0;

    if (!cJSON_IsObject(result))
        return cJSON_HasObjectItem(message, "error") ? -ECANCELED : -EINVAL;
    if (etcd_read_number(result, "compact_revision", &compacted) < 0 || (list && !cJSON_IsArray(list)))
        return -EINVAL;
    if (compacted)
        return -ESTALE;
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "canceled"))) {
        bool is_denied = reason && strstr(reason, "permission");

        return error_set(error, is_denied ? EACCES : ECANCELED, "the watch was ended by etcd: %.200s",
                         reason ? reason : "no reason given");
    }
    cJSON_ArrayForEach (event, list) {
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "type"));

        if (r == 0)
            r = read_pair(cJSON_GetObjectItemCaseSensitive(event, "kv"), type && strcmp(type, "DELETE") == 0,
                          events);
    }
    return r;
}

void etcd_pairs_done(struct etcd_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        free(pairs->items[i].key);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct etcd_pairs){0};
}

int etcd_read_refusal(long status, const cJSON *answer, const char **ret_text)
{
    static const struct {
        const char *words;
        int number;
    } known[] = {
        {"invalid auth token", EKEYREJECTED}, {"revision in header is old", EKEYREJECTED},
        {"permission denied", EACCES},        {"user name is empty", EACCES},
        {"authentication failed", EACCES},    {"compacted", ESTALE},
        {"future revision", ENOTCONN},        {"space exceeded", ENOSPC},
        {"too many operations", E2BIG},       {"request is too large", E2BIG},
        {"larger than max", E2BIG},           {"corrupt cluster", EIO},
    };
    /* gRPC's: cancelled, deadline exceeded, aborted, unavailable: another member, or a moment later. */
    static const uint64_t passing[] = {1, 4, 10, 14};
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    uint64_t code = 0;

    if (!text)
        text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "message"));
    *ret_text = text ? text : "no reason given";
    for (size_t i = 0; text && i < ARRAY_SIZE(known); i++)
        if (strstr(text, known[i].words))
            return -known[i].number;
    (void)etcd_read_number(answer, "code", &code);
    for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
        if (code == passing[i])
            return -ENOTCONN;
    if (code == 16)
        return -EKEYREJECTED;
    if (code == 7)
        return -EACCES;
    return status >= 500 && !text ? -ENOTCONN : -EPROTO;
}
