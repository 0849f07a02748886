/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_forget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/random.h"
#include "registry/etcd/etcd_heads.h"
#include "registry/etcd/etcd_pages.h"

#define MOST_TRIES 8

struct forgetting {
    const struct etcd_settings *settings;
    struct etcd_client client;
    char *fleet, *head_key, *hosts_key;
    struct etcd_leaving *hosts;
    size_t n_hosts;

    /* Of the one that is to go. */
    const char *host;
    struct etcd_pairs rows; /* keys without values: deletions */
    struct etcd_heads heads;
    struct etcd_head next;
    uint64_t head_revision; /* etcd's, of the fleet's head */
};

/* ---- what there is ---- */

static struct etcd_leaving *leaving_of(struct forgetting *self, const char *host, size_t n)
{
    struct etcd_leaving *leaving;

    for (size_t i = 0; i < self->n_hosts; i++)
        if (strncmp(self->hosts[i].host, host, n) == 0 && !self->hosts[i].host[n])
            return &self->hosts[i];
    if (n == 0 || n >= sizeof(leaving->host) || ARRAY_MAKE_ROOM(self->hosts, self->n_hosts) < 0)
        return NULL;
    leaving = &self->hosts[self->n_hosts++];
    *leaving = (struct etcd_leaving){0};
    memcpy(leaving->host, host, n);
    return leaving;
}

static int see_row(struct forgetting *self, struct etcd_pair *pair)
{
    struct etcd_leaving *leaving;
    char owner[ETCD_HOST_SIZE];
    struct etcd_pair row = {0};

    etcd_take_owner(pair->value, owner);
    if (!*owner)
        return 0;
    leaving = leaving_of(self, owner, strlen(owner));
    if (!leaving)
        return -ENOMEM;
    leaving->n_instances++;
    if (!self->host || strcmp(owner, self->host) != 0)
        return 0;
    if (ARRAY_MAKE_ROOM(self->rows.items, self->rows.n) < 0)
        return -ENOMEM;
    row.key = TAKE_PTR(pair->key);
    self->rows.items[self->rows.n++] = row;
    return 0;
}

static int see_head(struct forgetting *self, const struct etcd_pair *pair)
{
    struct etcd_head head = {0};

    if (etcd_read_head(pair, &head) == 0 && head.revision > self->next.revision)
        self->next.revision = head.revision;
    if (strcmp(pair->key, self->head_key) == 0) {
        self->head_revision = pair->mod_revision;
        return 0;
    }
    return etcd_heads_learn(&self->heads, pair->key, pair->mod_revision, true);
}

static int see_of_fleet(struct etcd_pair *pair, void *user)
{
    struct forgetting *self = user;
    const char *host = etcd_host_in_fleet(self->fleet, pair->key);
    struct etcd_leaving *leaving;
    char row[ETCD_ROW_SIZE];

    if (strcmp(pair->key, self->head_key) == 0 || etcd_is_head(self->fleet, pair->key))
        return see_head(self, pair);
    if (!host)
        return etcd_row_in_fleet(self->fleet, pair->key, row) ? see_row(self, pair) : 0;
    leaving = leaving_of(self, host, strlen(host));
    if (leaving)
        leaving->is_there = true;
    return 0;
}

static int see_own(struct etcd_pair *pair, void *user)
{
    struct forgetting *self = user;
    const char *host = pair->key + strlen(self->hosts_key);
    struct etcd_leaving *leaving = leaving_of(self, host, strcspn(host, "/"));

    if (leaving)
        leaving->n_own++;
    return 0;
}

static void forget_what_was_seen(struct forgetting *self)
{
    etcd_heads_done(&self->heads);
    etcd_pairs_done(&self->rows);
    free(self->hosts);
    self->hosts = NULL;
    self->n_hosts = 0;
}

static int compare_leavings(const void *a, const void *b)
{
    return strcmp(((const struct etcd_leaving *)a)->host, ((const struct etcd_leaving *)b)->host);
}

static int see_all(struct forgetting *self, struct error *error)
{
    uint64_t at = 0;
    size_t n_strange = 0;
    int r;

    forget_what_was_seen(self);
    r = etcd_pages(&self->client, self->fleet, &at, see_of_fleet, self, &n_strange, error);
    if (r == 0)
        r = etcd_pages(&self->client, self->hosts_key, &at, see_own, self, &n_strange, error);
    if (r == 0 && self->n_hosts)
        qsort(self->hosts, self->n_hosts, sizeof(*self->hosts), compare_leavings);
    return r == -ENOMEM ? error_errno(error, r, "reading what etcd has") : r;
}

static int begin_forgetting(struct forgetting *self, const struct etcd_settings *settings,
                            struct error *error)
{
    self->settings = settings;
    self->fleet = etcd_key_of_fleet(settings->prefix);
    self->head_key = etcd_key_of_head(settings->prefix);
    if (asprintf(&self->hosts_key, "%s/hosts/", settings->prefix) < 0)
        self->hosts_key = NULL;
    (void)snprintf(self->next.writer, sizeof(self->next.writer), "forget-%08" PRIx32 "%08" PRIx32,
                   random_below(UINT32_MAX), random_below(UINT32_MAX));
    if (!self->fleet || !self->head_key || !self->hosts_key || etcd_client_init(&self->client, settings) < 0)
        return error_errno(error, ENOMEM, "asking etcd");
    return 0;
}

static void end_forgetting(struct forgetting *self)
{
    forget_what_was_seen(self);
    etcd_client_done(&self->client);
    free(self->fleet);
    free(self->head_key);
    free(self->hosts_key);
}

int etcd_forget_list(const struct etcd_settings *settings, struct etcd_leaving **ret_hosts, size_t *ret_n,
                     struct error *error)
{
    struct forgetting self = {0};
    int r = begin_forgetting(&self, settings, error);

    if (r == 0)
        r = see_all(&self, error);
    if (r == 0) {
        *ret_n = self.n_hosts;
        *ret_hosts = TAKE_PTR(self.hosts);
        self.n_hosts = 0;
    }
    end_forgetting(&self);
    return r;
}

/* ---- taking it away ---- */

/* The heads of these rows, as they were seen. */
static int compared_heads(struct forgetting *self, size_t at, size_t n, struct etcd_pairs *heads)
{
    for (size_t i = at; i < at + n; i++) {
        char row[ETCD_ROW_SIZE], *key = NULL;

        if (etcd_row_in_fleet(self->fleet, self->rows.items[i].key, row))
            key = etcd_head_of_row(self->fleet, row);
        if (!key)
            return -ENOMEM;
        /* Rows are in the order of their namespaces. */
        if (heads->n && strcmp(heads->items[heads->n - 1].key, key) == 0) {
            free(key);
            continue;
        }
        if (ARRAY_MAKE_ROOM(heads->items, heads->n) < 0) {
            free(key);
            return -ENOMEM;
        }
        heads->items[heads->n++] =
            (struct etcd_pair){.key = key, .mod_revision = etcd_heads_revision(&self->heads, key)};
    }
    return 0;
}

static int take_away_some(struct forgetting *self, size_t at, size_t n, struct error *error)
{
    const struct etcd_pair head = {.key = self->head_key, .mod_revision = self->head_revision};
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *body = NULL;
    struct etcd_pairs heads = {0};
    uint64_t revision, found;
    size_t n_ops;
    int r = compared_heads(self, at, n, &heads);

    self->next.revision++;
    self->next.commit++;
    if (r == 0)
        body = etcd_write_commit(self->rows.items + at, n, &head, &heads, &self->next, &n_ops);
    r = body ? etcd_client_call(&self->client, "/v3/kv/txn", body, &answer, error)
             : error_errno(error, ENOMEM, "asking etcd");
    if (r == 0)
        r = etcd_read_commit(answer, &self->next, &revision, &found);
    for (size_t i = 0; r == 0 && i < heads.n; i++)
        r = etcd_heads_learn(&self->heads, heads.items[i].key, revision, true);
    etcd_pairs_done(&heads);
    return r;
}

static int take_away_rows(struct forgetting *self, uint64_t *gone, struct error *error)
{
    /* Each may be the only one of its namespace, whose head is written with it. */
    size_t most = (self->settings->max_txn_ops - 1) / 2;
    int r = 0;

    for (size_t at = 0; r == 0 && at < self->rows.n; at += most) {
        size_t n = self->rows.n - at < most ? self->rows.n - at : most;

        r = take_away_some(self, at, n, error);
        *gone += r == 0 ? n : 0;
    }
    return r;
}

static int take_away_own(struct forgetting *self, struct error *error)
{
    _cleanup_free_ char *base = etcd_key_of_host(self->settings->prefix, self->host);
    const struct etcd_range range = {.base = base};
    _cleanup_free_ char *body = base ? etcd_write_range(&range) : NULL;
    _cleanup_json_ cJSON *answer = NULL;

    return body ? etcd_client_call(&self->client, "/v3/kv/deleterange", body, &answer, error)
                : error_errno(error, ENOMEM, "asking etcd");
}

static int look_for(struct forgetting *self, struct etcd_leaving *ret_found, struct error *error)
{
    int r = see_all(self, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < self->n_hosts; i++) {
        if (strcmp(self->hosts[i].host, self->host) != 0)
            continue;
        *ret_found = self->hosts[i];
        if (!ret_found->is_there)
            return 0;
        return error_set(error, EBUSY,
                         "host %s is there: stop its svcconnectd, and wait until its lease has ended",
                         self->host);
    }
    return error_set(error, ENOENT, "nothing of host %s is in etcd below %s", self->host,
                     self->settings->prefix);
}

int etcd_forget(const struct etcd_settings *settings, const char *host, struct etcd_leaving *ret_gone,
                struct error *error)
{
    struct forgetting self = {.host = host};
    struct etcd_leaving found = {0};
    uint64_t gone = 0;
    int r = begin_forgetting(&self, settings, error);

    for (unsigned n = 0; r == 0; n++) {
        r = look_for(&self, &found, error);
        if (r == 0)
            r = take_away_rows(&self, &gone, error);
        if (r != -EAGAIN || n + 1 == MOST_TRIES)
            break;
        r = 0;
    }
    if (r == -EAGAIN)
        (void)error_set(error, EAGAIN, "other hosts are changing the same namespaces; try again");
    if (r == 0)
        r = take_away_own(&self, error);
    if (r == 0) {
        found.n_instances = gone;
        *ret_gone = found;
    }
    end_forgetting(&self);
    return r;
}
