/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What other hosts write: before all that wait, not written once more, and as much of it as can be had. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_lab.h"

static int remote_setup(void **state)
{
    struct engine_lab *lab = lab_new(128, 1024, LAB_ENDPOINTS, "127.255.0.0/26");

    *state = lab;
    lab_ended = 0;
    fake_registry_tell(lab->registry, NULL, 0);
    lab_start(lab, NULL, NULL);
    return 0;
}

static void tell(struct engine_lab *lab, size_t n, const char *const rows[][2])
{
    struct registry_row told[8];

    assert_in_range(n, 1, ARRAY_SIZE(told));
    for (size_t i = 0; i < n; i++)
        told[i] = (struct registry_row){(char *)rows[i][0], (char *)rows[i][1]};
    fake_registry_tell(lab->registry, told, n);
}

#define TELL(lab, ...)                                                                                       \
    do {                                                                                                     \
        static const char *const rows_[][2] = {__VA_ARGS__};                                                 \
        tell(lab, ARRAY_SIZE(rows_), rows_);                                                                 \
    } while (0)

static uint64_t bit_of_instance(struct engine_lab *lab, const char *id)
{
    const struct instance *instance = lab_instance(lab, "web", id);

    assert_non_null(instance);
    return UINT64_C(1) << instance->endpoint;
}

static void test_it_is_in_effect(void **state)
{
    struct engine_lab *lab = *state;
    uint64_t before = fake_store_counts(lab->store).begun;

    TELL(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
         {"host/address/stranger", "7"}, {"history/1", "{}"});
    lab_settle(lab);
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of_instance(lab, "a"));
    /* The numbers of this host by themselves, and not what is written already. */
    assert_int_equal(fake_store_counts(lab->store).begun, before + 1);
    assert_non_null(fake_store_find(lab->store, "host/address/web"));
    TELL(lab, {"instances/ns/web/b", INSTANCE(2)}, {"instances/ns/web/a", NULL});
    lab_settle(lab);
    assert_null(lab_instance(lab, "web", "a"));
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of_instance(lab, "b"));
    assert_int_equal(fake_store_counts(lab->store).begun, before + 1);
    assert_int_equal(engine_figures(lab->engine).revision, fake_store_revision(lab->store));
    assert_int_equal(lab->engine->jobs->n_skipped, 0);
}

static void remember_whether_b_is_there(struct change *change, struct transaction *transaction)
{
    (void)transaction;
    *(bool *)change->user = lab_instance(change->lab, "web", "b") != NULL;
}

/* Who was refused for it sees it when he runs again. */
static void test_it_comes_before_those_who_wait(void **state)
{
    struct engine_lab *lab = *state;
    const struct fake_step conflict = {FAKE_CONFLICT, 2};
    bool has_seen = false;
    struct change change = {.rows = {{"instances/ns/web/a", INSTANCE(1)}},
                            .on_run = remember_whether_b_is_there,
                            .user = &has_seen};

    lab_plan(lab, &conflict, 1);
    lab_submit(lab, &change);
    lab_turn(lab);
    assert_int_equal(change.runs, 1);
    assert_false(has_seen);
    TELL(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/b", INSTANCE(2)});
    lab_settle(lab);
    assert_int_equal(change.result, 0);
    assert_int_equal(change.runs, 2);
    assert_true(has_seen);
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of_instance(lab, "a") | bit_of_instance(lab, "b"));
}

static void test_the_same_once_more_changes_nothing(void **state)
{
    struct engine_lab *lab = *state;
    uint64_t writes;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    writes = datapath_writes(lab->datapath);
    TELL(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
         {"instances/ns/web/x", NULL});
    lab_settle(lab);
    /* But to tell the revision. */
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
}

/* The lab compares the catalog with all rows of the registry, and here are some that it cannot have. */
static void run_unchecked(struct engine_lab *lab)
{
    for (unsigned i = 0; i < 5000; i++) {
        (void)fake_registry_turn(lab->registry);
        (void)event_base_loop(lab->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
}

static void test_what_nobody_understands_is_passed_over(void **state)
{
    struct engine_lab *lab = *state;

    TELL(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", "no JSON"},
         {"instances/ns/web/b", "{\"address\":\"nowhere\",\"port\":80}"}, {"instances/ns/web/c", INSTANCE(3)},
         {"later/version", "{}"}, {"registry/id", "{}"});
    run_unchecked(lab);
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of_instance(lab, "c"));
    assert_int_equal(lab->engine->jobs->n_skipped, 3);
}

/* More endpoints than there is room for: what there is room for is in effect. */
static void test_what_cannot_be_had_together(void **state)
{
    struct engine_lab *lab = *state;
    struct registry_row rows[LAB_ENDPOINTS + 3];
    char keys[ARRAY_SIZE(rows)][40];

    rows[0] = (struct registry_row){(char *)"services/ns/web", (char *)SERVICE("web")};
    for (unsigned i = 1; i < ARRAY_SIZE(rows); i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "instances/ns/web/i%u", i);
        rows[i] = (struct registry_row){keys[i], (char *)INSTANCE(1)};
    }
    fake_registry_tell(lab->registry, rows, ARRAY_SIZE(rows));
    run_unchecked(lab);
    assert_int_equal(engine_figures(lab->engine).endpoints_used, LAB_ENDPOINTS);
    assert_int_equal(lab->engine->jobs->n_skipped, 2);
    assert_true(engine_is_steady(lab->engine));
}

#define REMOTE_TEST(name) cmocka_unit_test_setup_teardown(name, remote_setup, engine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE_TEST(test_it_is_in_effect),
        REMOTE_TEST(test_it_comes_before_those_who_wait),
        REMOTE_TEST(test_the_same_once_more_changes_nothing),
        REMOTE_TEST(test_what_nobody_understands_is_passed_over),
        REMOTE_TEST(test_what_cannot_be_had_together),
    };

    return cmocka_run_group_tests_name("jobs of other hosts", tests, NULL, NULL);
}
