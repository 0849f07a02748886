/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The thread beside the loop: its order, its limits and its end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/worker.h"

struct lab {
    struct event_base *base;
    struct worker *worker;
    pthread_t loop;
    sem_t begun;
    sem_t may_go_on;
    char order[2048]; /* of the ends told */
    size_t n_told;
    int last_result;
    bool submits_again;
};

/* What one work is about. */
struct task {
    struct lab *lab;
    char name;
    bool waits;
    bool was_elsewhere;
    bool had_signals;
    int result;
};

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    lab->base = event_base_new();
    lab->loop = pthread_self();
    (void)sem_init(&lab->begun, 0, 0);
    (void)sem_init(&lab->may_go_on, 0, 0);
    return worker_new(lab->base, &lab->worker);
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    worker_free(&lab->worker);
    assert_null(lab->worker);
    worker_free(&lab->worker);
    (void)sem_destroy(&lab->begun);
    (void)sem_destroy(&lab->may_go_on);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static void run(void *user)
{
    struct task *task = user;
    sigset_t blocked;

    task->was_elsewhere = !pthread_equal(pthread_self(), task->lab->loop);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    task->had_signals = !sigismember(&blocked, SIGTERM);
    if (!task->waits)
        return;
    (void)sem_post(&task->lab->begun);
    (void)sem_wait(&task->lab->may_go_on);
}

static void done(int result, void *user)
{
    struct task *task = user;
    struct lab *lab = task->lab;

    assert_true(pthread_equal(pthread_self(), lab->loop));
    task->result = result;
    lab->last_result = result;
    lab->order[lab->n_told++] = task->name;
    if (lab->submits_again) {
        const struct work work = {.run = run, .done = done, .user = task};

        lab->submits_again = false;
        assert_int_equal(worker_submit(lab->worker, &work), 0);
    }
}

static int submit(struct task *task)
{
    const struct work work = {.run = run, .done = done, .user = task};

    return worker_submit(task->lab->worker, &work);
}

static void turn_until(struct lab *lab, size_t n_told)
{
    while (lab->n_told < n_told)
        assert_int_equal(event_base_loop(lab->base, EVLOOP_ONCE), 0);
}

static void test_ends_are_told_in_order_on_the_loop(void **state)
{
    struct lab *lab = *state;
    struct task tasks[26];

    for (size_t i = 0; i < 26; i++) {
        tasks[i] = (struct task){.lab = lab, .name = (char)('a' + i), .result = 1};
        assert_int_equal(submit(&tasks[i]), 0);
    }
    assert_int_equal(lab->n_told, 0); /* never from within a submit */
    turn_until(lab, 26);
    assert_string_equal(lab->order, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < 26; i++) {
        assert_true(tasks[i].was_elsewhere);
        assert_false(tasks[i].had_signals);
        assert_int_equal(tasks[i].result, 0);
    }
}

static void test_the_loop_turns_while_it_is_busy(void **state)
{
    struct lab *lab = *state;
    struct task task = {.lab = lab, .name = 'a', .waits = true};

    assert_int_equal(submit(&task), 0);
    (void)sem_wait(&lab->begun);
    assert_int_equal(event_base_loop(lab->base, EVLOOP_NONBLOCK), 0);
    assert_int_equal(lab->n_told, 0);
    (void)sem_post(&lab->may_go_on);
    turn_until(lab, 1);
}

static void test_who_is_told_may_submit_again(void **state)
{
    struct lab *lab = *state;
    struct task task = {.lab = lab, .name = 'a'};

    lab->submits_again = true;
    assert_int_equal(submit(&task), 0);
    turn_until(lab, 2);
    assert_string_equal(lab->order, "aa");
}

static void test_no_more_than_so_many_wait(void **state)
{
    struct lab *lab = *state;
    struct task first = {.lab = lab, .name = 'a', .waits = true};
    struct task other = {.lab = lab, .name = 'b'};

    assert_int_equal(submit(&first), 0);
    for (size_t i = 1; i < WORKER_WAITING; i++)
        assert_int_equal(submit(&other), 0);
    assert_int_equal(submit(&other), -EBUSY);
    (void)sem_post(&lab->may_go_on);
    turn_until(lab, WORKER_WAITING);
    assert_int_equal(submit(&other), 0);
    turn_until(lab, WORKER_WAITING + 1);
}

static void test_waiting_blocks_until_something_has_ended(void **state)
{
    struct lab *lab = *state;
    struct task tasks[2] = {{.lab = lab, .name = 'a'}, {.lab = lab, .name = 'b'}};

    assert_false(worker_wait(lab->worker));
    assert_int_equal(submit(&tasks[0]), 0);
    assert_int_equal(submit(&tasks[1]), 0);
    while (lab->n_told < 2)
        assert_true(worker_wait(lab->worker));
    assert_false(worker_wait(lab->worker));
    assert_string_equal(lab->order, "ab");
}

static void *let_go_on(void *user)
{
    struct lab *lab = user;

    /* Most likely the stop has begun by then; if not, more is run and the end is the same. */
    (void)usleep(20000);
    (void)sem_post(&lab->may_go_on);
    return NULL;
}

static void test_a_stop_while_busy_tells_everybody(void **state)
{
    struct lab *lab = *state;
    struct task tasks[3] = {{.lab = lab, .name = 'a', .waits = true, .result = 1},
                            {.lab = lab, .name = 'b', .result = 1},
                            {.lab = lab, .name = 'c', .result = 1}};
    struct task late = {.lab = lab, .name = 'd'};
    pthread_t helper;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(submit(&tasks[i]), 0);
    (void)sem_wait(&lab->begun);
    (void)pthread_create(&helper, NULL, let_go_on, lab);
    worker_stop(lab->worker);
    (void)pthread_join(helper, NULL);
    assert_string_equal(lab->order, "abc");
    assert_int_equal(tasks[2].result, tasks[2].was_elsewhere ? 0 : -ECANCELED);
    assert_int_equal(submit(&late), -ECANCELED);
    worker_stop(lab->worker);
    assert_int_equal(lab->n_told, 3);
}

static void test_a_stop_of_one_that_never_worked(void **state)
{
    struct lab *lab = *state;

    worker_stop(lab->worker);
    worker_stop(NULL);
    assert_int_equal(lab->n_told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ends_are_told_in_order_on_the_loop),
        TEST(test_the_loop_turns_while_it_is_busy),
        TEST(test_who_is_told_may_submit_again),
        TEST(test_no_more_than_so_many_wait),
        TEST(test_waiting_blocks_until_something_has_ended),
        TEST(test_a_stop_while_busy_tells_everybody),
        TEST(test_a_stop_of_one_that_never_worked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
