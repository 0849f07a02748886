/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Questions over TCP that are the name server's: a connection of its own for each that has some. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/dns/dns_lab.h"

static void test_there_and_back_all_is_as_it_was(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    const struct fake_question *question;
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t wire[512];
    size_t size = lab_framed(wire, "Www.Example.Org", TYPE_MX, 0x1234);

    lab_send(fd, wire, size);
    question = lab_until_asked(lab, 1);
    assert_true(question->is_tcp);
    assert_int_equal(question->size, size - 2);
    assert_memory_equal(question->bytes, wire + 2, size - 2);
    fake_answer_begin(answer, question, DNS_NOERROR);
    answer->size = LARGEST; /* the largest that there can be */
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    assert_int_equal(lab_hear_tcp(lab, fd), LARGEST);
    assert_memory_equal(lab->message, answer->bytes, LARGEST);
    assert_int_equal(lab->dns.counters.forwarded, 1);
    free(answer);
    (void)close(fd);
}

/* What was cut by UDP comes whole by TCP, by the same stub. */
static void test_a_cut_answer_is_asked_for_again(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    int udp = lab_client(lab->stub, 0, SOCK_DGRAM);
    int tcp = lab_client(lab->stub, 0, SOCK_STREAM);

    lab_ask(udp, "example.org", DNS_A, 1);
    fake_answer_begin(answer, lab_until_asked(lab, 1), DNS_NOERROR);
    answer->bytes[2] |= TRUNCATED;
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    (void)lab_hear(lab, udp);
    assert_true(lab->message[2] & TRUNCATED);
    lab_ask_tcp(tcp, "example.org", DNS_A, 2);
    assert_true(lab_say_address(NULL, lab_until_asked(lab, 2), answer));
    fake_name_server_send(lab->server, 1, answer->bytes, answer->size);
    (void)lab_hear_tcp(lab, tcp);
    assert_int_equal(lab_id(lab), 2);
    assert_int_equal(lab_answers(lab), 1);
    free(answer);
    (void)close(udp);
    (void)close(tcp);
}

static void test_one_connection_for_all_of_one_clients(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    int other = lab_client(lab->stub, 0, SOCK_STREAM);

    for (uint16_t id = 0; id < 4; id++)
        lab_ask_tcp(fd, id == 2 ? "web.ns" : "example.org", DNS_A, id);
    /* Ours comes first; the others as the name server answers, in its order. */
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_id(lab), 2);
    (void)lab_until_asked(lab, 3);
    for (size_t i = 3; i-- > 0;)
        lab_answer(lab, i, DNS_NXDOMAIN);
    for (size_t i = 3; i-- > 0;) {
        (void)lab_hear_tcp(lab, fd);
        assert_int_equal(lab_id(lab), fake_name_server_question(lab->server, i)->id);
    }
    assert_int_equal(fake_name_server_connections(lab->server), 1);
    lab_ask_tcp(other, "example.org", DNS_A, 9);
    (void)lab_until_asked(lab, 4);
    assert_int_equal(fake_name_server_connections(lab->server), 2);
    (void)close(fd);
    (void)close(other);
}

static void test_an_answer_in_pieces_comes_whole(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);
    uint8_t length[2];

    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    fake_answer_begin(answer, lab_until_asked(lab, 1), DNS_NXDOMAIN);
    length[0] = 0;
    length[1] = (uint8_t)answer->size;
    fake_name_server_write(lab->server, 0, length, 1);
    lab_expect_nothing(lab, fd);
    fake_name_server_write(lab->server, 0, length + 1, 1);
    fake_name_server_write(lab->server, 0, answer->bytes, answer->size - 1);
    lab_expect_nothing(lab, fd); /* not half of it either */
    fake_name_server_write(lab->server, 0, answer->bytes + answer->size - 1, 1);
    assert_int_equal(lab_hear_tcp(lab, fd), answer->size);
    assert_memory_equal(lab->message, answer->bytes, answer->size);
    free(answer);
    (void)close(fd);
}

static void test_the_name_server_hangs_up(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);

    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    (void)lab_until_asked(lab, 1);
    fake_name_server_hang_up(lab->server, 0);
    lab_expect_end(lab, fd);
    assert_int_equal(lab->stub->n_connections, 0);
    (void)close(fd);
}

/* What it has said before comes first, though the client has not read it yet. */
static void test_the_name_server_answers_and_hangs_up(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);

    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    fake_answer_begin(answer, lab_until_asked(lab, 1), DNS_NOERROR);
    answer->size = LARGEST;
    fake_name_server_send(lab->server, 0, answer->bytes, answer->size);
    house_for(&lab->house, 20);
    fake_name_server_hang_up(lab->server, 0);
    assert_int_equal(lab_hear_tcp(lab, fd), LARGEST);
    free(answer);
    (void)close(fd);
}

static void test_the_client_hangs_up(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);

    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    (void)lab_until_asked(lab, 1);
    (void)close(fd);
    LAB_UNTIL(lab, fake_name_server_open_connections(lab->server) == 0);
    assert_int_equal(lab->stub->n_connections, 0);
}

static void test_nobody_listens_at_the_name_server(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd;

    fake_name_server_free(&lab->server);
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    lab_expect_end(lab, fd);
    (void)close(fd);
}

static void test_no_way_to_the_name_server(void **state)
{
    struct dns_lab *lab = lab_of(state);
    struct dns_stub *stub = lab_add_stub(lab, "nameserver 192.0.2.53\n"); /* nothing leads there */
    int fd = lab_client(stub, 0, SOCK_STREAM);

    for (uint16_t id = 1; id < 4; id++) {
        lab_ask_tcp(fd, "example.org", DNS_A, id);
        (void)lab_hear_tcp(lab, fd);
        assert_int_equal(lab_id(lab), id);
        assert_int_equal(lab_rcode(lab), DNS_SERVFAIL);
        assert_int_equal(lab->dns.counters.refused, id);
    }
    lab_ask_tcp(fd, "web.ns", DNS_A, 9);
    (void)lab_hear_tcp(lab, fd);
    assert_int_equal(lab_answers(lab), 1);
    (void)close(fd);
}

static void test_a_silent_name_server_is_left(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd;

    lab->stub->idle = (struct timeval){.tv_usec = 50000};
    fd = lab_client(lab->stub, 0, SOCK_STREAM);
    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    lab_expect_end(lab, fd);
    (void)close(fd);
}

/* There is no such message, and nothing behind it could be found. */
static void test_a_length_of_nothing_from_the_name_server(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->stub, 0, SOCK_STREAM);

    lab->stub->idle = (struct timeval){.tv_sec = 3600};
    lab_ask_tcp(fd, "example.org", DNS_A, 1);
    (void)lab_until_asked(lab, 1);
    fake_name_server_write(lab->server, 0, "\0\0", 2);
    lab_expect_end(lab, fd);
    (void)close(fd);
}

static void test_random_bytes_of_the_name_server(void **state)
{
    struct dns_lab *lab = lab_of(state);
    uint32_t random = 99;

    for (size_t round = 0; round < 100; round++) {
        int fd = lab_client(lab->stub, 0, SOCK_STREAM);
        uint8_t bytes[2000];

        lab_ask_tcp(fd, "example.org", DNS_A, 1);
        (void)lab_until_asked(lab, round + 1);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24);
        }
        bytes[0] &= 3;
        fake_name_server_write(lab->server, round, bytes, sizeof(bytes));
        house_for(&lab->house, 1);
        (void)close(fd);
    }
    LAB_UNTIL(lab, lab->stub->n_connections == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back_all_is_as_it_was),
        TEST(test_a_cut_answer_is_asked_for_again),
        TEST(test_one_connection_for_all_of_one_clients),
        TEST(test_an_answer_in_pieces_comes_whole),
        TEST(test_the_name_server_hangs_up),
        TEST(test_the_name_server_answers_and_hangs_up),
        TEST(test_the_client_hangs_up),
        TEST(test_nobody_listens_at_the_name_server),
        TEST(test_no_way_to_the_name_server),
        TEST(test_a_silent_name_server_is_left),
        TEST(test_a_length_of_nothing_from_the_name_server),
        TEST(test_random_bytes_of_the_name_server),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
