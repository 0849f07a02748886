/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Jobs: groups, their order, who hears what, and that one job's end is no other's. */
#include "engine_lab.h"

#define MANY 40

static const char *const ids[] = {"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11",
                                  "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23",
                                  "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35",
                                  "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47",
                                  "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59",
                                  "60", "61", "62", "63", "64", "65", "66", "67", "68", "69"};

static uint64_t n_commits(const struct engine_lab *lab)
{
    return fake_store_counts(lab->store).commits;
}

/* "instances/ns/web/ID", the caller frees it. */
static char *key_of(const char *id)
{
    char *key = NULL;

    assert_true(asprintf(&key, "instances/ns/web/%s", id) > 0);
    return key;
}

/* One change per instance of web, submitted in order. */
static void submit_many(struct engine_lab *lab, struct change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        changes[i] = (struct change){.rows = {{key_of(ids[i]), INSTANCE(1)}}};
        lab_submit(lab, &changes[i]);
    }
}

static void free_many(struct change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)changes[i].rows[0].key);
}

static void test_those_that_wait_share_a_commit(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[MANY];
    uint64_t before = n_commits(lab);

    submit_many(lab, changes, MANY);
    assert_int_equal(changes[0].runs, 0); /* never from within the submit */
    lab_settle(lab);
    assert_int_equal(n_commits(lab), before + 1);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(changes[i].result, 0);
        assert_int_equal(changes[i].ends, 1);
        assert_int_equal(changes[i].runs, 1);
        assert_int_equal(changes[i].at, i + 1);
        assert_int_equal(changes[i].revision, before + 1);
    }
    free_many(changes, MANY);
}

static void test_the_same_row_waits_for_the_next_group(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"instances/ns/web/a", WEIGHED(1, 5)}}},
        {.rows = {{"instances/ns/web/b", INSTANCE(2)}}},
        {.rows = {{"instances/ns/web/c", INSTANCE(3)}, {"instances/ns/web/a", WEIGHED(1, 7)}}},
        {.rows = {{"instances/ns/web/d", INSTANCE(4)}}},
    };
    uint64_t before = n_commits(lab);

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        lab_submit(lab, &changes[i]);
    lab_settle(lab);
    assert_int_equal(n_commits(lab), before + 2);
    assert_int_equal(changes[0].revision, changes[1].revision);
    assert_int_equal(changes[2].revision, changes[0].revision + 1);
    assert_int_equal(changes[3].revision, changes[2].revision); /* it does not overtake */
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++)
        assert_int_equal(changes[i].at, i + 1);
    assert_int_equal(changes[2].runs, 2);
    assert_int_equal(lab_instance(lab, "web", "a")->weight, 7);
}

static void test_a_row_that_is_there_already_is_none(void **state)
{
    struct engine_lab *lab = *state;
    uint64_t before;

    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), 0);
    assert_int_equal(lab_instance(lab, "web", "a")->weight, 1);
    before = n_commits(lab);
    assert_int_equal(DO(lab, {"instances/ns/web/gone", NULL}), 0);
    assert_int_equal(n_commits(lab), before);
    /* What the catalog does not keep is written all the same. */
    assert_int_equal(DO(lab, {"host/resolved/ns/web/a", "{}"}), 0);
    assert_non_null(fake_store_find(lab->store, "host/resolved/ns/web/a"));
    assert_int_equal(DO(lab, {"host/resolved/ns/web/a", NULL}), 0);
    assert_null(fake_store_find(lab->store, "host/resolved/ns/web/a"));
}

static void test_a_refusal_takes_nothing_away(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}}},
        {.rows = {{"services/ns/web", NULL}}, .refuse = -EPERM},
        {.rows = {{"services/ns/other", SERVICE("other")}, {"instances/ns/other/a", INSTANCE(2)}},
         .refuse = -EPERM},
        {.rows = {{"instances/ns/other/b", "{\"address\":\"nonsense\"}"}}},
        {.rows = {{"instances/ns/web/b", INSTANCE(3)}}},
        {.rows = {{"instances/ns/web/c", INSTANCE(4)}}, .refuse = JOB_TAKE_BACK},
    };

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        lab_submit(lab, &changes[i]);
    lab_settle(lab);
    assert_int_equal(changes[0].result, 0);
    assert_int_equal(changes[1].result, -EPERM);
    assert_string_equal(changes[1].error.message, "refused");
    assert_int_equal(changes[2].result, -EPERM);
    assert_int_equal(changes[3].result, -EINVAL);
    assert_int_equal(changes[4].result, 0);
    assert_int_equal(changes[5].result, 0);
    assert_non_null(lab_instance(lab, "web", "a"));
    assert_non_null(lab_instance(lab, "web", "b"));
    assert_null(lab_instance(lab, "web", "c"));
    assert_null(catalog_service(lab->engine->catalog, "ns", "other"));
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        assert_int_equal(changes[i].ends, 1);
}

static void test_a_group_that_cannot_be_had_falls_apart(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[LAB_ENDPOINTS + 3];

    submit_many(lab, changes, ARRAY_SIZE(changes));
    lab_settle(lab);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i].ends, 1);
        assert_int_equal(changes[i].result, i < LAB_ENDPOINTS ? 0 : -ENOSPC);
        if (i >= LAB_ENDPOINTS)
            assert_non_null(strstr(changes[i].error.message, "maps.endpoints"));
        assert_int_equal(changes[i].at, i + 1);
    }
    free_many(changes, ARRAY_SIZE(changes));
}

/* ---- from within done ---- */

static void submit_next(struct change *change)
{
    struct change *next = change->user;

    if (next)
        lab_submit(change->lab, next);
}

static void test_done_may_submit(void **state)
{
    struct engine_lab *lab = *state;
    struct change changes[] = {
        {.rows = {{"instances/ns/web/a", INSTANCE(1)}}, .on_done = submit_next},
        {.rows = {{"instances/ns/web/b", INSTANCE(2)}}, .on_done = submit_next, .refuse = -EPERM},
        {.rows = {{"instances/ns/web/c", INSTANCE(3)}}},
    };

    changes[0].user = &changes[1];
    changes[1].user = &changes[2];
    lab_submit(lab, &changes[0]);
    lab_settle(lab);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        assert_int_equal(changes[i].ends, 1);
    assert_null(lab_instance(lab, "web", "b"));
    assert_non_null(lab_instance(lab, "web", "c"));
}

static void settle_next(struct change *change)
{
    submit_next(change);
    engine_settle(change->lab->engine);
    assert_int_equal(((struct change *)change->user)->ends, 1);
}

static void test_done_may_wait_for_another_change(void **state)
{
    struct engine_lab *lab = *state;
    struct change bad = {.rows = {{"instances/ns/web/x", INSTANCE(9)}}};
    struct change changes[] = {
        {.rows = {{"instances/ns/web/a", INSTANCE(1)}}, .on_done = settle_next, .user = &bad},
        {.rows = {{"instances/ns/web/b", INSTANCE(2)}}},
    };
    const struct fake_step steps[] = {{FAKE_WRITTEN, 1}, {FAKE_IO_ERROR, 1}};

    lab_plan(lab, steps, ARRAY_SIZE(steps));
    lab_submit(lab, &changes[0]);
    lab_submit(lab, &changes[1]);
    lab_settle(lab);
    assert_int_equal(bad.result, -EIO);
    assert_int_equal(changes[0].result, 0);
    assert_int_equal(changes[1].result, 0); /* not the end of what was waited for in between */
    assert_int_equal(changes[1].ends, 1);
}

/* ---- how many ---- */

static int run_nothing(struct transaction *transaction, void *user, struct error *error)
{
    (void)transaction;
    (void)error;
    ++*(unsigned *)user;
    return 0;
}

static void test_so_many_wait_and_no_more(void **state)
{
    struct engine_lab *lab = *state;
    unsigned runs = 0;
    struct change other = {.rows = {{"instances/ns/web/a", INSTANCE(1)}}};
    const struct job job = {.run = run_nothing, .user = &runs};
    const struct job one_more = {.run = change_run, .done = change_done, .user = &other};

    for (size_t i = 0; i < JOBS_WAITING; i++)
        assert_int_equal(engine_submit(lab->engine, &job), 0);
    assert_int_equal(engine_submit(lab->engine, &one_more), -EBUSY);
    assert_int_equal(engine_submit_finding(lab->engine, &job), 0); /* a queue of its own */
    lab_settle(lab);
    assert_int_equal(runs, JOBS_WAITING + 1);
    assert_int_equal(other.ends, 0);
    lab_submit(lab, &other);
    lab_settle(lab);
    assert_int_equal(other.result, 0);
}

static void test_the_loop_comes_round_between_turns(void **state)
{
    struct engine_lab *lab = *state;
    unsigned changes = 0, findings = 0;
    const struct job change = {.run = run_nothing, .user = &changes};
    const struct job finding = {.run = run_nothing, .user = &findings};

    lab->engine->jobs->turn_ns = 0;
    for (size_t i = 0; i < 20000; i++) {
        assert_int_equal(engine_submit(lab->engine, &change), 0);
        assert_int_equal(engine_submit_finding(lab->engine, &finding), 0);
    }
    (void)event_base_loop(lab->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_in_range(changes + findings, 1, JOBS_OF_GROUP);
    /* However many findings wait, changes have their turns. */
    lab_turns(lab, 4 * JOBS_OF_GROUP);
    assert_in_range(changes, 1, 20000);
    assert_in_range(findings, FINDINGS_OF_GROUP, 4 * JOBS_OF_GROUP);
    lab_settle(lab);
    assert_int_equal(changes + findings, 40000);
}

/* ---- the end ---- */

static void test_stopping_tells_everybody(void **state)
{
    static const enum fake_fault faults[] = {FAKE_WRITTEN, FAKE_DISK_FULL, FAKE_CONFLICT};
    static const int results[] = {0, -ENOSPC, -ECANCELED};
    struct engine_lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        const struct fake_step steps[] = {{faults[i], 3}};
        struct change under_way = {.rows = {{"instances/ns/web/a", INSTANCE(1)}}};
        struct change waiting = {.rows = {{"instances/ns/web/b", INSTANCE(2)}}};
        struct change finding = {.user = NULL};
        const struct job job = {.run = change_run, .done = change_done, .user = &waiting};
        uint32_t scope;

        lab_stop(lab);
        lab_start(lab, NULL, NULL);
        lab_plan(lab, steps, 1);
        lab_submit(lab, &under_way);
        lab_turn(lab);
        assert_int_equal(lab->engine->jobs->state, JOBS_COMMITTING);
        lab_submit(lab, &waiting);
        lab_find(lab, &finding);
        engine_stop(lab->engine);
        assert_int_equal(under_way.result, results[i]);
        assert_int_equal(waiting.result, -ECANCELED);
        assert_int_equal(finding.result, -ECANCELED);
        assert_int_equal(under_way.ends + waiting.ends + finding.ends, 3);
        assert_int_equal(engine_submit(lab->engine, &job), -ECANCELED);
        lab_check(lab);
        /* A task that comes now is numbered, and nothing more. */
        assert_int_equal(engine_scope(lab->engine, faults[i] ? "late" : "later", &scope, &lab->error), 0);
        engine_stop(lab->engine);
    }
}

static void test_freeing_tells_everybody_too(void **state)
{
    struct engine_lab *lab = *state;
    struct change waiting = {.rows = {{"instances/ns/web/b", INSTANCE(2)}}};

    lab_submit(lab, &waiting);
    event_free(lab->grace);
    lab->grace = NULL;
    engine_free(&lab->engine);
    assert_null(lab->engine);
    assert_int_equal(waiting.result, -ECANCELED);
    assert_int_equal(waiting.ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_those_that_wait_share_a_commit),
        ENGINE_TEST(test_the_same_row_waits_for_the_next_group),
        ENGINE_TEST(test_a_row_that_is_there_already_is_none),
        ENGINE_TEST(test_a_refusal_takes_nothing_away),
        ENGINE_TEST(test_a_group_that_cannot_be_had_falls_apart),
        ENGINE_TEST(test_done_may_submit),
        ENGINE_TEST(test_done_may_wait_for_another_change),
        ENGINE_TEST(test_so_many_wait_and_no_more),
        ENGINE_TEST(test_the_loop_comes_round_between_turns),
        ENGINE_TEST(test_stopping_tells_everybody),
        ENGINE_TEST(test_freeing_tells_everybody_too),
    };

    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
