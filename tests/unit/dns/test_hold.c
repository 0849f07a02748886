/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A question that only the catalog can answer waits in its socket while the engine is not steady. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/dns_lab.h"

static void test_who_asks_from_outside_waits(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->dns.listener, 0, SOCK_DGRAM);

    lab_unsteady(lab);
    lab_ask(fd, "example.org", DNS_A, 0x1234);
    LAB_UNTIL(lab, lab->dns.is_held);
    lab_expect_nothing(lab, fd);
    assert_int_equal(lab->dns.counters.refused, 0);
    lab_steady(lab);
    assert_false(lab->dns.is_held);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 0x1234);
    assert_int_equal(lab_rcode(lab), DNS_REFUSED);
    assert_int_equal(lab->dns.counters.refused, 1);
    (void)close(fd);
}

static void test_a_task_does_not_wait(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_DGRAM);
    int tcp = lab_client(lab->stub, 0, SOCK_STREAM);
    int outside = lab_client(lab->dns.listener, 0, SOCK_DGRAM);

    fake_name_server_script(lab->server, lab_say_address, NULL);
    lab_unsteady(lab);
    lab_ask(outside, "web.ns", DNS_A, 5);
    LAB_UNTIL(lab, lab->dns.is_held);
    lab_ask(fd, "www.ns", DNS_A, 2);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 2);
    assert_int_equal(lab_answers(lab), 1);
    lab_ask(fd, "web", DNS_A, 4); /* the service's name */
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 4);
    assert_int_equal(lab_answers(lab), 1);
    assert_int_equal(fake_name_server_count(lab->server), 0);
    lab_ask(fd, "example.org", DNS_A, 3);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_id(lab), 3);
    lab_ask_tcp(tcp, "web.ns", DNS_A, 6);
    (void)lab_hear_tcp(lab, tcp);
    assert_int_equal(lab_id(lab), 6);
    assert_false(engine_is_steady(lab->house.engine));
    lab_expect_nothing(lab, outside);
    lab_steady(lab);
    (void)lab_hear(lab, outside);
    (void)close(fd);
    (void)close(tcp);
    (void)close(outside);
}

static void test_connections_wait_too(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int whole = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    int half = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    int gone = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "web.ns", DNS_A, 3);

    lab_unsteady(lab);
    lab_ask_tcp(whole, "web.ns", DNS_A, 1);
    lab_ask_tcp(whole, "web.ns", DNS_A, 2);
    lab_send(half, wire, 10);
    lab_send(gone, wire, size);
    LAB_UNTIL(lab, lab->dns.listener->n_connections == 3 && lab->dns.is_held);
    lab_expect_nothing(lab, whole);
    (void)close(gone);
    LAB_UNTIL(lab, lab->dns.listener->n_connections == 2);
    lab_steady(lab);
    for (uint16_t id = 1; id < 3; id++) {
        (void)lab_hear_tcp(lab, whole);
        assert_int_equal(lab_id(lab), id);
    }
    lab_expect_nothing(lab, half);
    lab_send(half, wire + 10, size - 10);
    (void)lab_hear_tcp(lab, half);
    assert_int_equal(lab_id(lab), 3);
    (void)close(whole);
    (void)close(half);
}

/* Bad ends of waiting connections: what had come is looked at when the wait is over, and ends them. */
static void test_connections_that_end_after_the_wait(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fds[6];

    for (unsigned i = 0; i < 6; i++)
        fds[i] = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    lab_unsteady(lab);
    for (unsigned i = 0; i < 6; i++)
        lab_send(fds[i], i % 2 ? "\0\0" : "\0\1x", i % 2 ? 2 : 3);
    LAB_UNTIL(lab, lab->dns.listener->n_connections == 6 && lab->dns.is_held);
    house_for(&lab->house, 10);
    lab_steady(lab);
    for (unsigned i = 0; i < 6; i++) {
        lab_expect_end(lab, fds[i]);
        (void)close(fds[i]);
    }
    assert_int_equal(lab->dns.listener->n_connections, 0);
}

/* They stay in the socket, as many as it has room for, and are read when the time has come. */
static void test_many_wait_and_what_has_no_room_is_lost(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->dns.listener, 0, SOCK_DGRAM);
    const int room = 64 << 10;
    unsigned n = 0;

    assert_int_equal(
        setsockopt(lab->dns.listener->servers[0].udp_fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    lab_unsteady(lab);
    lab_ask(fd, "example.org", DNS_A, 0);
    LAB_UNTIL(lab, lab->dns.is_held);
    for (uint16_t id = 1; id < 2000; id++)
        lab_ask(fd, "example.org", DNS_A, id);
    lab_expect_nothing(lab, fd);
    lab_steady(lab);
    for (unsigned quiet = 0; quiet < 20;) {
        if (recv(fd, lab->message, sizeof(lab->message), MSG_DONTWAIT) > 0) {
            assert_int_equal(lab_id(lab), n++); /* in their order: the first of them */
            quiet = 0;
        } else {
            quiet++;
            house_for(&lab->house, 2);
        }
    }
    assert_in_range(n, DNS_PER_ROUND + 1, 1999);
    assert_int_equal(lab->dns.counters.refused, n);
    (void)close(fd);
}

static void test_again_and_again(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->dns.listener, 0, SOCK_DGRAM);

    for (uint16_t id = 0; id < 5; id++) {
        lab_unsteady(lab);
        lab_ask(fd, "web.ns", DNS_A, id);
        LAB_UNTIL(lab, lab->dns.is_held);
        lab_steady(lab);
        (void)lab_hear(lab, fd);
        assert_int_equal(lab_id(lab), id);
    }
    (void)close(fd);
}

/* The teardown ends all of it while somebody waits. */
static void test_the_end_while_questions_wait(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->dns.listener, 0, SOCK_DGRAM);
    int tcp = lab_client(lab->dns.listener, 0, SOCK_STREAM);

    lab_unsteady(lab);
    lab_ask(fd, "web.ns", DNS_A, 1);
    lab_ask_tcp(tcp, "web.ns", DNS_A, 1);
    LAB_UNTIL(lab, lab->dns.is_held);
    dns_done(&lab->dns);
    assert_false(lab->dns.is_held);
    lab->dns.is_held = true; /* nobody touches it any more */
    lab_steady(lab);
    assert_true(lab->dns.is_held);
    lab->dns.is_held = false;
    lab_expect_end(lab, tcp);
    (void)close(fd);
    (void)close(tcp);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_who_asks_from_outside_waits),
        TEST(test_a_task_does_not_wait),
        TEST(test_connections_wait_too),
        TEST(test_connections_that_end_after_the_wait),
        TEST(test_many_wait_and_what_has_no_room_is_lost),
        TEST(test_again_and_again),
        TEST(test_the_end_while_questions_wait),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
