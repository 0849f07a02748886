/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One run after the other, in both forms: what is adopted, and what a migration carries over. */
#include "unit/datapath/datapath_lab.h"

static int sum_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    *(uint64_t *)user += key->scope * 1000 + alias->service;
    return 0;
}

static int sum_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    *(uint64_t *)user += number * 1000 + endpoint->weight;
    return 0;
}

static int sum_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    *(uint64_t *)user += cgroup_id * 1000 + task->scope;
    return 0;
}

static int sum_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    *(uint64_t *)user += key->namespace_scope * 1000 + endpoint;
    return 0;
}

static void expect_entries(struct lab *lab, uint64_t aliases, uint64_t endpoints, uint64_t tasks,
                           uint64_t peers)
{
    uint64_t found[4] = {0};

    assert_int_equal(datapath_each_alias(lab->datapath, sum_alias, &found[0]), 0);
    assert_int_equal(datapath_each_endpoint(lab->datapath, sum_endpoint, &found[1]), 0);
    assert_int_equal(datapath_each_task(lab->datapath, sum_task, &found[2]), 0);
    assert_int_equal(datapath_each_peer(lab->datapath, sum_peer, &found[3]), 0);
    assert_int_equal(found[0], aliases);
    assert_int_equal(found[1], endpoints);
    assert_int_equal(found[2], tasks);
    assert_int_equal(found[3], peers);
}

static int put_alias(struct lab *lab, uint32_t scope, uint32_t service)
{
    struct svc_alias_key key = {.scope = scope, .protocol = TCP};
    struct svc_alias alias = {.service = service};

    return datapath_put_alias(lab->datapath, &key, &alias);
}

static int put_endpoint(struct lab *lab, uint32_t number, uint32_t weight)
{
    struct svc_endpoint endpoint = {.weight = weight};

    return datapath_put_endpoint(lab->datapath, number, &endpoint);
}

/* One of everything. Returns on how many CPUs each was counted. */
static uint64_t fill(struct lab *lab)
{
    struct svc_peer_key peer = {.namespace_scope = 4};
    struct svc_task task = {.scope = 3};
    struct svc_slot slot = {.endpoint_a = 1};

    assert_int_equal(put_alias(lab, 1, 10), 0);
    assert_int_equal(put_endpoint(lab, 2, 20), 0);
    assert_int_equal(datapath_put_task(lab->datapath, 3, &task), 0);
    assert_int_equal(datapath_put_peer(lab->datapath, &peer, 2), 0);
    datapath_write_slots(lab->datapath, 1, &slot, 1);
    datapath_publish(lab->datapath, 0, 11, 12);
    datapath_outlier(lab->datapath, 2)->ejections = 4;
    datapath_resolver(lab->datapath, 1)->n = 2;
    return lab_count(lab, 2, 7, 8);
}

static void expect_counted(struct lab *lab, uint64_t connections, uint64_t hits)
{
    struct svc_endpoint_stats stats = {0};
    struct svc_counters counters = {0};

    assert_int_equal(datapath_endpoint_stats(lab->datapath, 2, &stats), 0);
    assert_int_equal(datapath_counters(lab->datapath, &counters), 0);
    assert_int_equal(stats.connections, connections);
    assert_int_equal(counters.hit, hits);
}

static void test_the_first_run(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config config = {0};

    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_NEW);
    assert_false(datapath_is_readable(lab->datapath));
    assert_false(datapath_pinned_sizes(lab->datapath, &config));
    expect_entries(lab, 0, 0, 0, 0);
    (void)fill(lab);
    assert_int_equal(lab_activate(lab), 0);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_NEW);
    expect_entries(lab, 1010, 2020, 3003, 4002);
}

static void test_an_adoption_finds_everything_as_it_was(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config config = {0};
    struct svc_outlier outlier;
    uint64_t cpus = fill(lab);

    (void)lab_activate(lab);
    for (int run = 0; run < 2; run++) {
        lab_restart(lab, DATAPATH_ADOPTED);
        assert_true(datapath_is_readable(lab->datapath));
        assert_false(datapath_pinned_sizes(lab->datapath, &config)); /* they are the ones in use */
        assert_int_equal(datapath_writes(lab->datapath), 0);
        expect_entries(lab, 1010, 2020, 3003, 4002);
        assert_int_equal(datapath_service(lab->datapath, 0)->table4, 11);
        assert_int_equal(datapath_slots(lab->datapath, 1)->endpoint_a, 1);
        assert_int_equal(datapath_outlier(lab->datapath, 2)->ejections, 4);
        assert_false(datapath_old_outlier(lab->datapath, 2, &outlier));
        assert_int_equal(datapath_resolver(lab->datapath, 1)->n, 2);
        expect_counted(lab, 7 * cpus, 8 * cpus);
        assert_int_equal(lab_activate(lab), 0);
    }
}

static void test_a_migration_reads_the_old_and_writes_the_new(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_outlier outlier = {0};
    uint64_t cpus = fill(lab);

    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_MIGRATED);
    assert_true(datapath_is_readable(lab->datapath));
    /* Peers follow from endpoints, so nobody asks the old ones. */
    expect_entries(lab, 1010, 2020, 3003, 0);
    assert_int_equal(datapath_service(lab->datapath, 0)->table4, 0);
    assert_int_equal(datapath_slots(lab->datapath, 1)->endpoint_a, 0);
    assert_int_equal(datapath_outlier(lab->datapath, 2)->ejections, 0);
    assert_int_equal(datapath_resolver(lab->datapath, 1)->n, 0);
    assert_true(datapath_old_outlier(lab->datapath, 2, &outlier));
    assert_int_equal(outlier.ejections, 4);
    assert_false(datapath_old_outlier(lab->datapath, lab->config.endpoints + 1, &outlier));
    /* What is put takes its counters with it. */
    assert_int_equal(put_endpoint(lab, 2, 21), 0);
    assert_int_equal(put_alias(lab, 5, 50), 0);
    expect_counted(lab, 7 * cpus, 0);
    expect_entries(lab, 1010, 2020, 3003, 0);
    (void)lab_activate(lab);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_ADOPTED);
    expect_entries(lab, 5050, 2021, 0, 0);
    expect_counted(lab, 7 * cpus, 8 * cpus);
    assert_false(datapath_old_outlier(lab->datapath, 2, &outlier));
}

static void test_held_entries_take_their_counters_along(void **state)
{
    struct lab *lab = lab_of(state);
    uint64_t cpus = fill(lab);

    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_MIGRATED);
    datapath_hold(lab->datapath);
    assert_int_equal(put_endpoint(lab, 2, 21), 0);
    assert_int_equal(datapath_release(lab->datapath), 0);
    (void)lab_activate(lab);
    expect_counted(lab, 7 * cpus, 8 * cpus);
}

static void test_sizes_that_are_pinned_can_be_had(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config config = {.expected_endpoints = 77, .slots = 1};
    struct datapath_config first = lab->config;

    (void)fill(lab);
    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_MIGRATED);
    assert_true(datapath_pinned_sizes(lab->datapath, &config));
    assert_int_equal(config.aliases, first.aliases);
    assert_int_equal(config.slots, first.slots);
    assert_int_equal(config.endpoints, first.endpoints);
    assert_int_equal(config.tasks, first.tasks);
    assert_int_equal(config.expected_endpoints, 77); /* no size of a map */
    if (lab->is_kernel) {
        /* Never activated: the old ones are in charge still, and those sizes adopt them. */
        lab->config.slots = config.slots;
        datapath_close(&lab->datapath);
        lab_open(lab);
        assert_int_equal(datapath_origin(lab->datapath), DATAPATH_ADOPTED);
        expect_entries(lab, 1010, 2020, 3003, 4002);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_the_first_run),
        BOTH_FORMS(test_an_adoption_finds_everything_as_it_was),
        BOTH_FORMS(test_a_migration_reads_the_old_and_writes_the_new),
        BOTH_FORMS(test_held_entries_take_their_counters_along),
        BOTH_FORMS(test_sizes_that_are_pinned_can_be_had),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
