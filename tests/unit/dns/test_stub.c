/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a task is answered by its stub: names of ours as it sees them now, and what is no question. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/dns_lab.h"

/* By UDP, with an answer to be heard. */
static void ask(struct dns_lab *lab, int fd, const char *name, uint16_t type)
{
    static uint16_t id = 0x7000;

    lab_ask(fd, name, type, ++id);
    assert_true(lab_hear(lab, fd) >= DNS_HEADER_SIZE);
    assert_int_equal(lab_id(lab), id);
}

/* The alias address of a name of ours. */
static struct ip_address alias_of(const struct dns_lab *lab, const char *name)
{
    uint32_t number = 0;

    assert_int_equal(engine_address(lab->house.engine, name, &number), 0);
    return alias_range_address(engine_alias_range(lab->house.engine), number);
}

static void expect_alias(struct dns_lab *lab, int fd, const char *asked, const char *name)
{
    struct ip_address wanted = alias_of(lab, name);
    size_t size;

    ask(lab, fd, asked, DNS_A);
    size = DNS_HEADER_SIZE + strlen(asked) + 2 + 4;
    assert_int_equal(lab_rcode(lab), DNS_NOERROR);
    assert_int_equal(lab_answers(lab), 1);
    /* name, type, class, time to live, length, address */
    assert_int_equal(lab->message[size + 9], LAB_TTL);
    assert_memory_equal(lab->message + size + 12, wanted.bytes + 12, 4);
}

static void test_names_of_ours_are_answered(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    expect_alias(lab, fd, "web.ns", "web.ns");
    expect_alias(lab, fd, "WWW.ns", "www.ns");
    expect_alias(lab, fd, "web.ns.corp.example", "web.ns"); /* by the search domain of resolv.conf */
    ask(lab, fd, "web.ns", DNS_AAAA);
    assert_int_equal(lab_answers(lab), 1);
    ask(lab, fd, "_https._tcp.www.ns", DNS_SRV);
    assert_int_equal(lab_answers(lab), 1);
    ask(lab, fd, "web.ns", TYPE_MX);
    assert_int_equal(lab_answers(lab), 0);
    assert_int_equal(lab_rcode(lab), DNS_NOERROR);
    ask(lab, fd, "250.0.255.127.in-addr.arpa", DNS_PTR);
    assert_int_equal(lab_rcode(lab), DNS_NXDOMAIN); /* ours to name, and nobody's */
    assert_int_equal(lab->dns.counters.answered, 7);
    assert_int_equal(fake_name_server_count(lab->server), 0);
    (void)close(fd);
}

/* Whoever sees other names asks the name server for these. */
static void test_names_of_others_are_the_name_servers(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    house_put(&lab->house, "services/other/far",
              "{\"clientAliases\":[{\"dnsName\":\"far.other\",\"port\":80,\"protocol\":\"tcp\"}]}");
    fake_name_server_script(lab->server, lab_say_address, NULL);
    ask(lab, fd, "far.other", DNS_A);
    assert_int_equal(fake_name_server_count(lab->server), 1);
    ask(lab, fd, "other.ns", DNS_A);
    assert_int_equal(fake_name_server_count(lab->server), 2);
    (void)close(fd);
}

static bool is_answered(struct dns_lab *lab, int fd, const char *name)
{
    size_t before = fake_name_server_count(lab->server);

    ask(lab, fd, name, DNS_A);
    return fake_name_server_count(lab->server) == before;
}

static void test_names_that_come_and_go(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    fake_name_server_script(lab->server, lab_say_address, NULL);
    assert_false(is_answered(lab, fd, "new.ns"));
    house_put(&lab->house, "services/ns/new",
              "{\"clientAliases\":[{\"dnsName\":\"new.ns\",\"port\":80,\"protocol\":\"tcp\"}]}");
    assert_true(is_answered(lab, fd, "new.ns"));
    expect_alias(lab, fd, "new.ns", "new.ns");
    house_put(&lab->house, "services/ns/new", NULL);
    assert_false(is_answered(lab, fd, "new.ns"));
    assert_true(is_answered(lab, fd, "web.ns"));
    (void)close(fd);
}

/* What tasks/ does when scopes have changed. */
static void move(struct dns_lab *lab, struct task *of)
{
    struct error error = {0};

    assert_int_equal(engine_scope_of_task(lab->house.engine, of->namespace_name, of->service, &of->scope,
                                          &of->namespace_scope, &error),
                     0);
}

/* A client service with routes of its own sees a scope of its own: its names too. */
static void test_names_of_a_client_service(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct task of = {
        .cgroup = {.path = "/shop", .id = 4712}, .namespace_name = (char *)"ns", .service = (char *)"shop"};
    struct dns_stub *stub, *of_all = lab->stub;
    int fd, fd_of_all;

    fake_name_server_script(lab->server, lab_say_address, NULL);
    lab->task = lab_add_task(lab, &of);
    stub = lab_add_stub(lab, RESOLV_CONF);
    fd = lab_client(stub, 0, SOCK_DGRAM);
    fd_of_all = lab_client(of_all, 0, SOCK_DGRAM);
    assert_true(is_answered(lab, fd, "web.ns"));
    assert_false(is_answered(lab, fd, "own.ns"));
    house_put(&lab->house, "routes/ns/shop/own.ns:80/tcp",
              "{\"targets\":[{\"service\":\"web\",\"weight\":1}]}");
    move(lab, &of);
    assert_int_not_equal(of.scope, lab->of.scope);
    assert_true(is_answered(lab, fd, "own.ns"));
    assert_true(is_answered(lab, fd, "web.ns"));
    assert_false(is_answered(lab, fd_of_all, "own.ns"));
    /* And when it has none any more it sees what all see. */
    house_put(&lab->house, "routes/ns/shop/own.ns:80/tcp", NULL);
    move(lab, &of);
    assert_int_equal(of.scope, lab->of.scope);
    assert_false(is_answered(lab, fd, "own.ns"));
    assert_true(is_answered(lab, fd, "web.ns"));
    (void)close(fd);
    (void)close(fd_of_all);
}

static void test_a_task_that_comes_to_another_namespace(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    fake_name_server_script(lab->server, lab_say_address, NULL);
    house_put(&lab->house, "services/other/far",
              "{\"clientAliases\":[{\"dnsName\":\"far.other\",\"port\":80,\"protocol\":\"tcp\"}]}");
    assert_true(is_answered(lab, fd, "web.ns"));
    assert_true(is_answered(lab, fd, "web.ns.svc.cluster.local"));
    lab->of.namespace_name = (char *)"other";
    move(lab, &lab->of);
    dns_observer.put(&lab->dns, &lab->of, 0);
    assert_true(is_answered(lab, fd, "far.other.svc.cluster.local"));
    assert_false(is_answered(lab, fd, "web.ns.svc.cluster.local"));
    assert_true(is_answered(lab, fd, "far.other"));
    assert_false(is_answered(lab, fd, "web.ns"));
    (void)close(fd);
}

/* ---- what is no question ---- */

static void test_a_query_that_cannot_be_read(void **state)
{
    static const uint8_t broken[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 'a', 'b', 0, 1};
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    lab_send(fd, broken, sizeof(broken));
    assert_int_equal(lab_hear(lab, fd), DNS_HEADER_SIZE);
    assert_int_equal(lab_id(lab), 0x1234);
    assert_int_equal(lab_rcode(lab), DNS_FORMERR);
    assert_true(lab->message[2] & ANSWER);
    assert_int_equal(lab->dns.counters.malformed, 1);
    (void)close(fd);
}

/* Two that answer each other would go on for ever: who sends an answer, or less than a header, hears nothing. */
static void test_what_is_dropped(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    uint8_t wire[DNS_QUERY_MAX + 1] = {0};
    size_t size = lab_question(wire, "web.ns", DNS_A, 1);

    for (size_t n = 0; n < DNS_HEADER_SIZE; n++)
        lab_send(fd, wire, n);
    wire[2] |= ANSWER;
    lab_send(fd, wire, size);
    wire[2] &= (uint8_t)~ANSWER;
    lab_send(fd, wire, sizeof(wire)); /* longer than questions are */
    lab_expect_nothing(lab, fd);
    assert_int_equal(lab->dns.counters.malformed, DNS_HEADER_SIZE); /* of no bytes is nothing */
    assert_int_equal(lab->dns.counters.answered, 0);
    lab_send(fd, wire, DNS_QUERY_MAX);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_answers(lab), 1);
    (void)close(fd);
}

/* Many wait in the socket: all are answered, also those beyond one turn's. */
static void test_more_than_in_one_turn(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    bool seen[3 * DNS_PER_ROUND] = {false};

    for (uint16_t id = 0; id < 3 * DNS_PER_ROUND; id++)
        lab_ask(fd, "web.ns", DNS_A, id);
    for (unsigned i = 0; i < 3 * DNS_PER_ROUND; i++) {
        (void)lab_hear(lab, fd);
        assert_true(lab_id(lab) < 3 * DNS_PER_ROUND);
        assert_false(seen[lab_id(lab)]);
        seen[lab_id(lab)] = true;
    }
    (void)close(fd);
}

/* Script: whatever was asked, as an answer. */
static bool say_the_same(void *user, const struct fake_question *question, struct fake_answer *answer)
{
    (void)user;
    memcpy(answer->bytes, question->bytes, question->size);
    answer->bytes[2] |= ANSWER;
    answer->size = question->size;
    return true;
}

static void test_random_bytes(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct dns_stub *stubs[] = {lab->stub, lab->dns.listener};
    uint32_t random = 815;

    fake_name_server_script(lab->server, say_the_same, NULL);
    for (size_t s = 0; s < ARRAY_SIZE(stubs); s++) {
        int fd = lab_client(stubs[s], 0, SOCK_DGRAM);

        for (unsigned round = 0; round < 3000; round++) {
            uint8_t bytes[300];
            size_t size = lab_question(bytes, "a.web.ns", DNS_A, (uint16_t)round);

            /* A question with some bytes changed, cut or with others behind it; or nothing but these. */
            for (size_t i = 0; i < sizeof(bytes); i++) {
                random = random * 1664525 + 1013904223;
                if (i >= size || round % 3 == 0 || random >> 28 == 0)
                    bytes[i] = (uint8_t)(random >> 20);
            }
            if (round % 5)
                bytes[2] &= (uint8_t)~ANSWER;
            (void)send(fd, bytes, round % 2 ? size : 1 + random % sizeof(bytes), MSG_DONTWAIT);
            (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
            while (recv(fd, lab->message, sizeof(lab->message), MSG_DONTWAIT) >= 0)
                assert_true(lab->message[2] & ANSWER);
        }
        (void)close(fd);
        fd = lab_client(stubs[s], 0, SOCK_DGRAM);
        ask(lab, fd, "web.ns", DNS_A);
        assert_true(lab_rcode(lab) == DNS_NOERROR);
        (void)close(fd);
    }
    assert_true(lab->dns.counters.malformed > 100);
}

static void test_what_is_told_to_people(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    _cleanup_json_ cJSON *before = dns_describe_task(&lab->dns, LAB_CGROUP_ID);
    _cleanup_json_ cJSON *nobody = dns_describe_task(&lab->dns, 1);
    _cleanup_json_ cJSON *all = NULL;

    assert_int_equal(cJSON_GetArraySize(before), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(before, 0)), NAME_SERVER);
    assert_int_equal(cJSON_GetArraySize(nobody), 0);
    assert_string_equal(dns_problem(&lab->dns, LAB_CGROUP_ID), "");
    assert_string_equal(dns_problem(&lab->dns, 1), "");
    ask(lab, fd, "web.ns", DNS_A);
    lab_send(fd, "no question", 11);
    lab_ask(fd, "example.org", DNS_A, 1);
    (void)lab_until_asked(lab, 1);
    all = dns_describe(&lab->dns);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(all, "on")));
    assert_int_equal(cJSON_GetObjectItem(all, "answered")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(all, "forwarded")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(all, "malformed")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(all, "refused")->valueint, 0);
    assert_int_equal(cJSON_GetObjectItem(all, "timedOut")->valueint, 0);
    (void)close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_names_of_ours_are_answered),
        TEST(test_names_of_others_are_the_name_servers),
        TEST(test_names_that_come_and_go),
        TEST(test_names_of_a_client_service),
        TEST(test_a_task_that_comes_to_another_namespace),
        TEST(test_a_query_that_cannot_be_read),
        TEST(test_what_is_dropped),
        TEST(test_more_than_in_one_turn),
        TEST(test_random_bytes),
        TEST(test_what_is_told_to_people),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
