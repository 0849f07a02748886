/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Jobs in pieces, turns of one step, and who wants to read meanwhile. */
#include <errno.h>

#include "engine_lab.h"

/* A job that puts one row a piece. */
struct pieces {
    const char *rows[4][2]; /* up to the first without a key */
    unsigned at;
    unsigned begun;
    int last; /* what the last piece returns */
    unsigned ends;
    int result;
};

static int run_piece(struct transaction *transaction, void *user, struct error *error)
{
    struct pieces *pieces = user;
    int r;

    if (transaction_is_new_run(transaction)) {
        pieces->at = 0;
        pieces->begun++;
    }
    r = transaction_put(
        transaction,
        (struct registry_row){strdup(pieces->rows[pieces->at][0]), strdup(pieces->rows[pieces->at][1])},
        error);
    if (r < 0)
        return r;
    if (++pieces->at < ARRAY_SIZE(pieces->rows) && pieces->rows[pieces->at][0])
        return JOB_GO_ON;
    return pieces->last < 0 ? error_set(error, -pieces->last, "refused") : pieces->last;
}

static void pieces_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct pieces *pieces = user;

    (void)revision;
    (void)error;
    pieces->ends++;
    pieces->result = result;
}

static void submit_pieces(struct engine_lab *lab, struct pieces *pieces)
{
    assert_int_equal(
        engine_submit(lab->engine, &(struct job){.run = run_piece, .done = pieces_done, .user = pieces}), 0);
}

static int setup(void **state)
{
    struct engine_lab *lab;

    (void)engine_setup(state);
    lab = *state;
    lab_set_stepwise(lab, true);
    return DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)});
}

static void count_read(void *user)
{
    ++*(unsigned *)user;
}

static void test_a_reader_waits_for_the_rows(void **state)
{
    struct engine_lab *lab = *state;
    struct pieces pieces = {.rows = {{"instances/ns/web/b", INSTANCE(2)},
                                     {"instances/ns/web/c", INSTANCE(3)},
                                     {"instances/ns/web/d", INSTANCE(4)}}};
    uint32_t number = lab_instance(lab, "web", "a")->endpoint;
    unsigned reads = 0, forgotten = 0, unsteady = 0;

    assert_non_null(engine_instance(lab->engine, number));
    submit_pieces(lab, &pieces);
    while (engine_is_steady(lab->engine))
        lab_turn(lab);
    assert_int_equal(engine_when_steady(lab->engine, count_read, &reads), 0);
    assert_int_equal(engine_when_steady(lab->engine, count_read, &forgotten), 0);
    engine_forget_waiter(lab->engine, &forgotten);
    while (!engine_is_steady(lab->engine)) {
        assert_int_equal(reads, 0);
        assert_null(engine_instance(lab->engine, number));
        lab_turn(lab);
        unsteady++;
    }
    assert_int_equal(reads, 1);
    assert_true(unsteady >= 3);
    lab_settle(lab);
    assert_int_equal(reads, 1);
    assert_int_equal(forgotten, 0);
    assert_int_equal(pieces.ends, 1);
    assert_int_equal(pieces.result, 0);
    assert_int_equal(pieces.begun, 1);
    assert_non_null(lab_instance(lab, "web", "d"));
}

static void test_all_pieces_or_none(void **state)
{
    static const int ends[] = {-EPERM, JOB_TAKE_BACK};
    struct engine_lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct pieces pieces = {
            .rows = {{"instances/ns/web/b", INSTANCE(2)}, {"instances/ns/web/a", INSTANCE(9)}},
            .last = ends[i]};
        struct change other = {.rows = {{"instances/ns/web/b", i % 2 ? NULL : INSTANCE(7)}}};

        submit_pieces(lab, &pieces);
        lab_submit(lab, &other);
        lab_settle(lab);
        assert_int_equal(pieces.result, ends[i] < 0 ? ends[i] : 0);
        assert_int_equal(pieces.ends, 1);
        assert_int_equal(other.result, 0);
        assert_string_equal(fake_store_find(lab->store, "instances/ns/web/a")->value, INSTANCE(1));
    }
}

/* A row of its second piece is one that an earlier job has put. */
static void test_pieces_start_afresh_behind_another_job(void **state)
{
    struct engine_lab *lab = *state;
    struct change first = {.rows = {{"instances/ns/web/a", INSTANCE(5)}}};
    struct pieces pieces = {
        .rows = {{"instances/ns/web/b", INSTANCE(2)}, {"instances/ns/web/a", INSTANCE(6)}}};

    lab_submit(lab, &first);
    submit_pieces(lab, &pieces);
    lab_settle(lab);
    assert_int_equal(first.result, 0);
    assert_int_equal(pieces.result, 0);
    assert_int_equal(pieces.begun, 2);
    assert_non_null(lab_instance(lab, "web", "b"));
    assert_string_equal(fake_store_find(lab->store, "instances/ns/web/a")->value, INSTANCE(6));
}

static void test_stopping_between_any_two_steps(void **state)
{
    struct engine_lab *lab = *state;
    unsigned written = 0;

    for (unsigned steps = 0; steps < 40; steps++) {
        struct pieces pieces = {.rows = {{"instances/ns/web/b", steps % 2 ? INSTANCE(2) : INSTANCE(3)},
                                         {"instances/ns/web/c", steps % 2 ? INSTANCE(4) : INSTANCE(5)}}};
        struct change behind = {.rows = {{"instances/ns/web/z", INSTANCE(8)}}};

        submit_pieces(lab, &pieces);
        lab_turns(lab, steps);
        if (!pieces.ends)
            lab_submit(lab, &behind);
        engine_stop(lab->engine);
        assert_int_equal(pieces.ends, 1);
        lab_check(lab);
        assert_true(engine_is_steady(lab->engine));
        written += pieces.result == 0;
        assert_true(pieces.result == 0 || pieces.result == -ECANCELED);
        lab_stop(lab);
        assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
        lab_start(lab, NULL, NULL);
        lab_check(lab);
    }
    assert_in_range(written, 30, 39); /* what had not begun is refused */
}

static int run_nothing(struct transaction *transaction, void *user, struct error *error)
{
    (void)transaction;
    (void)user;
    (void)error;
    return 0;
}

static void count_end(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    (void)error;
    assert_int_equal(result, 0);
    ++*(unsigned *)user;
}

/* A group may have a thousand, each with a client to write to. */
static void test_a_group_is_answered_by_steps(void **state)
{
    struct engine_lab *lab = *state;
    unsigned ends = 0;
    unsigned before;

    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(
            engine_submit(lab->engine, &(struct job){.run = run_nothing, .done = count_end, .user = &ends}),
            0);
    do {
        before = ends;
        jobs_step(lab->engine);
        assert_in_range(ends - before, 0, 32);
    } while (lab->engine->jobs->state != JOBS_IDLE);
    assert_int_equal(ends, 200);
    lab_settle(lab);
}

static int run_for_ever(struct transaction *transaction, void *user, struct error *error)
{
    unsigned *n_pieces = user;
    char key[64];
    int r;

    (void)snprintf(key, sizeof(key), "instances/ns/web/i%u", ++*n_pieces % 8);
    r = transaction_put(transaction,
                        (struct registry_row){strdup(key), strdup(*n_pieces & 8 ? INSTANCE(7) : INSTANCE(9))},
                        error);
    return r < 0 ? r : JOB_GO_ON;
}

static int ended_with;

static void for_ever_done(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    (void)error;
    (void)user;
    ended_with = result;
}

/* Who stops the engine need not wait for the last piece, which may never come. */
static void test_stopping_a_job_that_goes_on_for_ever(void **state)
{
    struct engine_lab *lab = *state;
    unsigned n_pieces = 0;
    struct change before = {.rows = {{"instances/ns/web/b", INSTANCE(2)}}};

    ended_with = 0;
    lab_submit(lab, &before);
    assert_int_equal(
        engine_submit(lab->engine,
                      &(struct job){.run = run_for_ever, .done = for_ever_done, .user = &n_pieces}),
        0);
    lab_turns(lab, 30);
    assert_true(n_pieces > 10);
    n_pieces = 0;
    engine_stop(lab->engine);
    assert_in_range(n_pieces, 0, 1);
    assert_int_equal(ended_with, -ECANCELED);
    assert_int_equal(before.result, 0);
    assert_non_null(fake_store_find(lab->store, "instances/ns/web/b"));
    assert_null(fake_store_find(lab->store, "instances/ns/web/i1"));
    lab_check(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_reader_waits_for_the_rows, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_all_pieces_or_none, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_pieces_start_afresh_behind_another_job, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_stopping_between_any_two_steps, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_a_group_is_answered_by_steps, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_stopping_a_job_that_goes_on_for_ever, setup, engine_teardown),
    };

    return cmocka_run_group_tests_name("jobs by steps", tests, NULL, NULL);
}
