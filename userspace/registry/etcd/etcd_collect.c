/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* All rows of the fleet and of this host, as the registry's interface has them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_registry_internal.h"

struct loading {
    struct etcd_registry *self;
    const char *base;
    struct etcd_pairs *rows;
    bool is_of_all;
};

/* One of the history holds those that were told with it, line by line. */
static int take_lines(struct etcd_pairs *rows, const struct etcd_pair *pair, const char *row)
{
    char *lines = pair->value;

    if (strncmp(row, "history/", strlen("history/")) != 0)
        return 0;
    for (char *next = strrchr(lines, '\n'); next; next = strrchr(lines, '\n')) {
        struct etcd_pair told = {.key = strdup(row), .value = strdup(next + 1)};

        if (!told.key || !told.value || ARRAY_MAKE_ROOM(rows->items, rows->n) < 0) {
            free(told.key);
            free(told.value);
            return -ENOMEM;
        }
        rows->items[rows->n++] = told;
        *next = '\0';
    }
    return 0;
}

/* Commits of this host compare them; what is written wrongly is compared all the same. */
static int load_head(struct etcd_registry *self, const struct etcd_pair *pair)
{
    struct etcd_head head = {0};
    int r = etcd_read_head(pair, &head);

    if (strcmp(pair->key, self->head_key) == 0) {
        etcd_raise_head(self, &head, head.revision);
        return r;
    }
    etcd_raise_head(self, &(struct etcd_head){0}, r < 0 ? 0 : head.revision);
    return etcd_heads_learn(&self->heads, pair->key, pair->mod_revision, true);
}

/* Rows are collected with the registry's own keys: a host's lie among the others. */
static int load_pair(struct etcd_pair *pair, void *user)
{
    struct loading *loading = user;
    struct etcd_registry *self = loading->self;
    bool is_fleet = loading->base == self->fleet;
    char owner[ETCD_HOST_SIZE], of_fleet[ETCD_ROW_SIZE];
    const char *row = is_fleet ? NULL : pair->key + strlen(self->own);
    struct etcd_pairs *rows = loading->rows;
    char *copy;

    if (is_fleet && etcd_row_in_fleet(self->fleet, pair->key, of_fleet))
        row = of_fleet;
    if (is_fleet && loading->is_of_all && etcd_watch_know(&self->watch, pair) < 0)
        return -ENOMEM;
    if (is_fleet && !loading->is_of_all && row)
        etcd_take_owner(pair->value, owner);
    if (is_fleet && (strcmp(pair->key, self->head_key) == 0 || etcd_is_head(self->fleet, pair->key)))
        return self->is_following ? 0 : load_head(self, pair);
    if (!row || !*row)
        return 0;
    if (take_lines(rows, pair, row) < 0 || ARRAY_MAKE_ROOM(rows->items, rows->n) < 0 || !(copy = strdup(row)))
        return -ENOMEM;
    free(pair->key);
    pair->key = copy;
    rows->items[rows->n++] = *pair;
    *pair = (struct etcd_pair){0};
    return 0;
}

int etcd_collect(struct etcd_registry *self, struct etcd_pairs *rows, bool is_of_all, struct error *error)
{
    struct loading loading = {self, self->fleet, rows, is_of_all};
    /* What others have written since is to be taken first, so it is not read before that. */
    uint64_t at = self->is_following ? self->at : 0;
    uint64_t own_at = 0;
    int r;

    if (is_of_all) {
        etcd_known_forget_all(&self->watch.known);
        self->head = (struct etcd_head){0};
        etcd_heads_done(&self->heads);
    }
    r = etcd_pages(&self->client, self->fleet, &at, load_pair, &loading, &rows->n_strange, error);
    if (r == 0 && !self->is_following)
        self->at = at;
    if (is_of_all)
        self->watch.n_strange = rows->n_strange;
    loading.base = self->own;
    if (r == 0)
        r = etcd_pages(&self->client, self->own, &own_at, load_pair, &loading, &rows->n_strange, error);
    return r;
}
