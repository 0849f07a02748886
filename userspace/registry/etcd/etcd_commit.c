/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a commit was computed from is what the owner has taken. So the heads of its namespaces are compared, and a commit
 * that came after another host's fails; the end is told when what the other wrote is there to be taken. A commit bears its
 * writer and number in the heads: if the answer is lost, it is found written or not when it is tried again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "registry/etcd/etcd_registry_internal.h"

#define CATCH_UP_MS 5000

static void free_pairs(struct etcd_pair *pairs, size_t n)
{
    for (size_t i = 0; pairs && i < n; i++) {
        free(pairs[i].key);
        free(pairs[i].value);
    }
    free(pairs);
}

static bool is_of_history(const struct registry_row *row)
{
    return row->value && strncmp(row->key, "history/", strlen("history/")) == 0;
}

/* Few: rows that follow each other are mostly of one namespace. The key is taken over. */
static int compare_head(struct etcd_registry *self, char *of_caller)
{
    struct etcd_pairs *compared = &self->compared;
    _cleanup_free_ char *key = of_caller;

    if (!key)
        return -ENOMEM;
    for (size_t i = compared->n; i-- > 0;)
        if (strcmp(compared->items[i].key, key) == 0)
            return 0;
    if (etcd_heads_learn(&self->heads, key, 0, false) < 0 ||
        ARRAY_MAKE_ROOM(compared->items, compared->n) < 0)
        return -ENOMEM;
    compared->items[compared->n].mod_revision = etcd_heads_revision(&self->heads, key);
    compared->items[compared->n].value = NULL;
    compared->items[compared->n++].key = TAKE_PTR(key);
    return 0;
}

/* Who takes a namespace away has seen nothing in it: so what others put there, and where it lies, count both. */
static int compare_heads_of(struct etcd_registry *self, const char *row)
{
    int r = compare_head(self, etcd_head_of_row(self->fleet, row));

    if (r == 0 && strncmp(row, "namespaces/", strlen("namespaces/")) == 0)
        r = compare_head(self, etcd_head_of_common(self->fleet));
    return r;
}

static int make_pair(struct etcd_registry *self, const struct registry_row *row, struct etcd_pair *pair)
{
    pair->key = etcd_key_of_row(self->settings->prefix, self->settings->host, row->key);
    if (pair->key && row->value)
        pair->value = etcd_known_own(&self->watch.known, pair->key, row->value);
    return !pair->key || (row->value && !pair->value) ? -ENOMEM : 0;
}

/* Values of the history have no line ends, so they stand line by line under the first one's key: a transaction takes so many
 * keys, and each change is told. */
static int join_told(struct etcd_pair *told, const char *value)
{
    char *joined = NULL;

    if (asprintf(&joined, "%s\n%s", told->value, value) < 0)
        return -ENOMEM;
    free(told->value);
    told->value = joined;
    return 0;
}

/* *ret_n may be less than there are rows. */
static int make_pairs(struct etcd_registry *self, struct etcd_pair **ret_pairs, size_t *ret_n,
                      size_t *ret_bytes)
{
    const struct registry_commit *commit = self->commit;
    struct etcd_pair *pairs = calloc(commit->n_rows + 1, sizeof(*pairs));
    struct etcd_pair *told = NULL;
    size_t n = 0;
    int r = pairs ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < commit->n_rows; i++) {
        const struct registry_row *row = &commit->rows[i];

        if (!etcd_is_of_host(row->key))
            r = compare_heads_of(self, row->key);
        /* As etcd counts: the lengths, with a host's name, and some bytes of how they are packed. */
        *ret_bytes += strlen(row->key) + strlen(self->own) + (row->value ? strlen(row->value) : 0) + 128;
        if (r == 0 && told && is_of_history(row)) {
            r = join_told(told, row->value);
            continue;
        }
        if (r == 0)
            r = make_pair(self, row, &pairs[n++]);
        if (is_of_history(row))
            told = &pairs[n - 1];
    }
    if (r < 0) {
        free_pairs(pairs, n);
        return r;
    }
    *ret_pairs = pairs;
    *ret_n = n;
    return 0;
}

static int check_size(const struct etcd_registry *self, size_t n, size_t bytes, struct error *error)
{
    const struct etcd_settings *settings = self->settings;

    if (n > settings->max_txn_ops)
        return error_set(error, E2BIG,
                         "%zu rows are more than one transaction takes (%u): change less at once, or raise "
                         "etcd.maxTxnOps here and --max-txn-ops of etcd",
                         n, settings->max_txn_ops);
    if (bytes > settings->max_bytes)
        return error_set(error, E2BIG,
                         "%zu bytes are more than one request takes (%u): change less at once, or raise "
                         "etcd.maxRequestBytes here and --max-request-bytes of etcd",
                         bytes, settings->max_bytes);
    return 0;
}

/* -EAGAIN: a head is another's; *found is when the last of them was written. */
static int send_commit(struct etcd_registry *self, const struct etcd_pair *pairs, size_t n_pairs,
                       size_t bytes, uint64_t *found)
{
    const struct etcd_pair head = {.key = self->head_key, .mod_revision = self->head.mod_revision};
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *body = NULL;
    size_t n = 0;
    int r;

    body = etcd_write_commit(pairs, n_pairs, &head, &self->compared, &self->next, &n);
    if (!body)
        return error_errno(&self->error, ENOMEM, "writing to etcd");
    r = check_size(self, n, bytes, &self->error);
    if (r == 0)
        r = etcd_client_call(&self->client, "/v3/kv/txn", body, &answer, &self->error);
    if (r < 0)
        return r;
    self->error = (struct error){0};
    r = etcd_read_commit(answer, &self->next, &self->revision, found);
    if (r == -EINVAL)
        return error_set(&self->error, EPROTO, "what etcd answered is no end of a transaction");
    return r;
}

static int tell_conflict(struct etcd_registry *self, uint64_t found)
{
    if (self->is_following)
        etcd_watch_wait_for(&self->watch, found, CATCH_UP_MS);
    return error_set(&self->error, EAGAIN, "another host has changed the registry meanwhile; try again");
}

void etcd_commit_on_thread(void *user)
{
    struct etcd_registry *self = user;
    struct etcd_pair *pairs = NULL;
    size_t bytes = 0, n_pairs = 0;
    uint64_t found = 0;
    bool is_fleet;
    int r;

    etcd_pairs_done(&self->compared);
    r = make_pairs(self, &pairs, &n_pairs, &bytes);
    is_fleet = self->compared.n > 0;
    self->error = (struct error){0};
    self->next = self->head;
    self->revision = self->head.mod_revision;
    if (r < 0) {
        self->result = error_errno(&self->error, r, "writing to etcd");
        return;
    }
    if (is_fleet) {
        self->next.revision++;
        self->next.commit = ++self->n_commits;
        strcpy(self->next.writer, self->writer);
        etcd_watch_begin_commit(&self->watch, self->next.commit);
    }
    if (self->commit->n_rows > 0)
        r = send_commit(self, pairs, n_pairs, bytes, &found);
    if (r == -EAGAIN)
        r = tell_conflict(self, found);
    if (is_fleet) {
        r = etcd_watch_end_commit(&self->watch, self->next.commit, r, &self->revision);
        self->next.mod_revision = self->revision;
    }
    free_pairs(pairs, n_pairs);
    self->result = r;
}
