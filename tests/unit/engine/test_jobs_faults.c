/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Jobs on a registry that refuses, conflicts and is lost, and findings while a commit is under way. */
#include "engine_lab.h"

static struct fake_counts counts(const struct engine_lab *lab)
{
    return fake_store_counts(lab->store);
}

/* So many commits end so, from the next on. */
static void plan_all(struct engine_lab *lab, enum fake_fault fault, size_t n)
{
    struct fake_step steps[64];

    assert_in_range(n, 0, ARRAY_SIZE(steps));
    for (size_t i = 0; i < n; i++)
        steps[i] = (struct fake_step){fault, 1};
    lab_plan(lab, steps, n);
}

static void test_a_conflict_runs_all_again(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}}},
        {.rows = {{"instances/ns/web/b", INSTANCE(2)}}},
        {.rows = {{"services/ns/other", NULL}, {"instances/ns/web/c", INSTANCE(3)}}, .refuse = -EPERM},
    };
    uint64_t before = counts(lab).commits;

    plan_all(lab, FAKE_CONFLICT, 1);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        lab_submit(lab, &changes[i]);
    lab_settle(lab);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i].runs, 2);
        assert_int_equal(changes[i].ends, 1);
        assert_int_equal(changes[i].at, i + 1);
    }
    assert_int_equal(changes[0].result, 0);
    assert_int_equal(changes[1].result, 0);
    assert_int_equal(changes[2].result, -EPERM);
    assert_int_equal(counts(lab).commits, before + 2); /* one by one */
}

static void test_conflicts_end(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
        {.rows = {{"instances/ns/web/b", INSTANCE(2)}}},
    };

    plan_all(lab, FAKE_CONFLICT, 64);
    lab_submit(lab, &changes[0]);
    lab_submit(lab, &changes[1]);
    lab_settle(lab);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i].result, -EAGAIN);
        assert_int_equal(changes[i].ends, 1);
        assert_in_range(changes[i].runs, 2, 20);
        assert_non_null(strstr(changes[i].error.message, "another host was first"));
    }
    lab_plan(lab, NULL, 0);
    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), 0);
}

/* A service with a name brings its row, and the numbers of the namespace and the address. */
static void test_what_is_too_large_is_split(void **state)
{
    static const char *const keys[] = {"services/ns/a", "services/ns/b", "services/ns/c", "services/ns/d",
                                       "services/ns/e", "services/ns/f", "services/ns/g", "services/ns/h"};
    static const char *const values[] = {SERVICE("a"), SERVICE("b"), SERVICE("c"), SERVICE("d"),
                                         SERVICE("e"), SERVICE("f"), SERVICE("g"), SERVICE("h")};
    struct engine_lab *lab = *state;
    struct change changes[ARRAY_SIZE(keys) + 1];

    fake_store_limit_rows(lab->store, 3, "a limit");
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        changes[i] = (struct change){.rows = {{keys[i % 8], values[i % 8]}}};
        if (i == ARRAY_SIZE(keys)) /* too large by itself */
            for (unsigned k = 0; k < 4; k++) {
                changes[i].rows[k].key = keys[k];
                changes[i].rows[k].value = NULL;
            }
        lab_submit(lab, &changes[i]);
    }
    lab_settle(lab);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i].result, i < ARRAY_SIZE(keys) ? 0 : -E2BIG);
        assert_int_equal(changes[i].ends, 1);
    }
    assert_non_null(strstr(changes[ARRAY_SIZE(keys)].error.message, "a limit"));
    /* Numbers that did not fit come with later commits, and by themselves. */
    for (unsigned i = 0; i < 12; i++) {
        lab->engine->jobs->are_numbers_late = false;
        assert_int_equal(
            lab_do(lab, (struct change){.rows = {{"instances/ns/a/1", i % 2 ? NULL : INSTANCE(1)}}}), 0);
    }
    assert_int_equal(lab->engine->unsaved.n, 0);
    assert_non_null(fake_store_find(lab->store, "host/address/h"));
    assert_non_null(fake_store_find(lab->store, "host/scope/ns"));
}

static void test_a_disk_that_fails_fails_all(void **state)
{
    static const enum fake_fault faults[] = {FAKE_DISK_FULL, FAKE_IO_ERROR, FAKE_LOST_BEFORE};
    static const int results[] = {-ENOSPC, -EIO, -ENOTCONN};
    struct engine_lab *lab = *state;
    _cleanup_free_ char *before = NULL;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    before = catalog_text(lab->engine->catalog);
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct change changes[] = {
            {.rows = {{"instances/ns/web/a", NULL}, {"instances/ns/web/b", INSTANCE(2)}}},
            {.rows = {{"services/ns/new", SERVICE("new")}, {"instances/ns/new/a", INSTANCE(3)}}},
            {.rows = {{"routes/ns/client/web:80/tcp", ROUTE("new")}}},
            {.rows = {{NULL, NULL}}, .refuse = -EPERM},
        };
        _cleanup_free_ char *after = NULL;
        uint64_t table = lab_table(lab, 1, "web:80/tcp");

        plan_all(lab, faults[i], 8);
        for (size_t k = 0; k < ARRAY_SIZE(changes); k++)
            lab_submit(lab, &changes[k]);
        lab_settle(lab);
        for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
            assert_int_equal(changes[k].result, k < 3 ? results[i] : -EPERM);
            assert_int_equal(changes[k].ends, 1);
        }
        after = catalog_text(lab->engine->catalog);
        assert_string_equal(after, before);
        assert_int_equal(lab_table(lab, 1, "web:80/tcp"), table);
    }
}

static void refuse_if_there(struct change *change, struct transaction *transaction)
{
    const struct service *other = catalog_service(transaction_catalog(transaction), "ns", "other");

    change->refuse = other ? -EEXIST : 0;
}

static void test_a_refusal_for_what_is_not_there_after_all(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"services/ns/other", SERVICE("other")}}},
        {.rows = {{"services/ns/web", SERVICE("web")}}, .on_run = refuse_if_there},
    };

    plan_all(lab, FAKE_DISK_FULL, 1);
    lab_submit(lab, &changes[0]);
    lab_submit(lab, &changes[1]);
    lab_settle(lab);
    assert_int_equal(changes[0].result, -ENOSPC);
    assert_int_equal(changes[1].result, 0);
    assert_int_equal(changes[1].ends, 1);
}

/* ---- numbers ---- */

static void test_numbers_are_saved_by_themselves(void **state)
{
    struct engine_lab *lab = *state;
    struct change nothing = {.user = NULL};
    uint64_t begun;
    uint32_t scope;

    assert_int_equal(DO(lab, {"namespaces/elsewhere", "{}"}), 0);
    begun = counts(lab).begun;
    plan_all(lab, FAKE_DISK_FULL, 64);
    assert_int_equal(engine_scope(lab->engine, "elsewhere", &scope, &lab->error), 0);
    engine_save_numbers(lab->engine);
    lab_turns(lab, 200);
    assert_int_equal(counts(lab).begun, begun + 1); /* and not again without end */
    lab_submit(lab, &nothing);
    lab_settle(lab);
    assert_int_equal(nothing.result, 0); /* nobody hears of it who has no row */
    engine_settle(lab->engine);
    assert_true(event_pending(lab->engine->jobs->again, EV_TIMEOUT, NULL));
    lab_plan(lab, NULL, 0);
    event_active(lab->engine->jobs->again, EV_TIMEOUT, 0);
    lab_settle(lab);
    assert_non_null(fake_store_find(lab->store, "host/scope/elsewhere"));
    assert_int_equal(lab->engine->unsaved.n, 0);
}

static void test_numbers_go_along_with_the_next_change(void **state)
{
    struct engine_lab *lab = *state;
    uint32_t scope;

    assert_int_equal(DO(lab, {"namespaces/elsewhere", "{}"}), 0);
    plan_all(lab, FAKE_IO_ERROR, 1);
    assert_int_equal(engine_scope(lab->engine, "elsewhere", &scope, &lab->error), 0);
    engine_save_numbers(lab->engine);
    lab_settle(lab);
    assert_null(fake_store_find(lab->store, "host/scope/elsewhere"));
    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), 0);
    assert_non_null(fake_store_find(lab->store, "host/scope/elsewhere"));
}

/* ---- findings while a commit is under way ---- */

static void hold_back(struct change *change, struct transaction *transaction)
{
    struct instance *instance = lab_instance(change->lab, "web", change->user);

    assert_non_null(instance);
    instance->is_held_back = !instance->is_held_back;
    assert_int_equal(transaction_touch_instance(transaction, instance), 0);
}

static uint64_t bit_of(const struct engine_lab *lab, const char *id)
{
    const struct instance *instance = lab_instance(lab, "web", id);

    return instance ? UINT64_C(1) << instance->endpoint : 0;
}

static void begin_slow_commit(struct engine_lab *lab, struct change *change, enum fake_fault fault)
{
    const struct fake_step steps[] = {{fault, 6}};

    lab_plan(lab, steps, 1);
    lab_submit(lab, change);
    lab_turn(lab);
    assert_int_equal(lab->engine->jobs->state, JOBS_COMMITTING);
}

static void test_findings_wait_for_no_commit(void **state)
{
    static const enum fake_fault faults[] = {FAKE_WRITTEN, FAKE_IO_ERROR};
    struct engine_lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct change change = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};
        struct change finding = {.on_run = hold_back, .user = (char[]){"a"}};
        struct change back = finding;

        assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                            {"instances/ns/web/b", INSTANCE(2)}),
                         0);
        begin_slow_commit(lab, &change, faults[i]);
        lab_find(lab, &finding);
        lab_turn(lab);
        assert_int_equal(finding.ends, 1);
        assert_int_equal(change.ends, 0);
        assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of(lab, "b"));
        lab_settle(lab);
        /* The table of the commit was built before, and yet it has what was found. */
        assert_int_equal(change.result, faults[i] == FAKE_WRITTEN ? 0 : -EIO);
        assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of(lab, "b") | bit_of(lab, "c"));
        lab_find(lab, &back);
        lab_settle(lab);
        assert_int_equal(DO(lab, {"instances/ns/web/c", NULL}), 0);
    }
}

/* Not even for one turn, however many the commit's tables take. */
static void test_what_was_found_is_not_undone_by_a_commit(void **state)
{
    const struct fake_step steps[] = {{FAKE_WRITTEN, 6}};
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};
    struct change finding = {.on_run = hold_back, .user = (char[]){"a"}};
    uint64_t held;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"instances/ns/web/b", INSTANCE(2)}),
                     0);
    held = bit_of(lab, "a");
    lab_set_stepwise(lab, true);
    lab_plan(lab, steps, 1);
    lab_submit(lab, &change);
    while (lab->engine->jobs->state != JOBS_COMMITTING)
        lab_turn(lab);
    lab_find(lab, &finding);
    while (!finding.ends)
        lab_turn(lab);
    assert_int_equal(lab->engine->jobs->state, JOBS_COMMITTING);
    while (!change.ends) {
        assert_int_equal(lab_table(lab, 1, "web:80/tcp") & held, 0);
        lab_turn(lab);
    }
    assert_int_equal(change.result, 0);
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of(lab, "b") | bit_of(lab, "c"));
    lab_settle(lab);
}

static int run_nothing(struct transaction *transaction, void *user, struct error *error)
{
    (void)transaction;
    (void)user;
    (void)error;
    return 0;
}

/* What was found must not stand behind others that wait: they could be more than one turn takes. */
static void test_what_was_found_comes_before_others(void **state)
{
    const struct job nothing = {.run = run_nothing};
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};
    struct change finding = {.on_run = hold_back, .user = (char[]){"a"}};

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    lab_turn(lab);
    for (unsigned i = 0; i < JOBS_WAITING; i++)
        assert_int_equal(engine_submit_finding(lab->engine, &nothing), 0);
    while (!change.ends)
        lab_turn(lab);
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of(lab, "c"));
    lab_settle(lab);
}

static void test_a_finding_of_what_the_commit_takes_away(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/a", NULL}, {"instances/ns/web/c", INSTANCE(3)}}};
    struct change finding = {.on_run = hold_back, .user = (char[]){"a"}};
    struct change put_row = {.rows = {{"instances/ns/web/d", INSTANCE(4)}}};

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"instances/ns/web/b", INSTANCE(2)}),
                     0);
    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    lab_find(lab, &put_row);
    lab_settle(lab);
    assert_int_equal(finding.result, 0);
    assert_int_equal(put_row.result, -EINVAL); /* a finding has no rows */
    assert_null(lab_instance(lab, "web", "a"));
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), bit_of(lab, "b") | bit_of(lab, "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_a_conflict_runs_all_again),
        ENGINE_TEST(test_conflicts_end),
        ENGINE_TEST(test_what_is_too_large_is_split),
        ENGINE_TEST(test_a_disk_that_fails_fails_all),
        ENGINE_TEST(test_a_refusal_for_what_is_not_there_after_all),
        ENGINE_TEST(test_numbers_are_saved_by_themselves),
        ENGINE_TEST(test_numbers_go_along_with_the_next_change),
        ENGINE_TEST(test_findings_wait_for_no_commit),
        ENGINE_TEST(test_what_was_found_is_not_undone_by_a_commit),
        ENGINE_TEST(test_what_was_found_comes_before_others),
        ENGINE_TEST(test_a_finding_of_what_the_commit_takes_away),
    };

    return cmocka_run_group_tests_name("jobs and faults", tests, NULL, NULL);
}
