/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A question that only the catalog can answer waits in its socket while the engine is not steady. */
#include "unit/tasks/room_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/dns.h"
#include "dns/stub.h"

/* example.org, type A: nobody's of ours, and so refused at once where the catalog may be read. */
static const uint8_t question[] = {0x12, 0x34, 1,   0,   0,   1, 0,   0,   0,   0, 0, 0, 7, 'e', 'x',
                                   'a',  'm',  'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1};

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

static int ask(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    assert_int_equal(send(fd, question, sizeof(question), 0), sizeof(question));
    return fd;
}

static void test_a_question_waits_until_the_engine_is_steady(void **state)
{
    struct room_lab lab;
    struct dns dns = {0};
    struct error error = {0};
    uint16_t port = free_port();
    uint8_t answer[512];
    ssize_t size = -1;
    int fd;

    (void)state;
    lab_start(&lab, &dns_follower, &dns);
    dns_init(&dns, &(struct dns_settings){.base = lab.base,
                                          .engine = lab.engine,
                                          .datapath = lab.datapath,
                                          .max_tasks = LAB_TASKS,
                                          .listen_address = ip_address_from_v4(INADDR_LOOPBACK),
                                          .listen_port = port});
    lab_publish(&lab);
    assert_int_equal(dns_begin(&dns, &error), 0);
    lab_unsteady(&lab);
    fd = ask(port);
    for (int i = 0; i < 1000 && !dns.is_held; i++)
        (void)event_base_loop(lab.base, EVLOOP_ONCE);
    assert_true(dns.is_held);
    assert_int_equal(dns.counters.refused, 0);
    assert_int_equal(recv(fd, answer, sizeof(answer), 0), -1);
    lab_steady(&lab);
    assert_false(dns.is_held);
    for (int i = 0; i < 1000 && size < 0; i++) {
        (void)event_base_loop(lab.base, EVLOOP_NONBLOCK);
        size = recv(fd, answer, sizeof(answer), 0);
    }
    assert_int_equal(size, sizeof(question));
    assert_int_equal(answer[3] & 15, DNS_REFUSED);
    assert_int_equal(dns.counters.refused, 1);
    (void)close(fd);
    dns_done(&dns);
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_question_waits_until_the_engine_is_steady),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
