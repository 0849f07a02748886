/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Questions by UDP that are the name server's: there and back, and what is not taken for an answer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/dns_lab.h"

static void test_there_and_back_all_is_as_it_was_but_the_id(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    const struct fake_question *question;
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    uint8_t wire[512];
    size_t size = lab_question(wire, "Www.ExamPle.Org", TYPE_MX, 0x1234);

    wire[3] = 0x10; /* checking disabled: the name server's to know */
    lab_send(fd, wire, size);
    question = lab_until_asked(lab, 1);
    assert_int_equal(question->size, size);
    assert_memory_equal(question->bytes + 2, wire + 2, size - 2);
    assert_true(lab_say_address(NULL, question, answer));
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    assert_int_equal(lab_hear(lab, fd), answer->size);
    assert_int_equal(lab_id(lab), 0x1234);
    assert_memory_equal(lab->message + 2, answer->bytes + 2, answer->size - 2);
    assert_int_equal(lab->dns.counters.forwarded, 1);
    assert_int_equal(lab->dns.counters.answered, 0);
    assert_int_equal(lab->stub->n_used, 0);
    free(answer);
    (void)close(fd);
}

/* What is long, cut or a failure is the asker's to judge. */
static void test_whatever_the_name_server_says_is_passed_on(void **state)
{
    static const unsigned codes[] = {DNS_NOERROR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_REFUSED};
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        lab_ask(fd, "example.org", DNS_A, (uint16_t)i);
        (void)lab_until_asked(lab, i + 1);
        lab_answer(lab, i, codes[i]);
        assert_int_equal(lab_hear(lab, fd), 12 + 13 + 4);
        assert_int_equal(lab_id(lab), i);
        assert_int_equal(lab_rcode(lab), codes[i]);
    }
    lab_ask(fd, "example.org", DNS_A, 77);
    fake_answer_begin(answer, lab_until_asked(lab, 5), DNS_NOERROR);
    answer->bytes[2] |= TRUNCATED;
    answer->size = 30000;
    fake_name_server_send(lab->server, 4, answer->bytes, answer->size);
    assert_int_equal(lab_hear(lab, fd), 30000);
    assert_true(lab->message[2] & TRUNCATED);
    free(answer);
    (void)close(fd);
}

/* A name server that refuses may leave it out; what answers something else than a query nobody can check. */
static void test_answers_without_a_question(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    uint8_t wire[512];
    size_t size;

    lab_ask(fd, "example.org", DNS_A, 0x1111);
    memcpy(wire, lab_until_asked(lab, 1)->bytes, DNS_HEADER_SIZE);
    wire[2] |= ANSWER;
    wire[3] = DNS_REFUSED;
    wire[5] = 0;
    fake_name_server_send(lab->server, 0, wire, DNS_HEADER_SIZE);
    assert_int_equal(lab_hear(lab, fd), DNS_HEADER_SIZE);
    assert_int_equal(lab_id(lab), 0x1111);
    size = lab_question(wire, "example.org", DNS_SOA, 0x2222);
    wire[2] = 4 << 3; /* NOTIFY */
    lab_send(fd, wire, size);
    memcpy(wire, lab_until_asked(lab, 2)->bytes, DNS_HEADER_SIZE);
    wire[2] |= ANSWER;
    fake_name_server_send(lab->server, 1, wire, DNS_HEADER_SIZE);
    assert_int_equal(lab_hear(lab, fd), DNS_HEADER_SIZE);
    assert_int_equal(lab_id(lab), 0x2222);
    (void)close(fd);
}

static void test_what_is_no_answer_to_it_is_left_alone(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    const struct fake_question *question;
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    lab_ask(fd, "example.org", DNS_A, 0x1234);
    question = lab_until_asked(lab, 1);
    fake_answer_begin(answer, question, DNS_NOERROR);
    answer->bytes[1] ^= 1; /* another id */
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    fake_answer_begin(answer, question, DNS_NOERROR);
    answer->bytes[13] = 'f'; /* another name */
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    fake_answer_begin(answer, question, DNS_NOERROR);
    answer->bytes[answer->size - 3] = DNS_AAAA; /* another type */
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    fake_answer_begin(answer, question, DNS_NOERROR);
    answer->bytes[2] &= (uint8_t)~ANSWER; /* a question */
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    fake_answer_begin(answer, question, DNS_NOERROR);
    fake_name_server_send(lab->server, 0, answer->bytes, DNS_HEADER_SIZE - 1); /* no message */
    fake_name_server_send(lab->server, 0, answer->bytes, 0);
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size - 1); /* cut */
    lab_expect_nothing(lab, fd);
    assert_int_equal(lab->stub->n_used, 1);
    lab_answer(lab, 0, DNS_NXDOMAIN);
    assert_true(lab_hear(lab, fd) > 0);
    assert_int_equal(lab_rcode(lab), DNS_NXDOMAIN);
    /* The same once more is an answer to nothing. */
    lab_answer(lab, 0, DNS_NOERROR);
    lab_expect_nothing(lab, fd);
    free(answer);
    (void)close(fd);
}

/* Right in all, but for whom it comes from: the id, the port and the question. */
static void test_another_address_is_not_heard(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct ip_address asker = ip_address_from_v4(INADDR_LOOPBACK);
    const struct fake_question *question;
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    struct sockaddr_storage at;
    uint8_t wire[512];
    int forger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t at_size;

    at_size = dns_sockaddr(&asker, 53, &at);
    assert_int_equal(bind(forger, (struct sockaddr *)&at, at_size), 0);
    lab_ask(fd, "example.org", DNS_A, 0x1234);
    question = lab_until_asked(lab, 1);
    memcpy(wire, question->bytes, question->size);
    wire[2] |= ANSWER;
    at_size = dns_sockaddr(&asker, question->from_port, &at);
    assert_int_equal(sendto(forger, wire, question->size, 0, (struct sockaddr *)&at, at_size),
                     question->size);
    lab_expect_nothing(lab, fd);
    assert_int_equal(lab->stub->n_used, 1);
    (void)close(forger);
    (void)close(fd);
}

static void test_each_question_gets_an_id_and_a_port(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    unsigned n_ids = 0, n_ports = 0;
    uint16_t ids[40], ports[40];

    for (unsigned i = 0; i < 40; i++) {
        const struct fake_question *question;
        bool is_new_id = true, is_new_port = true;

        lab_ask(fd, "example.org", DNS_A, 5);
        question = lab_until_asked(lab, i + 1);
        ids[i] = question->id;
        ports[i] = question->from_port;
        for (unsigned j = 0; j < i; j++) {
            is_new_id &= ids[j] != ids[i];
            is_new_port &= ports[j] != ports[i];
        }
        n_ids += is_new_id;
        n_ports += is_new_port;
        lab_answer(lab, i, DNS_NXDOMAIN);
        (void)lab_hear(lab, fd);
        assert_int_equal(lab_id(lab), 5);
    }
    assert_true(n_ids > 30);
    assert_true(n_ports > 30);
    (void)close(fd);
}

static void test_many_at_once_share_some_sockets(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct dns_server *server = &lab->stub->servers[0];
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    bool seen[65536] = {false};
    unsigned n_ports = 0;

    for (uint16_t i = 0; i < 60; i++)
        lab_ask(fd, "example.org", DNS_A, i);
    (void)lab_until_asked(lab, 60);
    for (size_t i = 0; i < 60; i++) {
        uint16_t port = fake_name_server_question(lab->server, i)->from_port;

        n_ports += !seen[port];
        seen[port] = true;
    }
    assert_int_equal(n_ports, DNS_UPSTREAMS);
    for (size_t i = 0; i < 60; i++)
        lab_answer(lab, i, DNS_NXDOMAIN);
    for (size_t i = 0; i < 60; i++)
        (void)lab_hear(lab, fd);
    /* They stay for a while, and the first for good. */
    dns_forward_sweep(lab->stub);
    assert_non_null(server->upstreams[DNS_UPSTREAMS - 1].server);
    server->crowded_at_ms = 0;
    dns_forward_sweep(lab->stub);
    assert_non_null(server->upstreams[0].server);
    for (size_t i = 1; i < DNS_UPSTREAMS; i++)
        assert_null(server->upstreams[i].server);
    lab_ask(fd, "example.org", DNS_A, 1);
    (void)lab_until_asked(lab, 61);
    (void)close(fd);
}

static void test_answers_find_their_askers(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fds[20];

    for (unsigned i = 0; i < 20; i++) {
        fds[i] = lab_client(lab->stub, 0, SOCK_DGRAM);
        lab_ask(fds[i], i % 2 ? "odd.example" : "even.example", DNS_A, 99);
        (void)lab_until_asked(lab, i + 1);
    }
    for (unsigned i = 20; i-- > 0;)
        lab_answer(lab, i, i % 2 ? DNS_NXDOMAIN : DNS_REFUSED);
    for (unsigned i = 0; i < 20; i++) {
        (void)lab_hear(lab, fds[i]);
        assert_int_equal(lab_id(lab), 99);
        assert_int_equal(lab_rcode(lab), i % 2 ? DNS_NXDOMAIN : DNS_REFUSED);
        (void)close(fds[i]);
    }
}

static void test_no_more_than_so_many_at_a_time(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    for (unsigned i = 0; i < DNS_IN_FLIGHT; i++) {
        lab_ask(fd, "example.org", DNS_A, (uint16_t)i);
        (void)lab_until_asked(lab, i + 1);
    }
    lab_expect_nothing(lab, fd);
    lab_ask(fd, "example.org", DNS_A, 4242);
    assert_int_equal(lab_hear(lab, fd), 12 + 13 + 4);
    assert_int_equal(lab_id(lab), 4242);
    assert_int_equal(lab_rcode(lab), DNS_SERVFAIL);
    assert_int_equal(lab->dns.counters.refused, 1);
    assert_int_equal(lab->dns.counters.forwarded, DNS_IN_FLIGHT);
    /* Names of ours need no place. */
    lab_ask(fd, "web.ns", DNS_A, 4243);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_answers(lab), 1);
    lab_answer(lab, 7, DNS_NXDOMAIN);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 7);
    lab_ask(fd, "example.org", DNS_A, 4244);
    (void)lab_until_asked(lab, DNS_IN_FLIGHT + 1);
    (void)close(fd);
}

static void test_what_takes_too_long_is_given_up(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);

    lab_ask(fd, "example.org", DNS_A, 1);
    lab_ask(fd, "example.com", DNS_A, 2);
    (void)lab_until_asked(lab, 2);
    dns_forward_sweep(lab->stub);
    assert_int_equal(lab->stub->n_used, 2);
    assert_int_equal(lab->dns.counters.timed_out, 0);
    lab->stub->passed[0].deadline_ms = clock_monotonic_ms();
    dns_forward_sweep(lab->stub);
    assert_int_equal(lab->stub->n_used, 1);
    assert_int_equal(lab->dns.counters.timed_out, 1);
    /* Nobody is told, also if the answer comes later. */
    lab_answer(lab, 0, DNS_NOERROR);
    lab_expect_nothing(lab, fd);
    lab_answer(lab, 1, DNS_NOERROR);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 2);
    (void)close(fd);
}

static void test_nobody_at_the_name_server_is_told_at_once(void **state)
{
    struct dns_lab *lab = lab_of(state);
    uint8_t wire[512];
    size_t size;
    int fd;

    fake_name_server_free(&lab->server);
    fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    size = lab_question(wire, "Example.Org", TYPE_MX, 0x4321);
    lab_send(fd, wire, size);
    assert_int_equal(lab_hear(lab, fd), size);
    assert_int_equal(lab_id(lab), 0x4321);
    assert_int_equal(lab_rcode(lab), DNS_SERVFAIL);
    assert_true(lab->message[2] & 1); /* recursion was desired */
    assert_memory_equal(lab->message + 12, wire + 12, size - 12);
    assert_int_equal(lab->stub->n_used, 0);
    /* What cannot be read as a question has a header only. */
    wire[2] = 4 << 3;
    lab_send(fd, wire, size);
    assert_int_equal(lab_hear(lab, fd), DNS_HEADER_SIZE);
    assert_int_equal(lab_rcode(lab), DNS_SERVFAIL);
    assert_int_equal(lab_id(lab), 0x4321);
    (void)close(fd);
}

static void test_no_way_to_the_name_server(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct dns_stub *stub = lab_add_stub(lab, "nameserver 192.0.2.53\n"); /* nothing leads there */
    int fd = lab_client(stub, 0, SOCK_DGRAM);

    lab_ask(fd, "example.org", DNS_A, 3);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_rcode(lab), DNS_SERVFAIL);
    assert_int_equal(lab->dns.counters.refused, 1);
    assert_int_equal(lab->dns.counters.forwarded, 0);
    (void)close(fd);
}

static void test_several_name_servers_have_a_stub_each(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_name_server *other = fake_name_server_new(lab->house.base, "127.0.9.2", 53);
    struct dns_stub *stub = lab_add_stub(
        lab, "nameserver 127.0.9.1\nnameserver 127.255.0.3\nnameserver 127.0.9.2\nnameserver 127.0.9.3\n");
    struct lab_asked asked = {other, 1};
    int first, second;

    /* The first three count, and one of these is an alias address and stays one. */
    assert_int_equal(stub->n_servers, 2);
    first = lab_client(stub, 0, SOCK_DGRAM);
    second = lab_client(stub, 1, SOCK_DGRAM);
    fake_name_server_script(lab->server, lab_say_address, NULL);
    lab_ask(first, "one.example", DNS_A, 1);
    (void)lab_hear(lab, first);
    assert_int_equal(lab_answers(lab), 1);
    lab_ask(second, "two.example", DNS_A, 2);
    house_until(&lab->house, lab_is_asked, &asked, "a question at the other");
    assert_string_equal(fake_name_server_question(other, 0)->name, "two.example");
    assert_int_equal(fake_name_server_count(lab->server), 1);
    (void)close(first);
    (void)close(second);
    fake_name_server_free(&other);
}

static void test_a_name_server_of_ipv6(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_name_server *other = fake_name_server_new(lab->house.base, "::1", 53);
    struct dns_stub *stub;
    int fd;

    if (!other)
        skip(); /* a host without IPv6 */
    stub = lab_add_stub(lab, "nameserver ::1\n");
    fake_name_server_script(other, lab_say_address, NULL);
    fd = lab_client(stub, 0, SOCK_DGRAM);
    lab_ask(fd, "example.org", DNS_A, 6);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 6);
    assert_int_equal(lab_answers(lab), 1);
    (void)close(fd);
    fake_name_server_free(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back_all_is_as_it_was_but_the_id),
        TEST(test_whatever_the_name_server_says_is_passed_on),
        TEST(test_answers_without_a_question),
        TEST(test_what_is_no_answer_to_it_is_left_alone),
        TEST(test_another_address_is_not_heard),
        TEST(test_each_question_gets_an_id_and_a_port),
        TEST(test_many_at_once_share_some_sockets),
        TEST(test_answers_find_their_askers),
        TEST(test_no_more_than_so_many_at_a_time),
        TEST(test_what_takes_too_long_is_given_up),
        TEST(test_nobody_at_the_name_server_is_told_at_once),
        TEST(test_no_way_to_the_name_server),
        TEST(test_several_name_servers_have_a_stub_each),
        TEST(test_a_name_server_of_ipv6),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
