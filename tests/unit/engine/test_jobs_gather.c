/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whom the next group waits for after a slow commit, and that this ends where it is of no use. */
#include <errno.h>

#include "engine_lab.h"

#define FOR_EVER (UINT64_MAX / 4)
#define AN_HOUR  (3600 * UINT64_C(1000000000))

/* Two changes are committed while another one waits; the commit seems to have taken `took_ns`. */
static void commit_two(struct engine_lab *lab, struct change changes[2], struct change *waiting,
                       uint64_t took_ns)
{
    const struct fake_step steps[] = {{FAKE_WRITTEN, 2}};

    lab_plan(lab, steps, 1);
    lab_submit(lab, &changes[0]);
    lab_submit(lab, &changes[1]);
    lab_turn(lab);
    assert_int_equal(lab->engine->jobs->state, JOBS_COMMITTING);
    lab->engine->jobs->commit_begun_ns -= took_ns;
    lab_submit(lab, waiting);
    while (changes[1].ends == 0)
        lab_turn(lab);
    assert_int_equal(changes[0].revision, changes[1].revision);
}

static void test_the_next_group_waits_for_those_who_return(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change again[2] = {{.rows = {{"instances/ns/web/a", NULL}}},
                              {.rows = {{"instances/ns/web/b", NULL}}}};
    struct change waiting = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};

    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, first, &waiting, AN_HOUR);
    lab_turns(lab, 5);
    assert_int_equal(waiting.runs, 0);
    assert_true(engine_is_steady(lab->engine));
    lab_submit(lab, &again[0]);
    lab_turns(lab, 5);
    assert_int_equal(waiting.runs + again[0].runs, 0);
    lab_submit(lab, &again[1]);
    lab_turns(lab, 5);
    assert_int_equal(waiting.ends + again[0].ends + again[1].ends, 3);
    assert_int_equal(waiting.revision, again[0].revision);
    assert_int_equal(waiting.revision, again[1].revision);
    assert_int_equal(lab->engine->jobs->n_without_wait, 0);
    lab_settle(lab);
}

static void test_nobody_waits_on_a_fast_disk(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change waiting = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};

    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, first, &waiting, 0);
    /* As long as it took, which a busy machine decides, less than what is slow. */
    if (lab->engine->jobs->commit_ns < 2000000) {
        lab_turns(lab, 3);
        assert_int_equal(waiting.ends, 1);
    }
    lab_settle(lab);
    assert_int_equal(waiting.result, 0);
}

static void test_a_wait_in_vain_is_not_tried_again_at_once(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change second[2] = {{.rows = {{"instances/ns/web/a", NULL}}},
                               {.rows = {{"instances/ns/web/b", NULL}}}};
    struct change waiting[2] = {{.rows = {{"instances/ns/web/c", INSTANCE(3)}}},
                                {.rows = {{"instances/ns/web/c", NULL}}}};

    lab->engine->jobs->most_gather_ns = 1; /* over before it is looked at */
    commit_two(lab, first, &waiting[0], AN_HOUR);
    while (waiting[0].ends == 0)
        lab_turn(lab);
    assert_int_equal(lab->engine->jobs->n_failures, 1);
    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, second, &waiting[1], AN_HOUR);
    lab_turns(lab, 5);
    assert_int_equal(waiting[1].ends, 1);
    lab_settle(lab);
}

static struct change returning;

static void return_at_once(struct change *change)
{
    lab_submit(change->lab, &returning);
}

/* One that is back before the last of the group is answered has been waited for. */
static void test_who_returns_early_is_counted(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}, .on_done = return_at_once},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change again = {.rows = {{"instances/ns/web/b", NULL}}};
    struct change waiting = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};

    returning = (struct change){.rows = {{"instances/ns/web/a", NULL}}};
    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, first, &waiting, AN_HOUR);
    lab_turns(lab, 5);
    assert_int_equal(waiting.runs + returning.runs, 0);
    lab_submit(lab, &again);
    lab_turns(lab, 5);
    assert_int_equal(waiting.ends + returning.ends + again.ends, 3);
    lab_settle(lab);
}

/* By the timer, whatever other clocks say: nobody else would begin the group. */
static void test_the_wait_ends(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change waiting = {.rows = {{"instances/ns/web/c", INSTANCE(3)}}};

    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, first, &waiting, AN_HOUR);
    lab_turns(lab, 5);
    assert_int_equal(waiting.runs, 0);
    event_active(lab->engine->jobs->gathered, EV_TIMEOUT, 0);
    lab_turns(lab, 5);
    assert_int_equal(waiting.ends, 1);
    assert_int_equal(lab->engine->jobs->n_failures, 1);
    lab_settle(lab);
}

/* Whoever settles or stops waits for nobody. */
static void test_the_end_does_not_wait(void **state)
{
    struct engine_lab *lab = *state;
    struct change first[2] = {{.rows = {{"instances/ns/web/a", INSTANCE(1)}}},
                              {.rows = {{"instances/ns/web/b", INSTANCE(2)}}}};
    struct change second[2] = {{.rows = {{"instances/ns/web/a", NULL}}},
                               {.rows = {{"instances/ns/web/b", NULL}}}};
    struct change waiting[2] = {{.rows = {{"instances/ns/web/c", INSTANCE(3)}}},
                                {.rows = {{"instances/ns/web/c", NULL}}}};

    lab->engine->jobs->most_gather_ns = FOR_EVER;
    commit_two(lab, first, &waiting[0], AN_HOUR);
    engine_settle(lab->engine);
    assert_int_equal(waiting[0].ends, 1);
    lab->engine->jobs->n_without_wait = 0;
    commit_two(lab, second, &waiting[1], AN_HOUR);
    assert_int_equal(waiting[1].runs, 0);
    engine_stop(lab->engine);
    assert_int_equal(waiting[1].result, -ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_the_next_group_waits_for_those_who_return),
        ENGINE_TEST(test_nobody_waits_on_a_fast_disk),
        ENGINE_TEST(test_a_wait_in_vain_is_not_tried_again_at_once),
        ENGINE_TEST(test_who_returns_early_is_counted),
        ENGINE_TEST(test_the_wait_ends),
        ENGINE_TEST(test_the_end_does_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
