/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_text.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define LONGEST_TEXT (64u << 20)

/* ---- base64 ---- */

static char *encode_bytes(const char *bytes, size_t n)
{
    char *text = n < LONGEST_TEXT ? malloc((n + 2) / 3 * 4 + 1) : NULL;

    if (text)
        (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes, (int)n);
    return text;
}

char *etcd_encode(const char *text)
{
    return encode_bytes(text, strlen(text));
}

char *etcd_decode(const char *text)
{
    size_t n = strlen(text);
    size_t padding = (n > 0 && text[n - 1] == '=') + (n > 1 && text[n - 2] == '=');
    _cleanup_free_ char *bytes = n < LONGEST_TEXT ? malloc(n / 4 * 3 + 1) : NULL;

    if (!bytes || n % 4 ||
        EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text, (int)n) != (int)(n / 4 * 3))
        return NULL;
    bytes[n / 4 * 3 - padding] = '\0';
    return strlen(bytes) == n / 4 * 3 - padding ? TAKE_PTR(bytes) : NULL;
}

/* ---- requests ---- */

static bool etcd_add_bytes(cJSON *object, const char *name, const char *bytes, size_t n)
{
    _cleanup_free_ char *text = encode_bytes(bytes, n);

    return text && cJSON_AddStringToObject(object, name, text);
}

static bool etcd_add_text(cJSON *object, const char *name, const char *text)
{
    return etcd_add_bytes(object, name, text, strlen(text));
}

static bool etcd_add_number(cJSON *object, const char *name, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    return cJSON_AddStringToObject(object, name, text);
}

/* The first key behind all that begin with `base`, which is not empty and ends below 0xff. */
static bool add_range_end(cJSON *object, const char *base)
{
    _cleanup_free_ char *end = strdup(base);

    if (!end)
        return false;
    end[strlen(end) - 1]++;
    return etcd_add_text(object, "range_end", end);
}

static char *etcd_text_print(cJSON *json, bool is_whole)
{
    char *text = is_whole ? cJSON_PrintUnformatted(json) : NULL;

    cJSON_Delete(json);
    return text;
}

char *etcd_write_range(const struct etcd_range *range)
{
    cJSON *json = cJSON_CreateObject();
    bool is_whole = json && etcd_add_text(json, "key", range->from ? range->from : range->base) &&
                    add_range_end(json, range->base);

    if (is_whole && range->revision)
        is_whole = etcd_add_number(json, "revision", range->revision);
    if (is_whole && range->limit)
        is_whole = etcd_add_number(json, "limit", range->limit);
    if (is_whole && range->written_from)
        is_whole = etcd_add_number(json, "min_mod_revision", range->written_from);
    if (is_whole && range->is_count_only)
        is_whole = cJSON_AddTrueToObject(json, "count_only");
    if (is_whole && range->is_keys_only)
        is_whole = cJSON_AddTrueToObject(json, "keys_only");
    return etcd_text_print(json, is_whole);
}

char *etcd_write_watch(const char *base, uint64_t revision)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *create = json ? cJSON_AddObjectToObject(json, "create_request") : NULL;

    return etcd_text_print(json, create && etcd_add_text(create, "key", base) &&
                                     add_range_end(create, base) &&
                                     etcd_add_number(create, "start_revision", revision) &&
                                     cJSON_AddTrueToObject(create, "progress_notify"));
}

static bool add_put(cJSON *list, const char *key, const char *value)
{
    cJSON *operation = cJSON_CreateObject();
    cJSON *inner;

    if (!operation || !cJSON_AddItemToArray(list, operation))
        return false;
    inner = cJSON_AddObjectToObject(operation, value ? "request_put" : "request_delete_range");
    return inner && etcd_add_text(inner, "key", key) && (!value || etcd_add_text(inner, "value", value));
}

static bool compare_revision(cJSON *compares, const char *key, const char *result, uint64_t revision)
{
    cJSON *compare = cJSON_CreateObject();

    return cJSON_AddItemToArray(compares, compare) && etcd_add_text(compare, "key", key) &&
           cJSON_AddStringToObject(compare, "target", "MOD") &&
           cJSON_AddStringToObject(compare, "result", result) &&
           etcd_add_number(compare, "mod_revision", revision);
}

static bool look_at_head(cJSON *failure, const char *key)
{
    cJSON *look = cJSON_CreateObject(), *range;

    if (!cJSON_AddItemToArray(failure, look))
        return false;
    range = cJSON_AddObjectToObject(look, "request_range");
    return range && etcd_add_text(range, "key", key);
}

static bool add_heads(cJSON *json, cJSON *success, const struct etcd_pair *head,
                      const struct etcd_pairs *heads, const struct etcd_head *next)
{
    cJSON *compares = cJSON_AddArrayToObject(json, "compare");
    cJSON *failure = cJSON_AddArrayToObject(json, "failure");
    _cleanup_free_ char *value = NULL;
    bool is_whole;

    if (asprintf(&value, "{\"revision\":%" PRIu64 ",\"writer\":\"%s\",\"commit\":%" PRIu64 "}",
                 next->revision, next->writer, next->commit) < 0)
        value = NULL;
    is_whole = value && compares && failure && add_put(success, head->key, value);
    if (is_whole && head->mod_revision)
        is_whole = compare_revision(compares, head->key, "GREATER", head->mod_revision - 1);
    for (size_t i = 0; is_whole && i < heads->n; i++)
        is_whole = compare_revision(compares, heads->items[i].key, "EQUAL", heads->items[i].mod_revision) &&
                   look_at_head(failure, heads->items[i].key) && add_put(success, heads->items[i].key, value);
    return is_whole;
}

/* etcd refuses a transaction that has a key twice. */
struct written_key {
    size_t at;
    UT_hash_handle hh;
};

/* For each key the pair that counts; *ret_written is to be freed. */
static int find_last(const struct etcd_pair *pairs, size_t n, struct written_key **ret_written,
                     struct written_key **ret_table)
{
    struct written_key *written = calloc(n + 1, sizeof(*written));
    struct written_key *table = NULL, *found;

    if (!written)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        HASH_FIND_STR(table, pairs[i].key, found);
        if (found) {
            found->at = i;
            continue;
        }
        written[i].at = i;
        HASH_ADD_KEYPTR(hh, table, pairs[i].key, strlen(pairs[i].key), &written[i]);
    }
    *ret_written = written;
    *ret_table = table;
    return 0;
}

char *etcd_write_commit(const struct etcd_pair *pairs, size_t n, const struct etcd_pair *head,
                        const struct etcd_pairs *heads, const struct etcd_head *next, size_t *ret_n)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *success = json ? cJSON_AddArrayToObject(json, "success") : NULL;
    struct written_key *written = NULL, *table = NULL;
    bool is_whole = success && find_last(pairs, n, &written, &table) == 0;

    for (struct written_key *one = table; is_whole && one; one = one->hh.next)
        is_whole = add_put(success, pairs[one->at].key, pairs[one->at].value);
    HASH_CLEAR(hh, table);
    free(written);
    if (is_whole && heads->n)
        is_whole = add_heads(json, success, head, heads, next);
    if (is_whole)
        *ret_n = (size_t)cJSON_GetArraySize(success);
    return etcd_text_print(json, is_whole);
}
