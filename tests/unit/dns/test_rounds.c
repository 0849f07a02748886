/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A task's processes are looked at: in which network namespaces they are, and with which name servers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/rounds_lab.h"

static void test_an_empty_cgroup_has_no_stub(void **state)
{
    struct rounds_lab *lab = rounds_of(state);

    rounds_put(lab, 0);
    rounds_rest(lab);
    assert_int_equal(rounds_stubs(lab), 0);
    assert_string_equal(dns_problem(&lab->dns, LAB_CGROUP_ID), "");
    assert_int_equal(rounds_entry(lab)->cgroup_id, LAB_CGROUP_ID);
    assert_int_equal(rounds_entry(lab)->n, 0);
}

static void test_a_process_that_is_there(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    const struct svc_resolver *entry;
    const struct dns_server *server;
    struct ip_address wanted;

    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\nsearch corp.example\n", false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    server = &rounds_task(lab)->stubs->servers[0];
    entry = rounds_entry(lab);
    /* And the programs know of it. */
    assert_int_equal(entry->n, 1);
    assert_int_equal(ntohs(entry->port_be[0]), server->port);
    assert_memory_equal(entry->nameserver[0], server->address.bytes, 16);
    wanted = dns_server_listen_address(server);
    assert_memory_equal(entry->stub[0], wanted.bytes, 16);
    assert_string_equal(rounds_task(lab)->stubs->search[0], "corp.example");
}

static void test_a_process_that_comes_later(void **state)
{
    struct rounds_lab *lab = rounds_of(state);

    rounds_put(lab, 0);
    rounds_rest(lab);
    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
}

static void test_a_container_in_a_cgroup_below(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", true);
    char text[32];

    rounds_put(lab, 0);
    rounds_rest(lab);
    (void)snprintf(text, sizeof(text), "%d\n", (int)lab->processes[number]);
    rounds_make_dir(rounds_path(lab, "task/below"));
    rounds_write(rounds_path(lab, "task/below/cgroup.procs"), text);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
}

/* It is not in the cgroup yet, but will be. */
static void test_a_process_that_is_told(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_put(lab, lab->processes[number]);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    /* Until the next look the cgroup need not have it. */
    assert_false(rounds_task(lab)->look.round.is_on);
    assert_true(rounds_task(lab)->look.at_tick > lab->dns.ticks);
}

/* Nothing can be had of the one that was told: then of those in the cgroup. */
static void test_a_process_that_is_told_and_has_ended(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned ended = rounds_start(lab, "nameserver 127.0.9.2\n", false);
    pid_t pid = lab->processes[ended];

    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_end_process(lab, ended);
    assert_int_equal(event_del(lab->dns.tick), 0); /* at once, not with a look that comes later */
    rounds_put(lab, pid);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
}

static void test_no_file_is_as_good_as_an_empty_one(void **state)
{
    static const char *const confs[] = {NULL, "", "# nothing\n", "nameserver nobody\n"};
    struct rounds_lab *lab = rounds_of(state);

    for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
        unsigned number = rounds_start(lab, confs[i], true);

        rounds_enter(lab, number);
        rounds_put(lab, 0);
        LAB_UNTIL(lab, rounds_are(lab, "127.0.0.1"));
        dns_observer.removed(&lab->dns, &lab->of);
        rounds_end_process(lab, number);
        rounds_list(lab);
    }
}

static void test_several_name_servers_but_no_aliases(void **state)
{
    struct rounds_lab *lab = rounds_of(state);

    rounds_enter(
        lab,
        rounds_start(lab, "nameserver 127.0.9.1\nnameserver 127.255.0.9\nnameserver 127.0.9.2\n", false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1 127.0.9.2"));
    assert_int_equal(rounds_entry(lab)->n, 2);
}

/* One stub takes the other's place: the programs are never without. */
static bool is_renewed(const struct rounds_lab *lab, const char *servers)
{
    assert_int_equal(rounds_stubs(lab), 1);
    return rounds_are(lab, servers);
}

static void test_another_file(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_conf(lab, number, "nameserver 127.0.9.2\nnameserver 127.0.9.3\n");
    rounds_tell(lab);
    LAB_UNTIL(lab, is_renewed(lab, "127.0.9.2 127.0.9.3"));
    assert_int_equal(rounds_entry(lab)->n, 2);
}

/* Nobody tells of a file that changes: it is seen by the look that comes now and then. */
static void test_another_file_that_nobody_tells_of(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_rest(lab);
    rounds_conf(lab, number, "nameserver 127.0.9.2\n");
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.2"));
}

/* While one process has what the stub was made for, it stays, whatever others have. */
static void test_two_processes_that_differ(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    /* The one that comes later is the first to be looked at. */
    unsigned second = rounds_start(lab, "nameserver 127.0.9.2\n", false);
    unsigned first = rounds_start(lab, "nameserver 127.0.9.1\n", false);

    rounds_enter(lab, first);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_enter(lab, second);
    rounds_until_read(lab, 2);
    assert_string_equal(rounds_servers(lab), "127.0.9.1");
    assert_null(rounds_task(lab)->stubs->news);
    rounds_leave(lab, first);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.2"));
}

/* With the last process goes the network namespace, which a socket of ours would keep. */
static void test_the_last_process_goes(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned number = rounds_start(lab, "nameserver 127.0.9.1\n", true);

    rounds_enter(lab, number);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    rounds_end_process(lab, number);
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_stubs(lab) == 0);
    assert_int_equal(rounds_entry(lab)->n, 0);
}

static void test_each_network_namespace_has_a_stub(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    unsigned first = rounds_start(lab, "nameserver 127.0.9.1\n", true);
    unsigned second = rounds_start(lab, "nameserver 127.0.9.1\n", true);

    rounds_enter(lab, first);
    rounds_enter(lab, second);
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_stubs(lab) == 2);
    assert_int_equal(rounds_task(lab)->entries.n, 2);
    assert_int_equal(lab->dns.n_more_entries, 1);
    assert_int_equal(rounds_entry(lab)->next, rounds_task(lab)->entries.numbers[1]);
    assert_true(rounds_task(lab)->stubs->netns != rounds_task(lab)->stubs->next->netns);
    rounds_end_process(lab, first);
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_stubs(lab) == 1);
    rounds_end_process(lab, second);
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_stubs(lab) == 0);
    assert_int_equal(rounds_task(lab)->entries.n, 1);
    assert_int_equal(rounds_entry(lab)->next, 0);
    assert_int_equal(lab->dns.n_more_entries, 0);
}

static void test_more_network_namespaces_than_there_is_room_for(void **state)
{
    struct rounds_lab *lab = rounds_of(state);

    for (unsigned i = 0; i <= SVC_RESOLVER_NETNS; i++)
        rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", true));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_stubs(lab) == SVC_RESOLVER_NETNS);
    rounds_until_read(lab, SVC_RESOLVER_NETNS + 1);
    assert_int_equal(rounds_stubs(lab), SVC_RESOLVER_NETNS);
    assert_false(rounds_has_stub(lab, SVC_RESOLVER_NETNS));
    /* One that goes makes room for the one that had none. */
    rounds_end_process(lab, 0);
    rounds_tell(lab);
    LAB_UNTIL(lab, rounds_has_stub(lab, SVC_RESOLVER_NETNS));
    assert_int_equal(rounds_stubs(lab), SVC_RESOLVER_NETNS);
}

static void test_a_task_that_goes(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    uint32_t number;

    rounds_enter(lab, rounds_start(lab, "nameserver 127.0.9.1\n", false));
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
    number = rounds_task(lab)->entries.numbers[0];
    dns_observer.removed(&lab->dns, &lab->of);
    assert_null(rounds_task(lab));
    assert_int_equal(datapath_resolver(lab->house.datapath, number)->cgroup_id, 0);
    dns_observer.removed(&lab->dns, &lab->of); /* it never was */
    /* And comes again. */
    rounds_put(lab, 0);
    LAB_UNTIL(lab, rounds_are(lab, "127.0.9.1"));
}

static void test_the_heartbeat_goes_on_until_the_end(void **state)
{
    struct rounds_lab *lab = rounds_of(state);
    const struct svc_resolver *first = datapath_resolver(lab->house.datapath, 0);
    uint64_t before = first->heartbeat;

    assert_true(before > 0);
    LAB_UNTIL(lab, first->heartbeat > before);
    assert_true(lab->dns.ticks > 0);
    dns_done(&lab->dns);
    assert_int_equal(first->heartbeat, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rounds_setup, rounds_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_cgroup_has_no_stub),
        TEST(test_a_process_that_is_there),
        TEST(test_a_process_that_comes_later),
        TEST(test_a_container_in_a_cgroup_below),
        TEST(test_a_process_that_is_told),
        TEST(test_a_process_that_is_told_and_has_ended),
        TEST(test_no_file_is_as_good_as_an_empty_one),
        TEST(test_several_name_servers_but_no_aliases),
        TEST(test_another_file),
        TEST(test_another_file_that_nobody_tells_of),
        TEST(test_two_processes_that_differ),
        TEST(test_the_last_process_goes),
        TEST(test_each_network_namespace_has_a_stub),
        TEST(test_more_network_namespaces_than_there_is_room_for),
        TEST(test_a_task_that_goes),
        TEST(test_the_heartbeat_goes_on_until_the_end),
    };

    return cmocka_run_group_tests(tests, rounds_begin_group, NULL);
}
