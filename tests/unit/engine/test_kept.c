/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Changes while the registry is degraded: what it does not account for stays in the tables, also in those that
 * are built once more because something was found while their commit was under way.
 */
#include "engine_lab.h"

#include "base/log.h"
#include "engine/guard/guard.h"

/* Numbers of the endpoints of the registry that was lost. */
struct lost {
    uint64_t a, b, x;
};

static uint64_t bit_of(const struct engine_lab *lab, const char *service, const char *id)
{
    const struct instance *instance = lab_instance(lab, service, id);

    return instance ? UINT64_C(1) << instance->endpoint : 0;
}

static uint64_t web(const struct engine_lab *lab)
{
    return lab_table(lab, 1, "web:80/tcp");
}

static uint64_t db(const struct engine_lab *lab)
{
    return lab_table(lab, 1, "db:80/tcp");
}

/* The registry with web (a, b) and db (x) is lost; the one that is there has web (a). */
static struct fake_store *lose(struct engine_lab *lab, struct lost *lost)
{
    struct fake_store *before;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"instances/ns/web/b", INSTANCE(2)}, {"services/ns/db", SERVICE("db")},
                        {"instances/ns/db/x", INSTANCE(3)}),
                     0);
    *lost = (struct lost){bit_of(lab, "web", "a"), bit_of(lab, "web", "b"), bit_of(lab, "db", "x")};
    lab_stop(lab);
    before = lab_swap_store(lab, fake_store_new());
    lab_write_row(lab, "namespaces/ns", "{}");
    lab_write_row(lab, "services/ns/web", SERVICE("web"));
    lab_write_row(lab, "instances/ns/web/a", INSTANCE(1));
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, NULL, NULL);
    assert_true(engine_is_degraded(lab->engine));
    assert_int_equal(bit_of(lab, "web", "a"), lost->a);
    assert_int_equal(web(lab), lost->a | lost->b);
    assert_int_equal(db(lab), lost->x);
    return before;
}

static void hold_back(struct change *change, struct transaction *transaction)
{
    struct instance *instance = lab_instance(change->lab, "web", "a");

    assert_non_null(instance);
    instance->is_held_back = !instance->is_held_back;
    assert_int_equal(transaction_touch_instance(transaction, instance), 0);
}

static void begin_slow_commit(struct engine_lab *lab, struct change *change, enum fake_fault fault)
{
    const struct fake_step steps[] = {{fault, 6}};

    lab_plan(lab, steps, 1);
    lab_submit(lab, change);
    for (int i = 0; i < 1000 && lab->engine->jobs->state != JOBS_COMMITTING; i++)
        lab_turn(lab);
    assert_int_equal(lab->engine->jobs->state, JOBS_COMMITTING);
}

static void test_a_refreshed_table_keeps_what_is_kept(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/d", INSTANCE(4)}}};
    struct change finding = {.on_run = hold_back};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);

    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    while (!finding.ends)
        lab_turn(lab);
    assert_int_equal(change.ends, 0);
    assert_int_equal(web(lab), lost.b); /* what was found waits for no commit, and takes away no more */
    lab_settle(lab);
    assert_int_equal(change.result, 0);
    assert_int_equal(web(lab), lost.b | bit_of(lab, "web", "d"));
    assert_int_equal(db(lab), lost.x);
    fake_store_free(&before);
}

/* The same where the change has set a route of another alias. */
static void test_a_refreshed_table_beside_a_route(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {
        .rows = {{"instances/ns/web/d", INSTANCE(4)},
                 {"services/ns/own", SERVICE("own")},
                 {"routes/ns//own:80/tcp", "{\"targets\":[{\"service\":\"own\",\"weight\":1}]}"}}};
    struct change finding = {.on_run = hold_back};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);

    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    lab_settle(lab);
    assert_int_equal(change.result, 0);
    assert_int_equal(web(lab), lost.b | bit_of(lab, "web", "d"));
    fake_store_free(&before);
}

static void test_not_even_for_one_step(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/d", INSTANCE(4)}}};
    struct change finding = {.on_run = hold_back};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);

    lab_set_stepwise(lab, true);
    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    while (!change.ends) {
        assert_int_equal(web(lab) & lost.b, lost.b);
        assert_int_equal(db(lab), lost.x);
        if (finding.ends)
            assert_int_equal(web(lab) & lost.a, 0);
        lab_turn(lab);
    }
    assert_int_equal(change.result, 0);
    assert_int_equal(web(lab), lost.b | bit_of(lab, "web", "d"));
    lab_settle(lab);
    fake_store_free(&before);
}

static void test_a_commit_that_fails_leaves_what_is_kept(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {.rows = {{"instances/ns/web/d", INSTANCE(4)}}};
    struct change finding = {.on_run = hold_back};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);

    begin_slow_commit(lab, &change, FAKE_IO_ERROR);
    lab_find(lab, &finding);
    lab_settle(lab);
    assert_int_equal(change.result, -EIO);
    assert_int_equal(web(lab), lost.b);
    assert_int_equal(db(lab), lost.x);
    fake_store_free(&before);
}

/* Whoever names the instance itself knows better than what is kept. */
static void test_a_refreshed_table_drops_what_the_change_names(void **state)
{
    struct engine_lab *lab = *state;
    struct change change = {
        .rows = {{"instances/ns/web/b", INSTANCE(9)}, {"instances/ns/web/d", INSTANCE(4)}}};
    struct change finding = {.on_run = hold_back};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);

    begin_slow_commit(lab, &change, FAKE_WRITTEN);
    lab_find(lab, &finding);
    lab_settle(lab);
    assert_int_equal(change.result, 0);
    assert_int_equal(web(lab), bit_of(lab, "web", "b") | bit_of(lab, "web", "d"));
    fake_store_free(&before);
}

/* Several changes at once: kept tables are merged with one of them at a time. */
static void test_changes_that_wait_meet_what_is_kept(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {{.rows = {{"instances/ns/web/d", INSTANCE(4)}}},
                               {.rows = {{"instances/ns/web/e", INSTANCE(5)}}},
                               {.rows = {{"instances/ns/web/d", NULL}}}};
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);
    uint64_t commits = fake_store_counts(lab->store).begun;

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        lab_submit(lab, &changes[i]);
    lab_settle(lab);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        assert_int_equal(changes[i].result, 0);
    assert_true(fake_store_counts(lab->store).begun >= commits + ARRAY_SIZE(changes));
    assert_int_equal(web(lab), lost.a | lost.b | bit_of(lab, "web", "e"));
    assert_int_equal(db(lab), lost.x);
    fake_store_free(&before);
}

static void test_an_accepted_registry_ends_it(void **state)
{
    struct engine_lab *lab = *state;
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);
    const char *was = NULL;

    assert_int_equal(DO(lab, {"instances/ns/web/d", INSTANCE(4)}), 0);
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
    assert_string_equal(was, "other");
    assert_false(engine_is_degraded(lab->engine));
    assert_int_equal(web(lab), lost.a | bit_of(lab, "web", "d"));
    assert_int_equal(db(lab), 0);
    lab_settle(lab);
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0); /* nothing is left to */
    assert_string_equal(was, "ok");
    lab_restart(lab);
    assert_false(engine_is_degraded(lab->engine));
    fake_store_free(&before);
}

static void test_the_right_registry_ends_it(void **state)
{
    struct engine_lab *lab = *state;
    struct lost lost;
    struct fake_store *before = lose(lab, &lost);
    struct fake_store *other;

    assert_int_equal(DO(lab, {"instances/ns/web/d", INSTANCE(4)}), 0);
    lab_stop(lab);
    other = lab_swap_store(lab, before);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, NULL, NULL);
    assert_false(engine_is_degraded(lab->engine));
    assert_int_equal(web(lab), lost.a | lost.b); /* under their old numbers; what came meanwhile has gone */
    assert_int_equal(db(lab), lost.x);
    lab_settle(lab);
    fake_store_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JUDGED_TEST(test_a_refreshed_table_keeps_what_is_kept),
        JUDGED_TEST(test_a_refreshed_table_beside_a_route),
        JUDGED_TEST(test_not_even_for_one_step),
        JUDGED_TEST(test_a_commit_that_fails_leaves_what_is_kept),
        JUDGED_TEST(test_a_refreshed_table_drops_what_the_change_names),
        JUDGED_TEST(test_changes_that_wait_meet_what_is_kept),
        JUDGED_TEST(test_an_accepted_registry_ends_it),
        JUDGED_TEST(test_the_right_registry_ends_it),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
