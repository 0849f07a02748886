/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a commit was computed from is what the owner has taken. So its head is compared, and a commit that came after
 * another host's fails; the end is told when what the other wrote is there to be taken. A commit bears its writer and
 * number in the head: if the answer is lost, it is found written or not when it is tried again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int make_pairs(struct etcd_registry *self, struct etcd_pair **ret_pairs, bool *ret_is_fleet,
                      size_t *ret_bytes)
{
    const struct registry_commit *commit = self->commit;
    struct etcd_pair *pairs = calloc(commit->n_rows + 1, sizeof(*pairs));

    if (!pairs)
        return -ENOMEM;
    for (size_t i = 0; i < commit->n_rows; i++) {
        const struct registry_row *row = &commit->rows[i];

        pairs[i].key = etcd_key_of_row(self->settings->prefix, self->settings->host, row->key);
        if (pairs[i].key && row->value)
            pairs[i].value = etcd_known_own(&self->watch.known, pairs[i].key, row->value);
        if (!pairs[i].key || (row->value && !pairs[i].value)) {
            free_pairs(pairs, i + 1);
            return -ENOMEM;
        }
        *ret_is_fleet |= !etcd_is_of_host(row->key);
        /* As etcd counts: the lengths, and some bytes of how they are packed. */
        *ret_bytes += strlen(pairs[i].key) + (row->value ? strlen(pairs[i].value) : 0) + 32;
    }
    *ret_pairs = pairs;
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

/* -EAGAIN: the head is another's; *found says whose. */
static int send_commit(struct etcd_registry *self, const struct etcd_pair *pairs, bool is_fleet, size_t bytes,
                       struct etcd_head *found)
{
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *body = NULL;
    size_t n = 0;
    int r;

    body = etcd_write_commit(pairs, self->commit->n_rows, self->head_key, is_fleet ? &self->head : NULL,
                             &self->next, &n);
    if (!body)
        return error_errno(&self->error, ENOMEM, "writing to etcd");
    r = check_size(self, n, bytes, &self->error);
    if (r == 0)
        r = etcd_client_call(&self->client, "/v3/kv/txn", body, &answer, &self->error);
    if (r < 0)
        return r;
    self->error = (struct error){0};
    r = etcd_read_commit(answer, &self->revision, found);
    if (r == -EINVAL)
        return error_set(&self->error, EPROTO, "what etcd answered is no end of a transaction");
    return r;
}

/* The head was another one: ours, if an earlier try was written though its answer was lost. */
static int judge_conflict(struct etcd_registry *self, const struct etcd_head *found)
{
    if (found->commit == self->next.commit && strcmp(found->writer, self->writer) == 0) {
        self->revision = found->mod_revision;
        return 0;
    }
    if (self->is_following)
        etcd_watch_wait_for(&self->watch, found->mod_revision, CATCH_UP_MS);
    return error_set(&self->error, EAGAIN, "another host has changed the registry meanwhile; try again");
}

void etcd_commit_on_thread(void *user)
{
    struct etcd_registry *self = user;
    struct etcd_pair *pairs = NULL;
    struct etcd_head found = {0};
    bool is_fleet = false;
    size_t bytes = 0;
    int r = make_pairs(self, &pairs, &is_fleet, &bytes);

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
        r = send_commit(self, pairs, is_fleet, bytes, &found);
    if (r == -EAGAIN)
        r = judge_conflict(self, &found);
    if (is_fleet) {
        r = etcd_watch_end_commit(&self->watch, self->next.commit, r, &self->revision);
        self->next.mod_revision = self->revision;
    }
    free_pairs(pairs, self->commit->n_rows);
    self->result = r;
}
