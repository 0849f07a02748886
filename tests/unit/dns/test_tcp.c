/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Connections to a stub: how messages are framed on them, how many there are, and when they end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/dns_lab.h"

static void until_none(struct dns_lab *lab)
{
    LAB_UNTIL(lab, lab->stub->n_connections == 0);
}

static void test_names_of_ours_are_answered(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);

    for (uint16_t id = 1; id < 5; id++) {
        lab_ask_tcp(fd, "web.ns", DNS_A, id);
        (void)lab_hear_tcp(lab, fd);
        assert_int_equal(lab_id(lab), id);
        assert_int_equal(lab_answers(lab), 1);
    }
    assert_int_equal(lab->dns.counters.answered, 4);
    assert_int_equal(lab->stub->n_connections, 1);
    assert_int_equal(fake_name_server_connections(lab->server), 0);
    (void)close(fd);
    until_none(lab);
}

static void test_byte_by_byte(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 9);

    for (size_t i = 0; i < size; i++) {
        if (i == 1 || i == 2 || i == size - 1)
            lab_expect_nothing(lab, fd);
        lab_send(fd, wire + i, 1);
    }
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_id(lab), 9);
    (void)close(fd);
}

static void test_two_and_a_half_in_one_segment(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 1);
    size_t whole;

    size += lab_framed(wire + size, "www.ns", DNS_AAAA, 2);
    whole = size + lab_framed(wire + size, "web.ns", DNS_AAAA, 3);
    lab_send(fd, wire, size + 5);
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_id(lab), 1);
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_id(lab), 2);
    lab_expect_nothing(lab, fd);
    lab_send(fd, wire + size + 5, whole - size - 5);
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_id(lab), 3);
    (void)close(fd);
}

static void test_a_length_of_nothing_ends_the_connection(void **state)
{
    struct dns_lab *lab = lab_of(state);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 1);
    int fd;

    lab->stub->idle = (struct timeval){.tv_sec = 3600}; /* silence is no reason */
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    /* What stands before it is answered first, or lost with the connection; what stands behind it is not. */
    memset(wire + size, 0, 2);
    size += 2;
    size += lab_framed(wire + size, "web.ns", DNS_A, 2);
    lab_send(fd, wire, size);
    LAB_UNTIL(lab, lab->dns.counters.answered > 0);
    until_none(lab);
    assert_int_equal(lab->dns.counters.answered, 1);
    (void)close(fd);
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_send(fd, "\0\0", 2);
    lab_expect_end(lab, fd);
    (void)close(fd);
}

static void test_half_a_question_and_no_more(void **state)
{
    struct dns_lab *lab = lab_of(state);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 1);

    for (size_t part = 0; part < size; part += 7) {
        int fd = lab_client(lab->stub, 0, SOCK_STREAM);

        if (part > 0)
            lab_send(fd, wire, part);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        lab_expect_end(lab, fd);
        (void)close(fd);
        until_none(lab);
    }
    assert_int_equal(lab->dns.counters.answered, 0);
    assert_int_equal(lab->dns.counters.malformed, 0);
}

static void test_the_largest_message_comes_whole(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t *wire = calloc(1, LARGEST + 2);

    (void)lab_framed(wire, "example.org", TYPE_MX, 8);
    wire[0] = wire[1] = 0xff;
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    for (size_t sent = 0; sent < LARGEST + 2;) {
        ssize_t n = send(fd, wire + sent, LARGEST + 2 - sent, MSG_DONTWAIT);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        house_for(&lab->house, 1);
    }
    assert_int_equal(lab_until_asked(lab, 1)->size, LARGEST);
    assert_memory_equal(fake_name_server_question(lab->server, 0)->bytes, wire + 2, LARGEST);
    free(wire);
    (void)close(fd);
}

/* A query that cannot be read is answered so; an answer, or less than a header, ends the connection. */
static void test_what_is_no_question(void **state)
{
    static const uint8_t broken[] = {0, 17, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 'a', 'b', 0, 1};
    static const uint8_t answer[] = {0, 12, 0x12, 0x34, ANSWER, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t shortest[] = {0, 1, 0};
    struct dns_lab *lab = lab_of(state);
    int fd;

    lab->stub->idle = (struct timeval){.tv_sec = 3600}; /* silence is no reason */
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_send(fd, broken, sizeof(broken));
    assert_int_equal(lab_hear_tcp(lab, fd), DNS_HEADER_SIZE);
    assert_int_equal(lab_rcode(lab), DNS_FORMERR);
    assert_int_equal(lab_id(lab), 0x1234);
    lab_send(fd, answer, sizeof(answer));
    lab_expect_end(lab, fd);
    (void)close(fd);
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_send(fd, shortest, sizeof(shortest));
    lab_expect_end(lab, fd);
    (void)close(fd);
    assert_int_equal(lab->dns.counters.malformed, 3);
}

static void test_so_many_connections_and_no_more(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fds[DNS_CONNECTIONS + 1];

    for (unsigned i = 0; i < DNS_CONNECTIONS; i++)
        fds[i] = lab_client(lab->stub, 0, SOCK_STREAM);
    LAB_UNTIL(lab, lab->stub->n_connections == DNS_CONNECTIONS);
    /* The one that has been idle longest gives way to the one too many. */
    fds[DNS_CONNECTIONS] = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_expect_end(lab, fds[0]);
    assert_int_equal(lab->stub->n_connections, DNS_CONNECTIONS);
    lab_ask_tcp(fds[DNS_CONNECTIONS], "web.ns", DNS_A, 1);
    (void)lab_hear_tcp(lab, fds[DNS_CONNECTIONS]);
    lab_ask_tcp(fds[DNS_CONNECTIONS - 1], "web.ns", DNS_A, 2);
    (void)lab_hear_tcp(lab, fds[DNS_CONNECTIONS - 1]);
    /* One that ends makes room, wherever it stands. */
    (void)close(fds[5]);
    LAB_UNTIL(lab, lab->stub->n_connections < DNS_CONNECTIONS);
    fds[5] = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_ask_tcp(fds[5], "web.ns", DNS_A, 3);
    (void)lab_hear_tcp(lab, fds[5]);
    assert_int_equal(lab_id(lab), 3);
    /* Another stub has its own, as has the listener. */
    (void)close(fds[DNS_CONNECTIONS]);
    fds[DNS_CONNECTIONS] = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    lab_ask_tcp(fds[DNS_CONNECTIONS], "web.ns", DNS_A, 4);
    (void)lab_hear_tcp(lab, fds[DNS_CONNECTIONS]);
    assert_int_equal(lab_id(lab), 4);
    for (unsigned i = 0; i <= DNS_CONNECTIONS; i++)
        (void)close(fds[i]);
}

static void test_who_says_nothing_is_left(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int silent, halfway;

    assert_int_equal(lab->stub->idle.tv_sec, DNS_IDLE_S);
    assert_int_equal(lab->dns.listener->idle.tv_sec, DNS_IDLE_S);
    lab->stub->idle = (struct timeval){.tv_usec = 50000};
    silent = lab_client(lab->stub, 0, SOCK_STREAM);
    halfway = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_send(halfway, "\0\x20half", 6);
    lab_expect_end(lab, silent);
    lab_expect_end(lab, halfway);
    assert_int_equal(lab->stub->n_connections, 0);
    (void)close(silent);
    (void)close(halfway);
}

/* Who asks on and on and reads nothing fills no memory of ours. */
static void test_who_reads_nothing_is_left(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 1);
    size_t sent = 0;
    uint64_t end = clock_monotonic_ms() + HOUSE_PATIENCE_MS;

    for (;;) {
        ssize_t n = send(fd, wire + sent % size, size - sent % size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            break;
        if (clock_monotonic_ms() >= end)
            fail_msg("%zu bytes were taken from one that reads nothing", sent);
        sent += n > 0 ? (size_t)n : 0;
        if (n < 0)
            (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
    }
    until_none(lab);
    (void)close(fd);
}

static void test_random_bytes(void **state)
{
    struct dns_lab *lab = lab_of(state);
    uint32_t random = 4711;
    int fd;

    for (unsigned round = 0; round < 400; round++) {
        uint8_t bytes[256];
        size_t size;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24);
        }
        size = 1 + bytes[255];
        if (round % 2) { /* whole messages, some of one question */
            bytes[0] = 0;
            bytes[1] = (uint8_t)(size > 16 ? size - 2 : 14);
            bytes[4] &= (uint8_t)~ANSWER;
            memcpy(bytes + 6, "\0\1\0\0\0\0", 6);
        }
        fd = lab_client(lab->stub, 0, SOCK_STREAM);
        lab_send(fd, bytes, size);
        (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
        (void)event_base_loop(lab->house.base, EVLOOP_NONBLOCK);
        (void)close(fd);
    }
    until_none(lab);
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_ask_tcp(fd, "web.ns", DNS_A, 1);
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_answers(lab), 1);
    (void)close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_names_of_ours_are_answered),
        TEST(test_byte_by_byte),
        TEST(test_two_and_a_half_in_one_segment),
        TEST(test_a_length_of_nothing_ends_the_connection),
        TEST(test_half_a_question_and_no_more),
        TEST(test_the_largest_message_comes_whole),
        TEST(test_what_is_no_question),
        TEST(test_so_many_connections_and_no_more),
        TEST(test_who_says_nothing_is_left),
        TEST(test_who_reads_nothing_is_left),
        TEST(test_random_bytes),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
