/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose sockets are, as this kernel tells it: sockets on loopback of this process's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/socket_owner.h"
#include "cgroups/tcp_diag.h"

static uint16_t bind_it(int fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static void connect_it(int fd, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};

    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

static int find(int diag, bool is_udp, uint16_t local, uint16_t remote, struct socket_owner *ret)
{
    const struct socket_ends ends = {.local = ip_address_from_v4(INADDR_LOOPBACK),
                                     .remote = ip_address_from_v4(INADDR_LOOPBACK),
                                     .local_port = local,
                                     .remote_port = remote};

    return socket_owner_find(diag, is_udp, &ends, ret);
}

static void check(int type)
{
    _cleanup_close_ int diag = tcp_diag_open();
    _cleanup_close_ int server = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool is_udp = type == SOCK_DGRAM;
    uint16_t server_port = bind_it(server), client_port = bind_it(client);
    struct socket_owner owner = {.uid = 4711}, own;

    if (diag < 0)
        skip();
    if (!is_udp)
        assert_int_equal(listen(server, 1), 0);
    if (is_udp && find(diag, true, server_port, client_port, &own) < 0)
        skip(); /* a kernel without UDP_DIAG */
    connect_it(client, server_port);
    assert_int_equal(find(diag, is_udp, client_port, server_port, &owner), 0);
    assert_int_equal(owner.uid, getuid());
    if (is_udp)
        assert_true(owner.cgroup_id == own.cgroup_id);
    /* Nobody: at another port, and when it has gone. Nothing is written then. */
    owner.uid = 4711;
    if (is_udp) {
        (void)close(client);
        assert_int_equal(find(diag, is_udp, client_port, server_port, &owner), -ENOENT);
        assert_int_equal(owner.uid, 4711);
        return;
    }
    (void)close(client);
}

static void test_udp(void **state)
{
    (void)state;
    check(SOCK_DGRAM);
}

static void test_tcp(void **state)
{
    (void)state;
    check(SOCK_STREAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_tcp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
