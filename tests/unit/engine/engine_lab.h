/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A whole engine on a registry and a data path in memory, with a real loop. lab_turn() is one turn of it,
 * after which everything a reader could see is compared with what the registry holds.
 */
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
    if (lab_is_between(lab))
        lab_expect_published(lab);
}

/* Nothing is on its way: numbers are those of what is registered, and no more. */
static inline void lab_expect_no_leak(struct engine_lab *lab)
{
    const struct engine *engine = lab->engine;
    size_t scopes = 0;

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

/* ---- turns ---- */

static inline void lab_set_stepwise(struct engine_lab *lab, bool is_stepwise)
{
    lab->is_stepwise = is_stepwise;
    if (lab->engine)
        lab->engine->jobs->turn_ns = is_stepwise ? 0 : LAB_TURN_NS;
}

/* The registry first, so that a commit begun in one turn can end in the next one. */
static inline void lab_turn(struct engine_lab *lab)
{
    (void)fake_registry_turn(lab->registry);
    (void)event_base_loop(lab->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    lab->turns++;
    lab_check(lab);
}

static inline bool lab_is_idle(const struct engine_lab *lab)
{
    const struct jobs *jobs = lab->engine->jobs;

    return jobs->state == JOBS_IDLE && !jobs->changes.first && !jobs->findings.first &&
           (!jobs->must_save || jobs->are_numbers_late);
}

#define LAB_STEPS 4096

/* What becomes of the next commits; those after them are written, each a turn after its begin. */
static inline void lab_plan(struct engine_lab *lab, const struct fake_step *steps, size_t n)
{
    struct fake_step *all = calloc(LAB_STEPS, sizeof(*all));

    assert_non_null(all);
    for (size_t i = 0; i < LAB_STEPS; i++)
        all[i] = i < n ? steps[i] : (struct fake_step){FAKE_WRITTEN, 1};
    fake_registry_plan(lab->registry, all, LAB_STEPS);
    free(all);
}

static inline void lab_turns(struct engine_lab *lab, unsigned n)
{
    while (n-- > 0)
        lab_turn(lab);
}

/* Until nothing is left to do. */
static inline void lab_settle(struct engine_lab *lab)
{
    for (unsigned i = 0; i < 3 || !lab_is_idle(lab); i++) {
        assert_true(i < 1000000);
        lab_turn(lab);
    }
    lab_expect_no_leak(lab);
}

/* ---- a change that a test describes ---- */

#define CHANGE_ROWS 12

struct change {
    struct engine_lab *lab;
    struct {
        const char *key;
        const char *value;
    } rows[CHANGE_ROWS]; /* up to the first without a key */
    int refuse;          /* what run returns after all rows */
    bool is_privileged;
    void (*on_run)(struct change *change, struct transaction *transaction);
    void (*on_done)(struct change *change);
    void *user;
    unsigned runs;
    unsigned ends;
    unsigned at; /* the how manieth to end, of the lab's */
    int result;
    uint64_t revision;
    struct error error;
};

static unsigned lab_ended;

static inline int change_run(struct transaction *transaction, void *user, struct error *error)
{
    struct change *change = user;

    change->runs++;
    if (change->is_privileged)
        transaction_privilege(transaction);
    for (size_t i = 0; i < CHANGE_ROWS && change->rows[i].key; i++) {
        struct registry_row row = {strdup(change->rows[i].key),
                                   change->rows[i].value ? strdup(change->rows[i].value) : NULL};
        int r = transaction_put(transaction, row, error);

        if (r < 0)
            return r;
    }
    if (change->on_run)
        change->on_run(change, transaction);
    return change->refuse < 0 ? error_set(error, -change->refuse, "refused") : change->refuse;
}

static inline void change_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct change *change = user;

    change->ends++;
    change->at = ++lab_ended;
    change->result = result;
    change->revision = revision;
    if (result < 0)
        change->error = *error;
    if (change->on_done)
        change->on_done(change);
}

static inline void lab_submit(struct engine_lab *lab, struct change *change)
{
    const struct job job = {change_run, change_done, change};

    change->lab = lab;
    assert_int_equal(engine_submit(lab->engine, &job), 0);
}

static inline void lab_find(struct engine_lab *lab, struct change *change)
{
    const struct job job = {change_run, change_done, change};

    change->lab = lab;
    assert_int_equal(engine_submit_finding(lab->engine, &job), 0);
}

/* The change by itself, to its end. */
static inline int lab_do(struct engine_lab *lab, struct change change)
{
    lab_submit(lab, &change);
    lab_settle(lab);
    assert_int_equal(change.ends, 1);
    lab->error = change.error;
    return change.result;
}

#define DO(lab, ...)     lab_do(lab, (struct change){.rows = {__VA_ARGS__}})
#define SERVICE(alias)   "{\"clientAliases\":[{\"dnsName\":\"" alias "\",\"port\":80,\"protocol\":\"tcp\"}]}"
#define INSTANCE(last)   "{\"address\":\"10.0.0." #last "\",\"port\":80}"
#define WEIGHED(last, w) "{\"address\":\"10.0.0." #last "\",\"port\":80,\"weight\":" #w "}"
#define ROUTE(service)   "{\"targets\":[{\"service\":\"" service "\",\"weight\":1}]}"

static inline struct instance *lab_instance(const struct engine_lab *lab, const char *service, const char *id)
{
    const struct service *found = catalog_service(lab->engine->catalog, "ns", service);

    return found ? catalog_instance(found, id) : NULL;
}

/* The endpoints that the alias's table in the scope leads to, as bits of their numbers; 0: no such alias. */
static inline uint64_t lab_table(const struct engine_lab *lab, uint32_t scope, const char *identity)
{
    const struct published *published;
    char text[PUBLISHED_IDENTITY];
    uint64_t bits = 0;
    uint64_t table;

    (void)snprintf(text, sizeof(text), "%u %s", scope, identity);
    HASH_FIND_STR(lab->engine->publisher->all, text, published);
    if (!published)
        return 0;
    table = datapath_service(lab->datapath, published->index)->table4;
    for (uint32_t i = 0; i < svc_descriptor_count(table); i++) {
        const struct svc_slot *slot = datapath_slots(lab->datapath, svc_descriptor_first(table)) + i;

        bits |= UINT64_C(1) << slot->endpoint_a | UINT64_C(1) << slot->endpoint_b;
    }
    return bits;
}

/* ---- making and ending ---- */

static inline void lab_on_grace(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    engine_end_grace(((struct engine_lab *)user)->engine);
}

static inline void lab_start(struct engine_lab *lab, const struct engine_follower *follower, void *user)
{
    struct engine_settings settings = {.base = lab->base,
                                       .max_aliases = lab->max_aliases,
                                       .max_slots = lab->max_slots,
                                       .max_endpoints = lab->max_endpoints};

    assert_int_equal(alias_range_parse(lab->range, "fd00:5c::/64", &settings.alias_range, &lab->error), 0);
    assert_int_equal(engine_new(&settings, &lab->engine), 0);
    lab->engine->jobs->group_ns =
        UINT64_MAX / 2; /* what is one group must not depend on how busy the machine is */
    lab_set_stepwise(lab, lab->is_stepwise);
    if (follower)
        assert_int_equal(engine_follow(lab->engine, follower, user), 0);
    assert_int_equal(engine_load(lab->engine, lab->registry, &lab->error), 0);
    assert_int_equal(engine_adopt(lab->engine, lab->datapath, &lab->error), 0);
    assert_int_equal(engine_publish(lab->engine, &lab->error), 0);
    lab->grace =
        event_new(lab->base, datapath_grace_fd(lab->datapath), EV_READ | EV_PERSIST, lab_on_grace, lab);
    assert_int_equal(event_add(lab->grace, NULL), 0);
}

static inline void lab_stop(struct engine_lab *lab)
{
    if (lab->grace)
        event_free(lab->grace);
    lab->grace = NULL;
    if (lab->engine)
        engine_stop(lab->engine);
    engine_free(&lab->engine);
}

/* `aliases`: entries, of which an alias has two. */
static inline struct engine_lab *lab_new(uint32_t aliases, uint32_t slots, uint32_t endpoints,
                                         const char *range)
{
    const struct datapath_config config = {
        .aliases = aliases, .slots = slots, .endpoints = endpoints, .tasks = 4};
    struct engine_lab *lab = calloc(1, sizeof(*lab));

    if (!lab || datapath_new_in_memory(&config, &lab->datapath) < 0)
        abort();
    lab->max_aliases = aliases;
    lab->max_slots = slots;
    lab->max_endpoints = endpoints;
    lab->range = range;
    lab->base = event_base_new();
    lab->store = fake_store_new();
    lab->registry = fake_registry_open(lab->store);
    lab_plan(lab, NULL, 0);
    return lab;
}

static inline void lab_free(struct engine_lab *lab)
{
    lab_stop(lab);
    (void)registry_close(&lab->registry);
    fake_store_free(&lab->store);
    datapath_close(&lab->datapath);
    event_base_free(lab->base);
    free(lab);
}

static inline int engine_setup(void **state)
{
    struct engine_lab *lab = lab_new(128, 1024, LAB_ENDPOINTS, "127.255.0.0/26");

    *state = lab;
    lab_ended = 0;
    lab_start(lab, NULL, NULL);
    return 0;
}

static inline int engine_teardown(void **state)
{
    lab_free(*state);
    return 0;
}

#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)
