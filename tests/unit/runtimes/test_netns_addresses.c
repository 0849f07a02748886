/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The addresses of a child in a network namespace of its own (root, iproute2), and of one in ours. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtimes/netns_addresses.h"

/* `commands` NULL: in our own namespace. */
static pid_t start(const char *commands)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_ready = !commands || (unshare(CLONE_NEWNET) == 0 &&
                                      (!*commands || system(commands) == 0)); // NOLINT(cert-env33-c)

        (void)!write(ready[1], is_ready ? "y" : "n", 1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

static struct container *look(pid_t child, ino_t *ret_netns)
{
    struct container *container = container_new("runc", "c", NULL);

    assert_non_null(container);
    assert_int_equal(netns_addresses(child, container, ret_netns), 0);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return container;
}

#define SKIP_UNLESS_ROOT()                                                                                   \
    if (geteuid() != 0 || access("/sbin/ip", X_OK) < 0) {                                                    \
        print_message("skipped: needs root and iproute2\n");                                                 \
        skip();                                                                                              \
    }

static void test_the_first_of_each_family(void **state)
{
    _cleanup_container_ struct container *container = NULL;
    char text[IP_ADDRESS_TEXT_SIZE];
    ino_t netns = 0;

    (void)state;
    SKIP_UNLESS_ROOT();
    container =
        look(start("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up &&"
                   "ip addr add 192.0.2.7/24 dev v0 && ip addr add 192.0.2.8/24 dev v0 &&"
                   "ip link set v0 up && ip addr add 198.51.100.1/24 dev lo"),
             &netns);
    assert_int_not_equal(netns, 0);
    assert_int_equal(container->network_mode, CONTAINER_OWN_NETWORK);
    assert_int_equal(container->n_networks, 1);
    assert_true(container->networks[0].has_v4);
    assert_string_equal(ip_address_format(&container->networks[0].v4, text), "192.0.2.7");
    assert_false(container->networks[0].has_v6); /* fe80:: is nobody's endpoint */
}

static void test_without_any(void **state)
{
    _cleanup_container_ struct container *container = NULL;
    ino_t netns = 0;

    (void)state;
    SKIP_UNLESS_ROOT();
    container = look(start(""), &netns);
    assert_int_not_equal(netns, 0);
    assert_int_equal(container->network_mode, CONTAINER_NO_NETWORK);
    assert_int_equal(container->n_networks, 0);
}

static void test_the_hosts(void **state)
{
    _cleanup_container_ struct container *container = NULL;
    ino_t netns = 0;

    (void)state;
    container = look(start(NULL), &netns);
    assert_int_not_equal(netns, 0);
    assert_int_equal(container->network_mode, CONTAINER_HOST_NETWORK);
}

static void test_one_that_has_gone(void **state)
{
    _cleanup_container_ struct container *container = container_new("runc", "c", NULL);
    ino_t netns = 7;

    (void)state;
    assert_int_equal(netns_addresses(999999999, container, &netns), 0);
    assert_int_equal(netns, 0);
    assert_int_equal(container->network_mode, CONTAINER_OWN_NETWORK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_of_each_family),
        cmocka_unit_test(test_without_any),
        cmocka_unit_test(test_the_hosts),
        cmocka_unit_test(test_one_that_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
