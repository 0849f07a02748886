/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a room above the engine stands on: a whole engine with a registry that can be told to misbehave, a
 * data path in memory, an event log and a real loop. The room's followers go between house_make() and
 * house_begin(). Included after cmocka.h.
 */
#pragma once

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "datapath/memory.h"
#include "engine/change/jobs.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "fakes/fake_registry.h"
#include "registry/rows.h"

#ifndef HOUSE_ENDPOINTS
#define HOUSE_ENDPOINTS 16
#endif
#ifndef HOUSE_HISTORY
#define HOUSE_HISTORY 0 /* rows of the history; 0: none is kept */
#endif

/* What must happen happens within this time; what takes so long is lost. */
#define HOUSE_PATIENCE_MS 60000

struct house {
    struct event_base *base;
    struct fake_store *store;
    struct registry *registry;
    struct datapath *datapath;
    struct engine *engine;
    struct event_log events;
};

/* Timers are looked at after every callback, so that one that goes on and on leaves the test its turns. */
static inline struct event_base *house_make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    assert_non_null(config);
    assert_int_equal(event_config_set_max_dispatch_interval(config, NULL, 1, 0), 0);
    base = event_base_new_with_config(config);
    event_config_free(config);
    assert_non_null(base);
    return base;
}

static inline struct alias_range house_alias_range(void)
{
    struct alias_range range;
    struct error error = {0};

    assert_int_equal(alias_range_parse("127.255.0.0/16", "fd7f:ff53:7663::/112", &range, &error), 0);
    return range;
}

/* How large the maps are. */
struct house_size {
    uint32_t aliases, slots, endpoints;
};

static inline void house_make_of_size(struct house *house, struct house_size size)
{
    const struct datapath_config config = {
        .aliases = size.aliases, .slots = size.slots, .endpoints = size.endpoints, .tasks = 4};
    struct engine_settings settings = {
        .max_aliases = size.aliases, .max_slots = size.slots, .max_endpoints = size.endpoints};

    log_set_level(LOG_LEVEL_ERROR);
    *house = (struct house){.base = house_make_base(), .store = fake_store_new()};
    settings.base = house->base;
    settings.history_rows = HOUSE_HISTORY;
    settings.alias_range = house_alias_range();
    settings.host_rights.origin = SETTINGS_OF_HOST; /* as in the daemon, with no command allowed */
    house->registry = fake_registry_open(house->store);
    assert_int_equal(datapath_new_in_memory(&config, &house->datapath), 0);
    assert_int_equal(engine_new(&settings, &house->engine), 0);
    house->engine->jobs->group_ns = UINT64_MAX / 2; /* what shares a commit does not depend on the machine */
    house->engine->jobs->most_gather_ns = 0;
    assert_int_equal(event_log_init(&house->events), 0);
}

static inline void house_make(struct house *house)
{
    house_make_of_size(house, (struct house_size){512, 1024, HOUSE_ENDPOINTS});
}

/* `rows`: what the registry has at the start, key and value in turn, to a NULL. */
static inline void house_fill(struct house *house, const char *const rows[])
{
    struct error error = {0};

    for (; rows && *rows; rows += 2) {
        struct registry_row row = {.key = (char *)rows[0], .value = (char *)rows[1]};
        uint64_t revision;

        assert_int_equal(registry_commit(house->registry, &row, 1, &revision, &error), 0);
    }
}

static inline void house_begin(struct house *house)
{
    struct error error = {0};
    int r = engine_load(house->engine, house->registry, &error);

    if (r == 0)
        r = engine_adopt(house->engine, house->datapath, &error);
    if (r == 0)
        r = engine_publish(house->engine, &error);
    if (r < 0)
        fail_msg("%s", error.message);
    engine_settle(house->engine);
}

/* As the daemon does where maps are there already: what is published is compared with the registry first. */
static inline void house_begin_judged(struct house *house, struct datapath_config *config)
{
    struct error error = {0};

    if (engine_load(house->engine, house->registry, &error) < 0 ||
        engine_judge(house->engine, config, &house->datapath, &error) < 0 ||
        engine_adopt(house->engine, house->datapath, &error) < 0 || engine_publish(house->engine, &error) < 0)
        fail_msg("%s", error.message);
    engine_settle(house->engine);
}

/* Between them the rooms end. */
static inline void house_stop(struct house *house)
{
    engine_stop(house->engine);
}

static inline void house_end(struct house *house)
{
    engine_free(&house->engine);
    datapath_close(&house->datapath);
    event_log_done(&house->events);
    (void)registry_close(&house->registry);
    fake_store_free(&house->store);
    event_base_free(house->base);
}

/* ---- the loop ---- */

/* Turns the loop, and the registry with it, until `is_true` holds. */
static inline void house_until(struct house *house, bool (*is_true)(void *user), void *user, const char *what)
{
    uint64_t end = clock_monotonic_ms() + HOUSE_PATIENCE_MS;

    while (!is_true(user)) {
        const struct timeval pause = {.tv_usec = 1000};

        if (clock_monotonic_ms() >= end)
            fail_msg("waited in vain for: %s", what);
        (void)fake_registry_turn(house->registry);
        (void)event_base_loopexit(house->base, &pause);
        (void)event_base_dispatch(house->base);
    }
}

struct house_deadline {
    uint64_t at_ms;
    unsigned turns;
};

static inline bool house_is_late(void *user)
{
    struct house_deadline *deadline = user;

    if (deadline->turns > 0)
        deadline->turns--;
    return deadline->turns == 0 && clock_monotonic_ms() >= deadline->at_ms;
}

/* For what must not happen: so many milliseconds pass, and on a busy machine enough turns of the loop, too. */
static inline void house_for(struct house *house, unsigned ms)
{
    struct house_deadline deadline = {clock_monotonic_ms() + ms, ms < 50 ? ms + 1 : 50};

    house_until(house, house_is_late, &deadline, "time to pass");
}

/* ---- changes ---- */

struct house_change {
    const char *key;
    const char *value;
    int result;
    bool is_done;
    char error[256];
};

static inline int house_run_change(struct transaction *transaction, void *user, struct error *error)
{
    const struct house_change *change = user;
    struct registry_row row = {.key = strdup(change->key),
                               .value = change->value ? strdup(change->value) : NULL};

    return transaction_put(transaction, row, error);
}

static inline void house_change_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct house_change *change = user;

    (void)revision;
    if (result < 0)
        (void)snprintf(change->error, sizeof(change->error), "%.200s", error->message);
    change->result = result;
    change->is_done = true;
}

/* One row by a job, to its end. */
static inline int house_try_put(struct house *house, const char *key, const char *value)
{
    struct house_change change = {.key = key, .value = value};
    const struct job job = {.run = house_run_change, .done = house_change_done, .user = &change};

    assert_int_equal(engine_submit(house->engine, &job), 0);
    engine_settle(house->engine);
    assert_true(change.is_done);
    if (change.result < 0)
        print_message("%s: %s\n", key, change.error);
    return change.result;
}

static inline void house_put(struct house *house, const char *key, const char *value)
{
    assert_int_equal(house_try_put(house, key, value), 0);
}

static inline struct service *house_service(const struct house *house, const char *service)
{
    return catalog_service(engine_catalog(house->engine), "ns", service);
}

/* "ns/SERVICE/ID"; NULL. */
static inline struct instance *house_instance(const struct house *house, const char *service, const char *id)
{
    const struct service *found = house_service(house, service);

    return found ? catalog_instance(found, id) : NULL;
}

/* ---- what was told ---- */

/* "KIND instance message" of each event, oldest first, with a line end; the caller frees it. */
static inline char *house_events(const struct house *house)
{
    const struct event_entry *entry;
    uint64_t after = 0;
    size_t size = EVENT_LOG_CAPACITY * 64;
    char *text = calloc(1, size);
    FILE *out = fmemopen(text, size, "w");

    assert_non_null(out);
    while ((entry = event_log_next(&house->events, after))) {
        (void)fprintf(out, "%s %s %s\n", event_kind_name(entry->kind),
                      *entry->instance ? entry->instance : "-", entry->message);
        after = entry->sequence;
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static inline void house_expect_events(const struct house *house, const char *wanted)
{
    _cleanup_free_ char *text = house_events(house);

    assert_string_equal(text, wanted);
}

/* How many commits have begun: of a change that is not to be tried twice at once. */
static inline uint64_t house_commits_begun(const struct house *house)
{
    return fake_store_counts(house->store).begun;
}
