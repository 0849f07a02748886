/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reads that fail, who reads, when it is looked again, and who waits for the end of a look. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/rounds_lab.h"

static const char *problem(const struct rounds_lab *lab)
{
    return dns_problem(&lab->dns, LAB_CGROUP_ID);
}

/* ---- reads that fail ---- */

static void test_what_is_no_file_is_a_problem(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, NULL, false);

    rounds_make_dir(rounds_path(lab, "root%u/etc/resolv.conf", number));
    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, *problem(lab));
    assert_string_equal(problem(lab), "/etc/resolv.conf in the task is no regular file");
    assert_int_equal(rounds_stubs(lab), 0);
    /* It goes with its reason. */
    assert_int_equal(rmdir(rounds_path(lab, "root%u/etc/resolv.conf", number)), 0);
    rounds_conf(lab, number, "nameserver 127.0.9.1\n");
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    LAB_UNTIL(lab, !*problem(lab));
}

static void test_a_pipe_is_not_waited_for(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, NULL, false);

    assert_int_equal(mkfifo(rounds_path(lab, "root%u/etc/resolv.conf", number), 0644), 0);
    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, *problem(lab));
    assert_string_equal(problem(lab), "/etc/resolv.conf in the task is no regular file");
}

/* What cannot be read now has not become another: the stub stays. */
static void test_a_file_that_cannot_be_read_any_more(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_conf(lab, number, NULL);
    rounds_make_dir(rounds_path(lab, "root%u/etc/resolv.conf", number));
    for (uint64_t began = rounds_task(lab)->look.round.began_ns, looks = 0; looks < 3;) {
        rounds_tell(lab);
        LAB_UNTIL(lab, !rounds_task(lab)->look.round.is_on && rounds_task(lab)->look.round.began_ns > began);
        began = rounds_task(lab)->look.round.began_ns;
        looks++;
    }
    assert_string_equal(rounds_servers(lab), "127.0.9.1");
    assert_string_equal(problem(lab), "");
    /* But where there is none any more it has: the name server of this host. */
    assert_int_equal(rmdir(rounds_path(lab, "root%u/etc/resolv.conf", number)), 0);
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.0.1"));
}

/* Of two processes of a namespace one can be read for: that is no problem. */
static void test_one_of_two_can_be_read_for(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned bad = rounds_start(lab, NULL, false);

    rounds_make_dir(rounds_path(lab, "root%u/etc/resolv.conf", bad));
    rounds_enter(lab, bad);
    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    assert_false(rounds_task(lab)->look.round.is_on);
    assert_string_equal(problem(lab), "");
}

static void test_a_long_file_is_read_as_far_as_is_needed(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    size_t size = 200000;
    char *text = malloc(size + 1);

    memset(text, '#', size);
    memcpy(text, "nameserver 127.0.9.1\n", 21);
    memcpy(text + size - 22, "\nnameserver 127.0.9.2\n", 22);
    text[size] = '\0';
    rounds_enter(lab, rounds_start(lab, text, false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    free(text);
}

static void test_random_files(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);
    uint32_t random = 17;

    rounds_enter(lab, number);
    for (unsigned round = 0; round < 30; round++) {
        char text[400];

        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = "nameserver 127.0.9.1\nsearch ::\t;#\xff\r"[(random >> 20) % 36];
        }
        text[sizeof(text) - 1] = '\0';
        rounds_conf(lab, number, text);
        rounds_put(lab, lab->processes[number]);
        LAB_UNTIL(lab, rounds_stubs(lab) == 1);
        assert_in_range(rounds_task(lab)->stubs->n_servers, 0, SVC_NAMESERVERS);
        dns_observer.removed(&lab->dns, &lab->of);
    }
}

/* ---- who reads ---- */

static void test_the_reader_ends_and_another_is_made(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    pid_t first = lab->dns.reads.reader.pid;
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    log_set_level(LOG_LEVEL_ERROR);
    assert_true(first > 0);
    rounds_put(lab, 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    LAB_UNTIL(lab, lab->dns.reads.reader.pid != first);
    rounds_enter(lab, number);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    assert_true(lab->dns.reads.reader.pid > 0 && lab->dns.reads.reader.pid != first);
}

/* A round that waits for its answer ends without, and takes nothing away. */
static void test_the_reader_ends_while_it_is_waited_for(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_rest(lab);
    assert_int_equal(kill(lab->dns.reads.reader.pid, SIGSTOP), 0);
    rounds_put(lab, 0);
    assert_true(rounds_task(lab)->look.round.is_on);
    house_for(&lab->house, 20);
    assert_true(rounds_task(lab)->look.round.is_on);
    assert_int_equal(kill(lab->dns.reads.reader.pid, SIGKILL), 0);
    LAB_UNTIL(lab, !rounds_task(lab)->look.round.is_on);
    assert_true(rounds_task(lab)->look.round.is_cut);
    assert_string_equal(rounds_servers(lab), "127.0.9.1");
    /* Another one reads what has changed meanwhile. */
    rounds_conf(lab, number, "nameserver 127.0.9.2\n");
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.2"));
}

static void test_without_a_reader_nothing_is_known(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    uint64_t id = 0;

    dns_reads_done(&lab->dns);
    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    assert_int_equal(rounds_stubs(lab), 0);
    assert_false(rounds_task(lab)->look.round.is_on);
    assert_int_equal(dns_reads_ask(&lab->dns, rounds_task(lab), getpid(), &id), -EAGAIN);
    /* Until there is one again, which is tried once a second. */
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
}

/* ---- when ---- */

static void test_it_is_looked_more_and_more_rarely(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    struct dns_look *look;
    unsigned pause = 0;

    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_rest(lab);
    assert_int_equal(event_del(lab->dns.tick), 0); /* ticks are the test's from here on */
    look = &rounds_task(lab)->look;
    look->pause = 1;
    look->at_tick = lab->dns.ticks + 1;
    for (unsigned i = 0; i < 6; i++) {
        pause = look->pause;
        lab->dns.ticks = look->at_tick;
        dns_look_tick(&lab->dns, rounds_task(lab));
        LAB_UNTIL(lab, !look->round.is_on);
        assert_true(look->pause == 2 * pause || look->pause == 20);
        assert_int_equal(look->at_tick, lab->dns.ticks + look->pause);
    }
    assert_int_equal(look->pause, 20);
    /* And at once when something happens. */
    rounds_tell(lab);
    LAB_UNTIL(lab, look->pause == 1 && look->n_quick == 0);
}

static void test_before_its_time_nothing_is_looked_at(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    struct dns_look *look;
    uint64_t began;

    rounds_put(lab, 0);
    look = &rounds_task(lab)->look;
    began = look->round.began_ns;
    look->at_tick = lab->dns.ticks + 1000;
    dns_look_tick(&lab->dns, rounds_task(lab));
    assert_int_equal(look->round.began_ns, began);
    look->at_tick = lab->dns.ticks;
    dns_look_tick(&lab->dns, rounds_task(lab));
    assert_true(look->round.began_ns > began);
}

/* ---- who waits ---- */

struct waiting {
    unsigned n;
    const struct task *task;
};

static void on_looked(const struct task *task, void *user)
{
    struct waiting *waiting = user;

    waiting->n++;
    waiting->task = task;
}

static void test_who_waits_is_told_at_the_end(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    struct waiting first = {0}, second = {0}, forgotten = {0};

    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &first), -ENOENT);
    assert_false(dns_is_looking(&lab->dns, LAB_CGROUP_ID));
    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    assert_true(dns_is_looking(&lab->dns, LAB_CGROUP_ID));
    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &first), 0);
    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &forgotten), 0);
    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &second), 0);
    dns_forget_waiter(&lab->dns, LAB_CGROUP_ID, &forgotten);
    dns_forget_waiter(&lab->dns, LAB_CGROUP_ID, &forgotten);
    dns_forget_waiter(&lab->dns, 1, &first);
    LAB_UNTIL(lab, first.n > 0);
    assert_string_equal(rounds_servers(lab), "127.0.9.1");
    rounds_rest(lab);
    assert_int_equal(first.n, 1);
    assert_int_equal(second.n, 1);
    assert_int_equal(forgotten.n, 0);
    assert_ptr_equal(first.task, &lab->of);
}

static void test_who_waits_is_told_though_the_task_goes(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    struct waiting waiting = {0};

    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &waiting), 0);
    dns_observer.removed(&lab->dns, &lab->of);
    assert_int_equal(waiting.n, 1);
    house_for(&lab->house, 20); /* the answer comes for nobody */
    rounds_put(lab, 0);
    assert_int_equal(dns_call_when_looked(&lab->dns, LAB_CGROUP_ID, on_looked, &waiting), 0);
    dns_done(&lab->dns);
    assert_int_equal(waiting.n, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rounds_setup, rounds_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_no_file_is_a_problem),
        TEST(test_a_pipe_is_not_waited_for),
        TEST(test_a_file_that_cannot_be_read_any_more),
        TEST(test_one_of_two_can_be_read_for),
        TEST(test_a_long_file_is_read_as_far_as_is_needed),
        TEST(test_random_files),
        TEST(test_the_reader_ends_and_another_is_made),
        TEST(test_the_reader_ends_while_it_is_waited_for),
        TEST(test_without_a_reader_nothing_is_known),
        TEST(test_it_is_looked_more_and_more_rarely),
        TEST(test_before_its_time_nothing_is_looked_at),
        TEST(test_who_waits_is_told_at_the_end),
        TEST(test_who_waits_is_told_though_the_task_goes),
    };

    return cmocka_run_group_tests(tests, rounds_begin_group, NULL);
}
