/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a lab holds, and all that must be true of it whenever the catalog may be read: see engine_lab.h. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "datapath/memory.h"
#include "engine/change/jobs.h"
#include "engine/engine_internal.h"
#include "engine/plan/wanted.h"
#include "engine/publish/publisher_internal.h"
#include "fakes/fake_registry.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"
#include "unit/registry/catalog_text.h"

struct engine_lab {
    struct event_base *base;
    struct fake_store *store;
    struct registry *registry;
    struct datapath *datapath;
    struct event *grace;
    struct engine *engine;
    struct error error;
    uint64_t turns;
    uint32_t max_aliases, max_slots, max_endpoints;
    const char *range;
    bool is_judged; /* a start judges its registry (guard/guard.h) */
    bool adopts_empty;
    bool is_stepwise;                                    /* each turn is one step long */
    unsigned unsteady;                                   /* turns after which nobody may read */
    void (*on_fresh)(struct catalog *fresh, void *user); /* adds what is of this host and not in the rows */
    void *on_fresh_user;
};

#define LAB_ENDPOINTS 64
#define LAB_TURN_NS   (UINT64_MAX / 2) /* until nothing is left: not a matter of how busy the machine is */

/* ---- what everybody may see between two turns ---- */

static inline int lab_apply(struct catalog *catalog, const char *key, const char *value)
{
    struct error error = {0};
    int r = row_apply(catalog, key, value, &error);

    if (r < 0)
        fail_msg("%s: %s", key, error.message);
    return r;
}

/* A catalog of the registry's rows alone; scopes are this host's, so they are taken from the engine. */
static inline struct catalog *lab_catalog_of_registry(struct engine_lab *lab)
{
    struct catalog *fresh = catalog_new();
    struct model_namespace *parent;
    size_t n;
    const struct fake_row *rows = fake_store_rows(lab->store, &n);

    for (size_t i = 0; i < n; i++)
        (void)lab_apply(fresh, rows[i].key, rows[i].value);
    if (lab->on_fresh)
        lab->on_fresh(fresh, lab->on_fresh_user);
    for (parent = fresh->namespaces; parent; parent = parent->hh.next)
        for (struct client *client = parent->clients; client; client = client->hh.next) {
            const struct model_namespace *ours = catalog_namespace(lab->engine->catalog, parent->name);
            const struct client *same = ours ? catalog_client(ours, client->name) : NULL;

            assert_non_null(same);
            assert_int_not_equal(same->scope, 0);
            client->scope = same->scope;
        }
    return fresh;
}

/* Says the first line that differs: the whole would be cut. */
static inline void lab_expect_same(const char *found, const char *wanted)
{
    size_t at = 0;

    if (strcmp(found, wanted) == 0)
        return;
    for (size_t i = 0; found[i] && found[i] == wanted[i]; i++)
        if (found[i] == '\n')
            at = i + 1;
    fail_msg("the catalog has\n  %.*s\nand the registry\n  %.*s", (int)strcspn(found + at, "\n"), found + at,
             (int)strcspn(wanted + at, "\n"), wanted + at);
}

static inline void lab_expect_committed(struct engine_lab *lab)
{
    _cleanup_free_ char *found = catalog_text(lab->engine->catalog);
    _cleanup_free_ char *wanted = NULL;
    struct catalog *fresh;

    /* A commit that took effect as it began, whose end nobody has seen: the store is ahead. */
    if (fake_store_revision(lab->store) != registry_revision(lab->registry))
        return;
    fresh = lab_catalog_of_registry(lab);
    wanted = catalog_text(fresh);
    catalog_free(&fresh);
    lab_expect_same(found, wanted);
}

/* Every instance has a number of its own, and every number leads to its instance. */
static inline void lab_expect_numbers(struct engine_lab *lab)
{
    size_t n = 0;

    for (uint32_t number = 1; number <= lab->engine->settings.max_endpoints; number++) {
        const struct instance *instance = lab->engine->instances[number];
        char name[ENDPOINT_NAME_SIZE];
        uint32_t held = 0;

        if (!instance)
            continue;
        n++;
        assert_int_equal(instance->endpoint, number);
        assert_int_equal(name_numbers_find(lab->engine->endpoints, endpoint_name(instance, name), &held), 0);
        assert_int_equal(held, number);
        assert_ptr_equal(catalog_instance(instance->service, instance->id), instance);
    }
    assert_int_equal(n, lab->engine->catalog->n_instances);
}

struct lab_entries {
    struct engine_lab *lab;
    size_t n;
};

static inline int lab_on_endpoint(uint32_t number, const struct svc_endpoint *entry, void *user)
{
    struct lab_entries *entries = user;
    const struct instance *instance = entries->lab->engine->instances[number];
    struct svc_endpoint wanted;

    if (!instance)
        fail_msg("endpoint %u is %s/%s/%s %s, which is not registered", number, entry->namespace,
                 entry->service, entry->instance, entry->address);
    endpoint_entry(instance, &wanted);
    assert_memory_equal(entry, &wanted, sizeof(wanted));
    entries->n++;
    return 0;
}

static inline int lab_on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    ((struct lab_entries *)user)->n++;
    return 0;
}

static inline void lab_want_all(struct engine_lab *lab, struct wanted_list *list)
{
    struct model_namespace *parent;

    for (parent = lab->engine->catalog->namespaces; parent; parent = parent->hh.next) {
        _cleanup_free_ struct client **clients = NULL;
        size_t n = 0;

        assert_int_equal(want_scope(lab->engine, parent, NULL, list, &lab->error), 0);
        assert_int_equal(scopes_of_clients(parent, &clients, &n), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(want_scope(lab->engine, parent, clients[i], list, &lab->error), 0);
    }
}

/* From what is published to what the catalog wants there is no step, and the entries say the same. */
static inline void lab_expect_published(struct engine_lab *lab)
{
    _cleanup_(wanted_list_done) struct wanted_list list = {0};
    struct lab_entries entries = {.lab = lab};
    struct publication *publication = NULL;

    lab_want_all(lab, &list);
    assert_int_equal(
        publisher_prepare(lab->engine->publisher, list.items, list.n, true, &publication, &lab->error), 0);
    assert_int_equal(publication->n_steps, 0);
    publisher_abort(lab->engine->publisher, &publication);
    assert_int_equal(datapath_each_endpoint(lab->datapath, lab_on_endpoint, &entries), 0);
    assert_int_equal(entries.n, lab->engine->catalog->n_instances);
    entries.n = 0;
    assert_int_equal(datapath_each_alias(lab->datapath, lab_on_alias, &entries), 0);
    assert_int_equal(entries.n, 2 * publisher_aliases(lab->engine->publisher));
}

/* While tables are published by steps some are those of before. */
static inline bool lab_is_between(const struct engine_lab *lab)
{
    return lab->engine->jobs->state == JOBS_IDLE || lab->engine->jobs->state == JOBS_COMMITTING;
}

/* What a reader does: it asks first. */
static inline void lab_check(struct engine_lab *lab)
{
    if (!engine_is_steady(lab->engine)) {
        lab->unsteady++;
        for (uint32_t number = 1; number <= lab->engine->settings.max_endpoints; number++)
            assert_null(engine_instance(lab->engine, number));
        return;
    }
    lab_expect_committed(lab);
    lab_expect_numbers(lab);
    if (lab_is_between(lab) && !engine_is_degraded(lab->engine)) /* more is published than is wanted */
        lab_expect_published(lab);
}

/* Nothing is on its way: numbers are those of what is registered, and no more. */
static inline void lab_expect_no_leak(struct engine_lab *lab)
{
    const struct engine *engine = lab->engine;
    size_t scopes = 0;

    if (engine_is_degraded(engine)) /* what is kept has numbers, too */
        return;
    for (const struct model_namespace *parent = engine->catalog->namespaces; parent;
         parent = parent->hh.next) {
        _cleanup_free_ struct client **clients = NULL;
        size_t n = 0;
        uint32_t number;

        assert_int_equal(scopes_of_clients(parent, &clients, &n), 0);
        scopes += n + (name_numbers_find(engine->scopes, parent->name, &number) == 0);
        for (size_t i = 0; i < n; i++) {
            char name[SCOPE_NAME_SIZE];

            scope_name(parent, clients[i], name);
            assert_int_equal(name_numbers_find(engine->scopes, name, &number), 0);
            assert_int_equal(number, clients[i]->scope);
        }
    }
    assert_int_equal(name_numbers_used(engine->endpoints), engine->catalog->n_instances);
    assert_int_equal(name_numbers_used(engine->publisher->indexes), publisher_aliases(engine->publisher));
    assert_int_equal(name_numbers_used(engine->scopes), scopes);
}
