/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A whole engine on a registry and a data path in memory, with a real loop. lab_turn() is one turn of it,
 * after which everything a reader could see is compared with what the registry holds (lab_checks.h).
 */
#pragma once

#include "lab_checks.h"

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
        all[i] = steps && i < n ? steps[i] : (struct fake_step){FAKE_WRITTEN, 1};
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
    const struct job job = {.run = change_run, .done = change_done, .user = change};

    change->lab = lab;
    assert_int_equal(engine_submit(lab->engine, &job), 0);
}

static inline void lab_find(struct engine_lab *lab, struct change *change)
{
    const struct job job = {.run = change_run, .done = change_done, .user = change};

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
                                       .max_endpoints = lab->max_endpoints,
                                       .adopts_empty = lab->adopts_empty};
    struct datapath_config config = {0};

    assert_int_equal(alias_range_parse(lab->range, "fd00:5c::/64", &settings.alias_range, &lab->error), 0);
    assert_int_equal(engine_new(&settings, &lab->engine), 0);
    lab->engine->jobs->group_ns =
        UINT64_MAX / 2;                    /* what is one group must not depend on how busy the machine is */
    lab->engine->jobs->most_gather_ns = 0; /* nor on how long a commit took */
    lab_set_stepwise(lab, lab->is_stepwise);
    if (follower)
        assert_int_equal(engine_follow(lab->engine, follower, user), 0);
    assert_int_equal(engine_load(lab->engine, lab->registry, &lab->error), 0);
    if (lab->is_judged)
        assert_int_equal(engine_judge(lab->engine, &config, &lab->datapath, &lab->error), 0);
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

/* Judged at every start, as the daemon is. */
static inline int judged_setup(void **state)
{
    struct engine_lab *lab = lab_new(128, 1024, LAB_ENDPOINTS, "127.255.0.0/26");

    *state = lab;
    lab_ended = 0;
    lab->is_judged = true;
    lab_start(lab, NULL, NULL);
    return 0;
}

/* The next run, on what is pinned. */
static inline void lab_restart(struct engine_lab *lab)
{
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, NULL, NULL);
}

/* Another registry in the place of the one there was, which the test gives back or frees: between two runs.
 */
static inline struct fake_store *lab_swap_store(struct engine_lab *lab, struct fake_store *store)
{
    struct fake_store *before = lab->store;

    assert_null(lab->engine);
    (void)registry_close(&lab->registry);
    lab->store = store;
    lab->registry = fake_registry_open(lab->store);
    lab_plan(lab, NULL, 0);
    return before;
}

/* A row that no engine puts. */
static inline void lab_write_row(struct engine_lab *lab, const char *key, const char *value)
{
    struct registry_row row = {.key = strdup(key), .value = value ? strdup(value) : NULL};
    uint64_t revision;

    assert_int_equal(registry_commit(lab->registry, &row, 1, &revision, &lab->error), 0);
    row_done(&row);
}

static inline int engine_teardown(void **state)
{
    lab_free(*state);
    return 0;
}

#define JUDGED_TEST(name) cmocka_unit_test_setup_teardown(name, judged_setup, engine_teardown)
#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)
