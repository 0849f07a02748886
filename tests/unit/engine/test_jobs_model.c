/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Random jobs, some of them in pieces, random findings, a registry that fails at random, turns of one step
 * and long ones: whenever the catalog may be read it is what the registry holds, and what is published is
 * what can be read. SVCCONNECT_TEST_SEED and _STEPS choose another run.
 */
#include "model_jobs.h"

/* ---- what this host knows ---- */

static struct held *held_of(struct model *model, const char *name)
{
    for (size_t i = 0; i < model->n_held; i++)
        if (strcmp(model->held[i].name, name) == 0)
            return &model->held[i];
    assert_in_range(model->n_held, 0, HELD - 1);
    (void)snprintf(model->held[model->n_held].name, ENDPOINT_NAME_SIZE, "%s", name);
    return &model->held[model->n_held++];
}

static void set_addresses(struct model *model, struct instance *record)
{
    struct external_address addresses[ADDRESSES] = {0};
    char name[ENDPOINT_NAME_SIZE];
    unsigned bits = held_of(model, endpoint_name(record, name))->addresses;
    size_t n = 0;

    for (unsigned i = 0; i < ADDRESSES; i++)
        if (bits >> i & 1)
            addresses[n++].address = ip_address_from_v4(0x0a010000u + i);
    assert_int_equal(catalog_set_addresses(record, addresses, n), 0);
}

static void fill_all(struct catalog *catalog, void *user)
{
    for (struct model_namespace *parent = catalog->namespaces; parent; parent = parent->hh.next)
        for (struct service *service = parent->services; service; service = service->hh.next)
            for (struct instance *record = service->records; record; record = record->hh.next)
                if (record->host)
                    set_addresses(user, record);
}

/* Every hook finds numbers that lead to what is there, and none runs within another. */
static void enter_hook(struct model *model)
{
    const struct engine *engine = model->lab->engine;

    for (uint32_t number = 1; number <= MANY; number++) {
        const struct instance *instance = engine->instances[number];

        if (instance)
            assert_ptr_equal(catalog_instance(instance->service, instance->id), instance);
    }
}

static int on_fill(void *user, const char *namespace_name, const char *service_name, const char *id)
{
    struct model *model = user;
    const struct service *service =
        catalog_service(model->lab->engine->catalog, namespace_name, service_name);
    struct instance *record = service ? catalog_record(service, id) : NULL;

    enter_hook(model);
    if (record && record->host)
        set_addresses(model, record);
    return 0;
}

static void on_plan(void *user, struct instance *instance)
{
    char name[ENDPOINT_NAME_SIZE];

    enter_hook(user);
    instance->is_held_back = held_of(user, endpoint_name(instance, name))->is_held;
}

static void on_put(void *user, struct instance *instance)
{
    struct model *model = user;

    enter_hook(model);
    assert_ptr_equal(model->lab->engine->instances[instance->endpoint], instance);
}

/* No table names what is removed. */
static void on_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct model *model = user;
    const struct published *published;

    (void)namespace_name;
    enter_hook(model);
    assert_null(model->lab->engine->instances[number]);
    for (published = model->lab->engine->publisher->all; published; published = published->hh.next) {
        const struct svc_service *service = datapath_service(model->lab->datapath, published->index);

        for (uint32_t i = 0; i < svc_descriptor_count(service->table4); i++) {
            const struct svc_slot *slot =
                datapath_slots(model->lab->datapath, svc_descriptor_first(service->table4)) + i;

            assert_int_not_equal(slot->endpoint_a, number);
            assert_int_not_equal(slot->endpoint_b, number);
        }
    }
}

static void on_settled(void *user, const char *namespace_name, const char *service, const char *id)
{
    (void)namespace_name;
    (void)service;
    (void)id;
    enter_hook(user);
}

static void on_namespace(void *user, const char *namespace_name)
{
    (void)namespace_name;
    enter_hook(user);
}

static int on_loaded(void *user, struct error *error)
{
    struct model *model = user;

    (void)error;
    fill_all(model->lab->engine->catalog, model);
    return 0;
}

static void on_doubt(void *user, struct instance *instance)
{
    char name[ENDPOINT_NAME_SIZE];

    instance->is_held_back = held_of(user, endpoint_name(instance, name))->is_held;
}

static const struct engine_follower follower = {
    .loaded = on_loaded,
    .doubt = on_doubt,
    .fill = on_fill,
    .plan = on_plan,
    .put = on_put,
    .removed = on_removed,
    .settled = on_settled,
    .names_changed = on_namespace,
    .scopes_changed = on_namespace,
};

/* ---- jobs ---- */

/* What is acknowledged is there; of two rows of one key the later counts. */
static void expect_written(const struct model_job *job)
{
    for (size_t i = 0; i < job->n_last; i++) {
        const struct registry_row *row = &job->last[i];
        bool is_last = true;

        for (size_t k = i + 1; k < job->n_last; k++)
            is_last = is_last && strcmp(job->last[k].key, row->key) != 0;
        if (is_last)
            assert_int_equal(!fake_store_find(job->model->lab->store, row->key), !row->value);
    }
}

static void done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct model_job *job = user;

    (void)revision;
    assert_true(result == 0 || (error && error->message[0]));
    job->model->ended++;
    job->model->failed += result < 0;
    if (result == 0 && !job->is_taken_back)
        expect_written(job);
    forget_rows(job);
    free(job);
}

static void submit(struct model *model)
{
    struct model_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    *job = (struct model_job){.model = model, .seed = next(&model->random)};
    assert_int_equal(engine_submit(model->lab->engine, &(struct job){.run = run, .done = done, .user = job}),
                     0);
    model->submitted++;
}

/* ---- findings ---- */

static struct instance *any_instance(struct model *model, uint64_t *random, bool is_record)
{
    const struct service *service = catalog_service(model->lab->engine->catalog, namespaces[pick(random, 2)],
                                                    services[pick(random, ARRAY_SIZE(services))]);
    struct instance *instance = service ? (is_record ? service->records : service->instances) : NULL;

    for (unsigned n = pick(random, 6); instance && instance->hh.next && n > 0; n--)
        instance = instance->hh.next;
    return instance;
}

static int touch_all(struct transaction *transaction, const struct instance *record)
{
    int r = transaction_touch_instance(transaction, record);

    for (size_t i = 0; i < record->n_addresses && r == 0; i++)
        r = transaction_touch_instance(transaction, record->addresses[i]);
    return r;
}

static int find(struct transaction *transaction, void *user, struct error *error)
{
    struct model_job *job = user;
    uint64_t random = job->seed;
    bool is_record = pick(&random, 2);
    struct instance *instance = any_instance(job->model, &random, is_record);
    char name[ENDPOINT_NAME_SIZE];
    struct held *held = instance ? held_of(job->model, endpoint_name(instance, name)) : NULL;

    if (!held)
        return 0;
    if (!is_record) {
        held->is_held = pick(&random, 2);
        return transaction_touch_instance(transaction, instance);
    }
    if (!instance->host)
        return 0;
    assert_int_equal(touch_all(transaction, instance), 0);
    held->addresses = pick(&random, 1 << ADDRESSES);
    set_addresses(job->model, instance);
    assert_int_equal(touch_all(transaction, instance), 0);
    (void)error;
    return 0;
}

static void submit_finding(struct model *model)
{
    struct model_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    *job = (struct model_job){.model = model, .seed = next(&model->random)};
    assert_int_equal(
        engine_submit_finding(model->lab->engine, &(struct job){.run = find, .done = done, .user = job}), 0);
    model->submitted++;
    model->findings++;
}

/* ---- a reader ---- */

static void on_steady(void *user)
{
    struct model *model = user;

    assert_true(engine_is_steady(model->lab->engine));
    model->is_reader_waiting = false;
    model->reads++;
    lab_check(model->lab);
}

/* Asks to be called, or thinks better of it. */
static void wait_to_read(struct model *model)
{
    if (!model->is_reader_waiting)
        assert_int_equal(engine_when_steady(model->lab->engine, on_steady, model), 0);
    else if (pick(&model->random, 8) == 0)
        engine_forget_waiter(model->lab->engine, model);
    else
        return;
    model->is_reader_waiting = !model->is_reader_waiting;
}

/* ---- the run ---- */

static void plan_faults(struct model *model)
{
    static const enum fake_fault faults[] = {FAKE_CONFLICT, FAKE_TOO_LARGE, FAKE_DISK_FULL, FAKE_IO_ERROR,
                                             FAKE_LOST_BEFORE};
    struct fake_step steps[LAB_STEPS];

    for (size_t i = 0; i < LAB_STEPS; i++)
        steps[i] = (struct fake_step){
            pick(&model->random, 4) ? FAKE_WRITTEN : faults[pick(&model->random, ARRAY_SIZE(faults))],
            1 + pick(&model->random, 4)};
    lab_plan(model->lab, steps, LAB_STEPS);
}

static uint64_t number_of(const char *name, uint64_t usual)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : usual;
}

static void expect_nothing_left(struct engine_lab *lab)
{
    struct change change = {.user = NULL};
    size_t n;

    /* Row by row, for there are more than a change of tests holds. */
    lab_plan(lab, NULL, 0);
    for (;;) {
        const struct fake_row *rows = fake_store_rows(lab->store, &n);
        size_t i = 0;

        while (i < n && strncmp(rows[i].key, "host/", 5) == 0)
            i++;
        if (i == n)
            break;
        {
            _cleanup_free_ char *key = strdup(rows[i].key);

            assert_int_equal(lab_do(lab, (struct change){.rows = {{key, NULL}}}), 0);
        }
    }
    lab_submit(lab, &change);
    lab_settle(lab);
    lab_turns(lab, 8);
    assert_int_equal(name_numbers_used(lab->engine->endpoints), 0);
    assert_int_equal(publisher_aliases(lab->engine->publisher), 0);
    assert_int_equal(publisher_slots_used(lab->engine->publisher), 0);
}

static void test_whatever_happens(void **state)
{
    uint64_t seed = number_of("SVCCONNECT_TEST_SEED", 1);
    uint64_t steps = number_of("SVCCONNECT_TEST_STEPS", STEPS);
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    assert_non_null(model);
    model->random = seed;
    model->lab = lab_new(512, 16384, MANY, "127.255.0.0/26");
    model->lab->on_fresh = fill_all;
    model->lab->on_fresh_user = model;
    lab_start(model->lab, &follower, model);
    for (uint64_t step = 0; step < steps; step++) {
        if (step % 2000 == 0)
            plan_faults(model);
        for (unsigned n = pick(&model->random, model->lab->is_stepwise ? 2 : 4); n > 0; n--)
            submit(model);
        for (unsigned n = pick(&model->random, 3); n > 0; n--)
            submit_finding(model);
        if (pick(&model->random, 50) == 0)
            model->lab->engine->jobs->are_numbers_late = false; /* the second is over */
        wait_to_read(model);
        if (pick(&model->random, model->lab->is_stepwise ? 100 : 30) == 0)
            lab_set_stepwise(model->lab, !model->lab->is_stepwise);
        lab_turn(model->lab);
        if (pick(&model->random, 500) == 0) { /* the daemon ends, and the next one adopts */
            lab_stop(model->lab);
            model->is_reader_waiting = false; /* nobody calls it any more */
            assert_int_equal(model->ended, model->submitted);
            assert_int_equal(memory_datapath_restart(model->lab->datapath, DATAPATH_ADOPTED), 0);
            lab_start(model->lab, &follower, model);
            lab_check(model->lab);
        }
    }
    lab_plan(model->lab, NULL, 0);
    lab_set_stepwise(model->lab, false);
    lab_settle(model->lab);
    assert_int_equal(model->ended, model->submitted);
    assert_false(model->is_reader_waiting);
    print_message(
        "%zu jobs and %zu more pieces, %zu findings, %zu failed, %zu reads, %llu turns, unsteady after %u\n",
        model->submitted - model->findings, model->pieces, model->findings, model->failed, model->reads,
        (unsigned long long)model->lab->turns, model->lab->unsteady);
    if (steps >= STEPS) {
        assert_true(model->pieces > 0 && model->reads > 0);
        assert_in_range(model->lab->unsteady, steps / 10, model->lab->turns);
    }
    expect_nothing_left(model->lab);
    lab_free(model->lab);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whatever_happens)};

    return cmocka_run_group_tests_name("jobs at random", tests, NULL, NULL);
}
