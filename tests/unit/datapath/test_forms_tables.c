/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Mapped memory, grace periods and what is pinned of the registry, in both forms. */
#include "unit/datapath/datapath_lab.h"

/* ---- tables ---- */

static void test_an_identity_comes_without_tables(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_service identity = {.table4 = 9,
                                   .table6 = 9,
                                   .scope = 3,
                                   .port_be = 0x5000,
                                   .protocol = TCP,
                                   .stickiness_ms = 4,
                                   .flags = SVC_SERVICE_PEER_ALIAS};
    struct svc_service wanted;
    uint32_t last = datapath_services(lab->config.aliases) - 1;

    memset(identity.address4, 4, sizeof(identity.address4));
    memset(identity.address6, 6, sizeof(identity.address6));
    datapath_publish(lab->datapath, last, 1, 2);
    datapath_set_identity(lab->datapath, last, &identity);
    wanted = identity;
    wanted.table4 = wanted.table6 = 0;
    assert_memory_equal(datapath_service(lab->datapath, last), &wanted, sizeof(wanted));
    assert_int_equal(datapath_writes(lab->datapath), 2);
    /* The neighbours are as they were. */
    wanted = (struct svc_service){0};
    assert_memory_equal(datapath_service(lab->datapath, last - 1), &wanted, sizeof(wanted));
}

static void test_manner_and_tables_leave_the_identity(void **state)
{
    struct lab *lab = lab_of(state);
    const struct svc_service *service = datapath_service(lab->datapath, 1);
    struct svc_service identity = {.scope = 3, .flags = SVC_SERVICE_PEER_ALIAS};

    datapath_set_identity(lab->datapath, 1, &identity);
    datapath_set_manner(lab->datapath, 1, 5000, 0);
    assert_int_equal(service->stickiness_ms, 5000);
    assert_int_equal(service->flags, 0);
    assert_int_equal(datapath_writes(lab->datapath), 1); /* a manner is no entry */
    datapath_publish(lab->datapath, 1, UINT64_C(0x1100000022), 33);
    assert_true(service->table4 == UINT64_C(0x1100000022));
    assert_int_equal(service->table6, 33);
    assert_int_equal(service->scope, 3);
    assert_int_equal(service->stickiness_ms, 5000);
    datapath_publish(lab->datapath, 1, 0, 33);
    assert_int_equal(service->table4, 0);
    assert_int_equal(service->table6, 33);
    assert_int_equal(datapath_writes(lab->datapath), 3);
}

static void test_slots_are_written_where_they_belong(void **state)
{
    struct lab *lab = lab_of(state);
    const struct svc_slot *all = datapath_slots(lab->datapath, 0);
    const struct svc_slot none = {0};
    struct svc_slot slots[3];
    uint32_t first = lab->config.slots - 3;

    for (uint32_t i = 0; i < 3; i++) {
        memset(&slots[i], (int)i + 1, sizeof(slots[i]));
        slots[i].endpoint_a = 10 + i;
    }
    datapath_write_slots(lab->datapath, first, slots, 3);
    assert_memory_equal(datapath_slots(lab->datapath, first), slots, sizeof(slots));
    assert_memory_equal(&all[first - 1], &none, sizeof(none));
    assert_int_equal(datapath_writes(lab->datapath), 1); /* many slots, one write */
    datapath_write_slots(lab->datapath, 0, slots, 0);
    assert_memory_equal(all, &none, sizeof(none));
    assert_int_equal(datapath_writes(lab->datapath), 1);
}

static void test_outliers_and_resolvers_have_their_bounds(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_outlier *outlier = datapath_outlier(lab->datapath, lab->config.endpoints);
    struct svc_outlier old;

    assert_non_null(outlier);
    assert_null(datapath_outlier(lab->datapath, lab->config.endpoints + 1));
    assert_null(datapath_outlier(lab->datapath, UINT32_MAX));
    outlier->ejections = 7;
    assert_int_equal(datapath_outlier(lab->datapath, lab->config.endpoints)->ejections, 7);
    assert_int_equal(datapath_outlier(lab->datapath, 0)->ejections, 0);
    assert_int_equal(datapath_writes(lab->datapath), 0);
    datapath_count_write(lab->datapath);
    assert_int_equal(datapath_writes(lab->datapath), 1);
    assert_false(datapath_old_outlier(lab->datapath, 1, &old)); /* nothing was migrated */
    assert_int_equal(datapath_resolvers(lab->datapath), 2 * lab->config.tasks);
    datapath_resolver(lab->datapath, 2 * lab->config.tasks)->n = 3;
    assert_null(datapath_resolver(lab->datapath, 2 * lab->config.tasks + 1));
    assert_int_equal(datapath_writes(lab->datapath), 1);
}

/* The first address of an alias is its index, so there must be one where there is only one entry. */
static void test_there_is_always_a_service(void **state)
{
    (void)state;
    assert_int_equal(datapath_services(0), 1);
    assert_int_equal(datapath_services(1), 1);
    assert_int_equal(datapath_services(2), 1);
    assert_int_equal(datapath_services(3), 1);
    assert_int_equal(datapath_services(64), 32);
}

/* ---- grace periods ---- */

static bool is_over(void *user)
{
    return lab_is_readable(datapath_grace_fd(user));
}

static void test_one_grace_period_at_a_time(void **state)
{
    struct lab *lab = lab_of(state);

    datapath_grace_end(lab->datapath); /* none is under way: does not wait for one */
    assert_false(is_over(lab->datapath));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(datapath_grace_begin(lab->datapath), 0);
        assert_int_equal(datapath_grace_begin(lab->datapath), -EBUSY);
        lab_until(is_over, lab->datapath, "the grace period");
        assert_int_equal(datapath_grace_begin(lab->datapath), -EBUSY); /* until it has been ended */
        datapath_grace_end(lab->datapath);
        assert_false(is_over(lab->datapath));
    }
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static void test_a_grace_period_ended_before_it_is_over(void **state)
{
    struct lab *lab = lab_of(state);

    assert_int_equal(datapath_grace_begin(lab->datapath), 0);
    datapath_grace_end(lab->datapath);
    assert_false(is_over(lab->datapath));
    datapath_grace_wait(lab->datapath);
    assert_false(is_over(lab->datapath));
    assert_int_equal(datapath_grace_begin(lab->datapath), 0);
    datapath_close(&lab->datapath); /* waits for it */
    assert_null(lab->datapath);
    datapath_close(&lab->datapath);
}

/* ---- what is pinned of the registry ---- */

static struct svc_registry_seen seen_of(const char *id, uint64_t revision)
{
    struct svc_registry_seen seen = {
        .revision = revision, .published = revision * 10, .told = revision + 1000};

    (void)snprintf(seen.id, sizeof(seen.id), "%s", id);
    return seen;
}

static void expect_seen(struct lab *lab, const char *id, uint64_t revision, uint64_t published,
                        uint64_t degraded_since)
{
    struct svc_registry_seen seen = datapath_registry_seen(lab->datapath);

    assert_string_equal(seen.id, id);
    assert_true(seen.revision == revision);
    assert_true(seen.published == published);
    assert_true(seen.degraded_since == degraded_since);
    assert_true(seen.told >= 1000 || !*id);
}

static void test_nobody_has_said_which_registry(void **state)
{
    expect_seen(lab_of(state), "", 0, 0, 0);
}

static void test_what_is_pinned_of_the_registry_is_read_back(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_registry_seen seen = seen_of("0123456789abcdef0123456789abcdef", 5);

    datapath_set_registry_seen(lab->datapath, &seen);
    expect_seen(lab, "0123456789abcdef0123456789abcdef", 5, 50, 0);
    seen.revision = 6;
    seen.degraded_since = 77;
    datapath_set_registry_seen(lab->datapath, &seen);
    expect_seen(lab, "0123456789abcdef0123456789abcdef", 6, 50, 77);
    /* A shorter id leaves nothing of the one before. */
    seen = seen_of("unknown", 0);
    datapath_set_registry_seen(lab->datapath, &seen);
    expect_seen(lab, "unknown", 0, 0, 0);
    assert_int_equal(datapath_writes(lab->datapath), 0); /* none of these is a write */
}

static void test_it_outlives_runs(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_registry_seen seen = seen_of("abc", 5);

    datapath_set_registry_seen(lab->datapath, &seen);
    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_ADOPTED);
    expect_seen(lab, "abc", 5, 50, 0);
    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_MIGRATED);
    expect_seen(lab, "abc", 5, 50, 0); /* of the old maps, as long as they are in charge */
    seen = seen_of("def", 9);
    datapath_set_registry_seen(lab->datapath, &seen);
    expect_seen(lab, "abc", 5, 50, 0);
    (void)lab_activate(lab);
    expect_seen(lab, "def", 9, 90, 0);
}

/* What lies in memory without an end is not read past it. */
static void test_an_id_without_an_end_is_cut(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_registry_seen damaged = {.revision = 3};
    struct svc_registry_seen found;
    _cleanup_close_ int fd = -1;
    uint32_t zero = 0;

    memset(damaged.id, 'x', sizeof(damaged.id));
    if (lab->is_kernel) {
        fd = lab_pinned("maps_new", "registry_seen");
        assert_int_equal(bpf_map_update_elem(fd, &zero, &damaged, BPF_ANY), 0);
    } else {
        datapath_set_registry_seen(lab->datapath, &damaged);
    }
    found = datapath_registry_seen(lab->datapath);
    assert_int_equal(strlen(found.id), sizeof(found.id) - 1);
    assert_true(found.revision == 3);
}

/* A death while it is written leaves an id that begins with the end of a text: nobody has said. */
static void test_what_a_death_leaves_names_no_registry(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_registry_seen seen = seen_of("abc", 5);
    struct svc_registry_seen torn = {.id = "\0bc"};
    _cleanup_close_ int fd = -1;
    uint32_t zero = 0;

    datapath_set_registry_seen(lab->datapath, &seen);
    (void)lab_activate(lab);
    fd = lab_pinned("maps", "registry_seen");
    assert_int_equal(bpf_map_update_elem(fd, &zero, &torn, BPF_ANY), 0);
    lab_restart(lab, DATAPATH_ADOPTED);
    expect_seen(lab, "", 0, 0, 0);
    datapath_set_registry_seen(lab->datapath, &seen); /* and the next one names it again */
    expect_seen(lab, "abc", 5, 50, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_an_identity_comes_without_tables),
        BOTH_FORMS(test_manner_and_tables_leave_the_identity),
        BOTH_FORMS(test_slots_are_written_where_they_belong),
        BOTH_FORMS(test_outliers_and_resolvers_have_their_bounds),
        cmocka_unit_test(test_there_is_always_a_service),
        BOTH_FORMS(test_one_grace_period_at_a_time),
        BOTH_FORMS(test_a_grace_period_ended_before_it_is_over),
        BOTH_FORMS(test_nobody_has_said_which_registry),
        BOTH_FORMS(test_what_is_pinned_of_the_registry_is_read_back),
        BOTH_FORMS(test_it_outlives_runs),
        BOTH_FORMS(test_an_id_without_an_end_is_cut),
        IN_KERNEL(test_what_a_death_leaves_names_no_registry),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
