/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The history of a group, told by steps: which rows are kept one by one, and what the last one says of the others. */
#include <stdio.h>

#include "engine/history/history.h"
#include "engine_lab.h"

#define ROWS_OF_JOB 256 /* as jobs_history.c has it */

#define PLAIN_SERVICE "{\"clientAliases\":[]}"

struct many {
    unsigned first, n;
    int refuse;
};

static int put_many(struct transaction *transaction, void *user, struct error *error)
{
    const struct many *many = user;

    for (unsigned i = 0; i < many->n; i++) {
        char key[64];
        int r;

        (void)snprintf(key, sizeof(key), "services/ns/s%u", many->first + i);
        r = transaction_put(transaction, (struct registry_row){strdup(key), strdup(PLAIN_SERVICE)}, error);
        if (r < 0)
            return r;
    }
    return many->refuse ? error_set(error, many->refuse, "refused") : 0;
}

static void ignore_done(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)result;
    (void)revision;
    (void)error;
    (void)user;
}

static void submit_many(struct engine_lab *lab, struct many *many)
{
    assert_int_equal(
        engine_submit(lab->engine,
                      &(struct job){.run = put_many, .done = ignore_done, .user = many, .operation = "test"}),
        0);
}

static int setup(void **state)
{
    struct engine_lab *lab;

    (void)engine_setup(state);
    lab = *state;
    lab_set_stepwise(lab, true);
    history_free(&lab->engine->history);
    assert_int_equal(history_new(HISTORY_ROWS, &lab->engine->history), 0);
    return DO(lab, {"services/ns/web", SERVICE("web")});
}

static unsigned more_of(const struct history *history, uint64_t sequence)
{
    struct history_entry entry;
    unsigned more;

    assert_int_equal(history_read(history, sequence, &entry), 0);
    more = entry.more;
    history_entry_done(&entry);
    return more;
}

static void test_a_long_job_is_told_by_its_first_rows(void **state)
{
    struct engine_lab *lab = *state;
    const struct history *history = lab->engine->history;
    uint64_t before = history_newest(history);
    struct many many = {.n = ROWS_OF_JOB + 44};
    unsigned steps = lab->turns;

    submit_many(lab, &many);
    lab_settle(lab);
    assert_int_equal(history_newest(history), before + ROWS_OF_JOB);
    assert_string_equal(history_key(history, before + 1), "services/ns/s0");
    assert_string_equal(history_key(history, before + ROWS_OF_JOB), "services/ns/s255");
    assert_int_equal(more_of(history, before + ROWS_OF_JOB - 1), 0);
    assert_int_equal(more_of(history, before + ROWS_OF_JOB), 44);
    /* A step a turn: eight of the rows that are told are a step's work. */
    assert_true(lab->turns - steps > ROWS_OF_JOB / 8);
}

static void test_each_job_of_a_group_is_told(void **state)
{
    struct engine_lab *lab = *state;
    const struct history *history = lab->engine->history;
    uint64_t before = history_newest(history);
    struct many first = {.n = 3}, refused = {.first = 10, .n = 3, .refuse = EINVAL},
                last = {.first = 20, .n = 2};

    submit_many(lab, &first);
    submit_many(lab, &refused);
    submit_many(lab, &last);
    lab_settle(lab);
    assert_int_equal(history_newest(history), before + 5);
    assert_string_equal(history_key(history, before + 4), "services/ns/s20");
}

static void test_what_stays_as_it_was_is_not_told(void **state)
{
    struct engine_lab *lab = *state;
    const struct history *history = lab->engine->history;
    struct many many = {.n = 2};
    uint64_t before;

    submit_many(lab, &many);
    lab_settle(lab);
    before = history_newest(history);
    many.n = 3;
    submit_many(lab, &many);
    lab_settle(lab);
    assert_int_equal(history_newest(history), before + 1);
    assert_string_equal(history_key(history, before + 1), "services/ns/s2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_long_job_is_told_by_its_first_rows, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_each_job_of_a_group_is_told, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_what_stays_as_it_was_is_not_told, setup, engine_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
