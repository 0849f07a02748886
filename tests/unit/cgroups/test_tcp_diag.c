/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's answers on sockets of this process. Needs no root: what it may not destroy it is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/tcp_diag.h"

struct pair {
    int listener, client, server;
    struct ip_address address;
    uint16_t port;
};

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    if (!pair)
        return -1;
    *state = pair;
    pair->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(pair->listener, (struct sockaddr *)&address, length) < 0 || listen(pair->listener, 4) < 0 ||
        getsockname(pair->listener, (struct sockaddr *)&address, &length) < 0 ||
        connect(pair->client, (struct sockaddr *)&address, length) < 0)
        return -1;
    pair->server = accept4(pair->listener, NULL, NULL, SOCK_CLOEXEC);
    pair->address = ip_address_from_v4(INADDR_LOOPBACK);
    pair->port = ntohs(address.sin_port);
    return pair->server < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    (void)close(pair->listener);
    (void)close(pair->client);
    (void)close(pair->server);
    free(pair);
    return 0;
}

struct found {
    unsigned n;
    struct tcp_diag_socket last;
    int answer;
};

static int on_socket(const struct tcp_diag_socket *socket, void *user)
{
    struct found *found = user;

    found->n++;
    found->last = *socket;
    return found->answer;
}

static int find(const struct pair *pair, struct found *found)
{
    _cleanup_close_ int fd = tcp_diag_open();

    assert_true(fd >= 0);
    return tcp_diag_each(fd, &pair->address, pair->port, on_socket, found);
}

/* The listener and the other end have this port too, but not as their remote one. */
static void test_the_connecting_end_is_found(void **state)
{
    struct pair *pair = *state;
    struct found found = {0};
    struct sockaddr_in local;
    socklen_t length = sizeof(local);

    assert_int_equal(find(pair, &found), 0);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.last.family, AF_INET);
    assert_int_equal(found.last.state, TCP_ESTABLISHED);
    assert_false(found.last.is_orphan);
    assert_false(found.last.is_subflow);
    assert_true(found.last.cgroup_id > 0);
    assert_int_equal(getsockname(pair->client, (struct sockaddr *)&local, &length), 0);
    assert_int_equal(found.last.id.idiag_sport, local.sin_port);
    pair->port ^= 1;
    found.n = 0;
    assert_int_equal(find(pair, &found), 0);
    assert_int_equal(found.n, 0);
}

static void test_half_closed_is_found_until_time_wait(void **state)
{
    struct pair *pair = *state;
    struct found found = {0};

    assert_int_equal(shutdown(pair->client, SHUT_WR), 0);
    assert_int_equal(find(pair, &found), 0);
    assert_int_equal(found.n, 1);
    assert_true(found.last.state == TCP_FIN_WAIT1 || found.last.state == TCP_FIN_WAIT2);
    (void)close(pair->server);
    pair->server = dup(pair->listener);
    (void)usleep(10000);
    found.n = 0;
    assert_int_equal(find(pair, &found), 0);
    assert_int_equal(found.n, 0);
}

static void test_the_callers_answer_is_passed_on(void **state)
{
    struct found found = {.answer = -ECANCELED};

    assert_int_equal(find(*state, &found), -ECANCELED);
    found.answer = -ENOENT;
    assert_int_equal(find(*state, &found), -ENOENT);
    found.answer = 7;
    assert_int_equal(find(*state, &found), 7);
}

/* The kernel has no way to destroy sockets of this family, and says so as one that has none for TCP. */
static void test_what_the_kernel_cannot_destroy(void **state)
{
    _cleanup_close_ int fd = tcp_diag_open();
    struct found found = {0};

    assert_int_equal(find(*state, &found), 0);
    found.last.family = AF_UNIX;
    assert_int_equal(tcp_diag_destroy(fd, &found.last), -EOPNOTSUPP);
}

static void test_destroying(void **state)
{
    struct pair *pair = *state;
    _cleanup_close_ int fd = tcp_diag_open();
    struct found found = {0};
    struct tcp_diag_socket other;
    char byte;
    int r;

    assert_int_equal(find(pair, &found), 0);
    other = found.last;
    other.id.idiag_cookie[0] ^= 1; /* another socket had this place */
    assert_int_equal(tcp_diag_destroy(fd, &other), -ENOENT);
    r = tcp_diag_destroy(fd, &found.last);
    if (geteuid() != 0) {
        print_message("not root: destroying is only seen to be refused\n");
        assert_true(r == -EPERM || r == -EOPNOTSUPP);
        return;
    }
    if (r == -EOPNOTSUPP) {
        print_message("this kernel has no CONFIG_INET_DIAG_DESTROY: skipped\n");
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(recv(pair->client, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_int_equal(tcp_diag_destroy(fd, &found.last), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_connecting_end_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_closed_is_found_until_time_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_callers_answer_is_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_kernel_cannot_destroy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroying, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
