/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of the published tables must stay while the registry is not the one that they came from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "engine/publish/publisher_internal.h"
#include "engine/plan/tables.h"
#include "routing/table_merge.h"

static const struct svc_slot *slots_of(const struct publisher *publisher, uint64_t descriptor,
                                       uint32_t *count)
{
    *count = svc_descriptor_count(descriptor);
    return *count ? datapath_slots(publisher->datapath, svc_descriptor_first(descriptor)) : NULL;
}

/* Of its endpoints, by how many aliases each is kept. */
static void count_keepers(struct publisher *publisher, const struct published *published, uint32_t by)
{
    for (size_t i = 0; published->is_kept && i < published->n_kept; i++)
        if (published->kept[i] < publisher->n_keepers)
            publisher->keepers[published->kept[i]] += by;
}

void publisher_set_kept(struct publisher *publisher, struct published *published, uint32_t *kept,
                        size_t n_kept, bool is_kept)
{
    count_keepers(publisher, published, UINT32_MAX);
    free(published->kept);
    published->kept = kept;
    published->n_kept = n_kept;
    publisher->n_kept += (uint32_t)is_kept - (uint32_t)published->is_kept;
    published->is_kept = is_kept;
    count_keepers(publisher, published, 1);
}

/* Endpoints up to this number can be counted: later changes of what is kept only leave some out. */
static int make_keepers(struct publisher *publisher, uint32_t most)
{
    size_t n = (size_t)most + 1;
    uint32_t *keepers;

    if (n <= publisher->n_keepers)
        return 0;
    keepers = realloc(publisher->keepers, n * sizeof(*keepers));
    if (!keepers)
        return -ENOMEM;
    memset(keepers + publisher->n_keepers, 0, (n - publisher->n_keepers) * sizeof(*keepers));
    publisher->keepers = keepers;
    publisher->n_keepers = n;
    return 0;
}

static void view_kept(const struct publisher *publisher, const struct published *published,
                      struct kept_alias *ret_kept)
{
    const struct svc_service *service = datapath_service(publisher->datapath, published->index);

    *ret_kept = (struct kept_alias){
        .address = published->address,
        .address6 = published->address6,
        .service = service,
        .kept = published->kept,
        .n_kept = published->n_kept,
    };
    ret_kept->slots4 = slots_of(publisher, service->table4, &ret_kept->count4);
    ret_kept->slots6 = slots_of(publisher, service->table6, &ret_kept->count6);
}

/* What would go from either table, ascending. The one for IPv6 has all, except that a death between the two stores of a
 * publication leaves one of them older. */
static int find_missing(const struct publisher *publisher, const struct published *published,
                        const struct wanted_alias *wanted, uint32_t **ret_missing, size_t *ret_n)
{
    _cleanup_free_ uint32_t *missing4 = NULL;
    _cleanup_free_ uint32_t *missing6 = NULL;
    uint32_t *both;
    struct kept_alias view;
    size_t n4 = 0;
    size_t n6 = 0;
    size_t n = 0;
    int r;

    view_kept(publisher, published, &view);
    r = table_missing(view.slots4, view.count4, wanted ? wanted->slots4 : NULL, wanted ? wanted->count4 : 0,
                      &missing4, &n4);
    if (r == 0)
        r = table_missing(view.slots6, view.count6, wanted ? wanted->slots6 : NULL,
                          wanted ? wanted->count6 : 0, &missing6, &n6);
    both = r == 0 ? malloc((n4 + n6 + 1) * sizeof(*both)) : NULL;
    if (!both)
        return -ENOMEM;
    for (size_t i = 0, k = 0; i < n4 || k < n6;) {
        bool takes4 = k == n6 || (i < n4 && missing4[i] <= missing6[k]);
        uint32_t number = takes4 ? missing4[i++] : missing6[k++];

        if (n == 0 || both[n - 1] != number)
            both[n++] = number;
    }
    *ret_missing = both;
    *ret_n = n;
    return 0;
}

/* Without a wanted one all of it is kept. */
static int keep_missing(struct publisher *publisher, struct published *published,
                        const struct wanted_alias *wanted)
{
    uint32_t *missing = NULL;
    size_t n = 0;
    int r = find_missing(publisher, published, wanted, &missing, &n);

    if (r == 0)
        r = make_keepers(publisher, n ? missing[n - 1] : 0);
    if (r < 0) {
        free(missing);
        return r;
    }
    publisher_set_kept(publisher, published, missing, n, !wanted || n > 0);
    return 0;
}

int publisher_keep(struct publisher *publisher, struct wanted_alias *wanted, size_t *n_wanted)
{
    struct published *published;
    size_t left = 0;
    int r = 0;

    for (size_t i = 0; i < *n_wanted; i++) {
        char identity[PUBLISHED_IDENTITY];

        publisher_identity(wanted[i].scope, &wanted[i].alias, identity);
        HASH_FIND_STR(publisher->all, identity, published);
        if (r == 0 && published && wanted[i].exists) {
            published->is_wanted = true;
            r = keep_missing(publisher, published, &wanted[i]);
        }
        if (published && (published->is_kept || !wanted[i].exists))
            wanted_alias_done(&wanted[i]);
        else
            wanted[left++] = wanted[i];
    }
    *n_wanted = left;
    for (published = publisher->all; published && r == 0; published = published->hh.next) {
        if (!published->is_wanted)
            r = keep_missing(publisher, published, NULL);
        published->is_wanted = false;
    }
    return r;
}

static struct published *publisher_kept_find(const struct publisher *publisher, uint32_t scope,
                                             const struct client_alias *alias)
{
    char identity[PUBLISHED_IDENTITY];
    struct published *published;

    publisher_identity(scope, alias, identity);
    HASH_FIND_STR(publisher->all, identity, published);
    return published;
}

int publisher_find(const struct publisher *publisher, uint32_t scope, const struct client_alias *alias,
                   struct kept_alias *ret_published)
{
    const struct published *published = publisher_kept_find(publisher, scope, alias);

    if (!published)
        return -ENOENT;
    view_kept(publisher, published, ret_published);
    return 0;
}

int publisher_find_kept(const struct publisher *publisher, uint32_t scope, const struct client_alias *alias,
                        struct kept_alias *ret_kept)
{
    const struct published *published = publisher_kept_find(publisher, scope, alias);

    if (!published || !published->is_kept)
        return -ENOENT;
    view_kept(publisher, published, ret_kept);
    return 0;
}

bool publisher_is_published(const struct publisher *publisher, uint32_t scope,
                            const struct client_alias *alias)
{
    return publisher_kept_find(publisher, scope, alias) != NULL;
}

int publisher_list_kept(const struct publisher *publisher, uint32_t scope, struct client_alias **ret_aliases,
                        size_t *ret_n)
{
    struct client_alias *aliases = calloc((size_t)publisher->n_kept + 1, sizeof(*aliases));
    const struct published *published = publisher->n_kept > 0 ? publisher->all : NULL;
    size_t n = 0;

    if (!aliases)
        return -ENOMEM;
    for (; published; published = published->hh.next)
        if (published->is_kept && published->scope == scope)
            aliases[n++] = published->alias;
    *ret_aliases = aliases;
    *ret_n = n;
    return 0;
}

bool publisher_keeps_endpoint(const struct publisher *publisher, uint32_t number)
{
    return number < publisher->n_keepers && publisher->keepers[number] > 0;
}

uint32_t publisher_kept_aliases(const struct publisher *publisher)
{
    return publisher->n_kept;
}

void publisher_forget_kept(struct publisher *publisher)
{
    struct published *published;

    for (published = publisher->all; published; published = published->hh.next)
        publisher_set_kept(publisher, published, NULL, 0, false);
    free(publisher->keepers);
    publisher->keepers = NULL;
    publisher->n_keepers = 0;
}
