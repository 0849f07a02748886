/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A task's entries in `resolvers`: whose they are, which leads to which, and what the programs find in them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "unit/dns/dns_lab.h"

static struct svc_resolver *entry(const struct dns_lab *lab, uint32_t number)
{
    return datapath_resolver(lab->house.datapath, number);
}

/* Attached, as tasks/ does before it tells of a task. */
static void attach(struct dns_lab *lab, uint64_t id)
{
    struct error error = {0};
    char name[32];

    (void)snprintf(name, sizeof(name), "task-%" PRIu64, id);
    assert_int_equal(datapath_attach(lab->house.datapath, name, "/task", id, &error), 0);
    assert_int_equal(datapath_set_scope(lab->house.datapath, id, 1, 1), 0);
}

static uint32_t number_at(const struct dns_lab *lab, unsigned at)
{
    assert_true(at < lab->task->entries.n);
    return lab->task->entries.numbers[at];
}

/* A stub in the entry for this network namespace. */
static struct dns_stub *take(struct dns_lab *lab, uint64_t cookie)
{
    uint32_t number = dns_resolvers_take(&lab->dns, lab->task, cookie);
    struct dns_stub *stub;

    if (!number)
        return NULL;
    stub = lab_add_stub(lab, RESOLV_CONF);
    stub->number = number;
    stub->netns_cookie = cookie;
    dns_resolvers_publish(&lab->dns, stub);
    return stub;
}

/* The stub that the lab has made anyway has no entry. */
static struct dns_lab *lab_without_stub(void **state)
{
    struct dns_lab *lab = lab_of(state);

    dns_stub_free(&lab->task->stubs);
    lab->stub = NULL;
    attach(lab, LAB_CGROUP_ID);
    return lab;
}

static void test_a_task_has_an_entry(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    assert_int_equal(lab->task->entries.n, 1);
    assert_int_equal(entry(lab, number_at(lab, 0))->cgroup_id, LAB_CGROUP_ID);
    assert_int_equal(entry(lab, number_at(lab, 0))->n, 0); /* nobody answers yet */
    assert_int_equal(lab->dns.n_more_entries, 0);
    /* And keeps it. */
    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    assert_int_equal(lab->task->entries.n, 1);
    dns_resolvers_free(&lab->dns, lab->task);
    assert_int_equal(lab->task->entries.n, 0);
    assert_int_equal(entry(lab, 1)->cgroup_id, 0);
}

static void test_who_is_not_attached_has_none(void **state)
{
    struct dns_lab *lab = lab_of(state);

    assert_true(dns_resolvers_claim(&lab->dns, lab->task) < 0);
}

static void test_no_entry_is_free(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    uint32_t n = datapath_resolvers(lab->house.datapath);

    for (uint32_t number = 1; number <= n; number++)
        entry(lab, number)->cgroup_id = 1000 + number;
    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), -ENOSPC);
    assert_int_equal(lab->task->entries.n, 0);
    entry(lab, n)->cgroup_id = 0; /* the last one */
    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    assert_int_equal(number_at(lab, 0), n);
}

static void test_what_the_programs_find(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    struct ip_address name_server;
    const struct svc_resolver *found;
    struct dns_stub *stub;

    assert_int_equal(ip_address_parse(NAME_SERVER, &name_server), 0);
    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    stub = take(lab, 77);
    found = entry(lab, number_at(lab, 0));
    assert_int_equal(found->netns_cookie, 77);
    assert_int_equal(found->n, 1);
    assert_int_equal(ntohs(found->port_be[0]), stub->servers[0].port);
    assert_memory_equal(found->nameserver[0], name_server.bytes, 16);
    assert_memory_equal(found->stub[0], stub->servers[0].stub_address.bytes, 16);
    assert_int_equal(ip_address_to_v4(&stub->servers[0].stub_address) >> 16, 0x7f35);
    dns_resolvers_withdraw(&lab->dns, stub);
    assert_int_equal(found->n, 0);
    assert_int_equal(found->cgroup_id, LAB_CGROUP_ID);
    assert_int_equal(ntohs(found->port_be[0]), stub->servers[0].port); /* for the next stub to try first */
}

static void test_one_for_each_network_namespace(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    for (uint64_t cookie = 1; cookie <= SVC_RESOLVER_NETNS; cookie++)
        assert_non_null(take(lab, cookie));
    assert_null(take(lab, 99));
    assert_int_equal(lab->task->entries.n, SVC_RESOLVER_NETNS);
    assert_int_equal(lab->dns.n_more_entries, SVC_RESOLVER_NETNS - 1);
    for (unsigned i = 0; i < SVC_RESOLVER_NETNS; i++) {
        assert_int_equal(entry(lab, number_at(lab, i))->netns_cookie, i + 1);
        assert_int_equal(entry(lab, number_at(lab, i))->next,
                         i + 1 < SVC_RESOLVER_NETNS ? number_at(lab, i + 1) : 0);
    }
    dns_resolvers_free(&lab->dns, lab->task);
    assert_int_equal(lab->dns.n_more_entries, 0);
    for (uint32_t number = 1; number <= datapath_resolvers(lab->house.datapath); number++)
        assert_int_equal(entry(lab, number)->cgroup_id, 0);
}

/* A kernel that tells no cookie: the first entry stands for all, and there is no other. */
static void test_without_a_cookie_there_is_one(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    assert_non_null(take(lab, 0));
    assert_null(take(lab, 0));
    assert_int_equal(lab->task->entries.n, 1);
}

/* Every task finds its first: there is no more than one of the others for each that can be. */
static void test_others_leave_each_task_its_first(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    lab->dns.settings.max_tasks = 2;
    for (uint64_t cookie = 1; cookie <= 3; cookie++)
        assert_non_null(take(lab, cookie));
    assert_null(take(lab, 4));
    assert_int_equal(lab->dns.n_more_entries, 2);
}

/* The stub of this place in the list goes, as with the last process of its namespace. */
static void end_stub(struct dns_lab *lab, uint64_t cookie)
{
    struct dns_stub **at = &lab->task->stubs;

    while (*at && (*at)->netns_cookie != cookie)
        at = &(*at)->next;
    assert_non_null(*at);
    dns_resolvers_withdraw(&lab->dns, *at);
    dns_stub_free(at);
}

static void test_entries_without_a_stub_go_but_the_first(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    uint32_t gone[2], last, number;

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    for (uint64_t cookie = 1; cookie <= 4; cookie++)
        assert_non_null(take(lab, cookie));
    gone[0] = number_at(lab, 1);
    gone[1] = number_at(lab, 2);
    last = number_at(lab, 3);
    end_stub(lab, 1);
    end_stub(lab, 2);
    end_stub(lab, 3);
    dns_resolvers_trim(&lab->dns, lab->task);
    assert_int_equal(lab->task->entries.n, 2);
    assert_int_equal(lab->dns.n_more_entries, 1);
    assert_int_equal(number_at(lab, 1), last);
    assert_int_equal(entry(lab, number_at(lab, 0))->next, last);
    assert_int_equal(entry(lab, last)->next, 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(entry(lab, gone[i])->cgroup_id, 0);
    /* One that comes takes the first, which is free; the next one a new one. */
    number = take(lab, 5)->number;
    assert_int_equal(number, number_at(lab, 0));
    number = take(lab, 6)->number;
    assert_int_equal(number, number_at(lab, 2));
    assert_int_equal(entry(lab, last)->next, number);
}

static void test_a_namespace_finds_its_entry_again(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    uint32_t second;

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    (void)take(lab, 1);
    second = take(lab, 2)->number;
    end_stub(lab, 1);
    end_stub(lab, 2);
    assert_int_equal(take(lab, 2)->number, second);
    assert_int_equal(take(lab, 1)->number, number_at(lab, 0));
}

/* Another daemon before this one has left them: the ports that sockets still know are tried first. */
static void test_entries_of_an_earlier_run(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    uint16_t port;

    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    port = take(lab, 1)->servers[0].port;
    (void)take(lab, 2);
    *entry(lab, 7) =
        (struct svc_resolver){.cgroup_id = 31337, .n = 1}; /* of a task that has gone meanwhile */
    while (lab->task->stubs)
        dns_stub_free(&lab->task->stubs);
    lab->task->entries = (struct dns_entries){0};
    lab->dns.n_more_entries = 0;
    dns_resolvers_reset(&lab->dns);
    assert_int_equal(entry(lab, 7)->cgroup_id, 0);
    assert_int_equal(entry(lab, 1)->n, 0);
    assert_int_equal(entry(lab, 1)->cgroup_id, LAB_CGROUP_ID);
    assert_int_equal(dns_resolvers_claim(&lab->dns, lab->task), 0);
    assert_int_equal(lab->task->entries.n, 2);
    assert_int_equal(lab->dns.n_more_entries, 1);
    assert_int_equal(entry(lab, number_at(lab, 0))->next, number_at(lab, 1));
    assert_int_equal(ntohs(entry(lab, number_at(lab, 0))->port_be[0]), port);
    assert_int_equal(dns_resolvers_take(&lab->dns, lab->task, 1), number_at(lab, 0));
}

static void test_a_stub_tries_the_place_it_had(void **state)
{
    struct dns_lab *lab = lab_without_stub(state);
    struct svc_resolver before = {0};
    struct error error = {0};
    struct dns_stub *first = lab_add_stub(lab, RESOLV_CONF);
    struct dns_stub *second = NULL;
    const struct ip_address address = first->servers[0].stub_address;
    uint16_t port = first->servers[0].port;

    before.port_be[0] = htons(port);
    memcpy(before.stub[0], first->servers[0].stub_address.bytes, sizeof(before.stub[0]));
    /* Somebody else has it now: another will do. */
    assert_int_equal(dns_stub_new(&lab->dns, lab->task, lab_netns(), RESOLV_CONF, &before, &second, &error),
                     0);
    assert_false(second->servers[0].port == port &&
                 ip_address_equal(&second->servers[0].stub_address, &address));
    dns_stub_free(&second);
    dns_stub_free(&lab->task->stubs);
    assert_int_equal(dns_stub_new(&lab->dns, lab->task, lab_netns(), RESOLV_CONF, &before, &second, &error),
                     0);
    assert_int_equal(second->servers[0].port, port);
    assert_true(ip_address_equal(&second->servers[0].stub_address, &address));
    dns_stub_free(&second);
}

static void test_no_stub_where_nobody_can_enter(void **state)
{
    struct dns_lab *lab = lab_of(state);
    static const struct svc_resolver before;
    struct dns_stub *stub = NULL;
    struct error error = {0};
    _cleanup_close_ int no_netns = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(dns_stub_new(&lab->dns, lab->task, no_netns, RESOLV_CONF, &before, &stub, &error) < 0);
    assert_null(stub);
    assert_non_null(strstr(error.message, "network namespace"));
    assert_true(fcntl(no_netns, F_GETFD) >= 0); /* taken over on success only */
}

/* The port is somebody else's: the error says what cannot be had. */
static void test_a_listener_whose_port_is_taken(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct ip_address address = ip_address_from_v4(INADDR_LOOPBACK);
    struct dns_stub *stub = NULL;
    struct error error = {0};

    assert_int_equal(dns_stub_listen(&lab->dns, &address, LISTEN_PORT, &stub, &error), -EADDRINUSE);
    assert_null(stub);
    assert_non_null(strstr(error.message, "--dns-listen 127.0.0.1, port 5353"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_task_has_an_entry),
        TEST(test_who_is_not_attached_has_none),
        TEST(test_no_entry_is_free),
        TEST(test_what_the_programs_find),
        TEST(test_one_for_each_network_namespace),
        TEST(test_without_a_cookie_there_is_one),
        TEST(test_others_leave_each_task_its_first),
        TEST(test_entries_without_a_stub_go_but_the_first),
        TEST(test_a_namespace_finds_its_entry_again),
        TEST(test_entries_of_an_earlier_run),
        TEST(test_a_stub_tries_the_place_it_had),
        TEST(test_no_stub_where_nobody_can_enter),
        TEST(test_a_listener_whose_port_is_taken),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
