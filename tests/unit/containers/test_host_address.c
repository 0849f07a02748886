/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which address this host is reached at: as it is said, or as a network namespace of the test's own has addresses and routes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containers/containers.h"
#include "containers/host_address.h"

struct lab {
    struct event_base *base;
    struct host_address *host;
    unsigned n_changes;
};

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    lab->base = event_base_new();
    return lab->base ? 0 : -1;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    host_address_end(&lab->host);
    host_address_end(&lab->host);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static void count_change(void *user)
{
    ((struct lab *)user)->n_changes++;
}

static void begin(struct lab *lab, const char *text)
{
    assert_int_equal(host_address_begin(lab->base, text, count_change, lab, &lab->host), 0);
}

/* NULL: none. */
static void expect(const struct lab *lab, const char *address, const char *from)
{
    struct ip_address found;
    char text[IP_ADDRESS_TEXT_SIZE];
    const char *found_from;

    if (!address) {
        assert_false(host_address_get(lab->host, &found, &found_from));
        return;
    }
    assert_true(host_address_get(lab->host, &found, &found_from));
    assert_string_equal(ip_address_format(&found, text), address);
    assert_string_equal(found_from, from);
}

static void test_what_may_be_said(void **state)
{
    static const char *const bad[] = {"",          "host",    "10.0.0.1:80", "10.0.0.0/8",       "0.0.0.0",
                                      "224.0.0.1", "fe80::1", "::",          "10.0.0.1,10.0.0.2"};
    static const char *const good[] = {"auto", "10.0.0.1", "2001:db8::1", "127.0.0.1"};
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(containers_check_host_address("hostAddress", bad[i], &error), -EINVAL);
        assert_string_equal(error.field, "hostAddress");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(containers_check_host_address("hostAddress", good[i], &error), 0);
}

static void test_as_it_is_said(void **state)
{
    struct lab *lab = *state;
    struct ip_address address;
    const char *from;

    assert_false(host_address_get(NULL, &address, &from));
    begin(lab, "10.0.0.9");
    expect(lab, "10.0.0.9", "setting hostAddress");
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* Until it has been looked at once more. */
static void settle(struct lab *lab, unsigned n_changes)
{
    for (int i = 0; i < 100 && lab->n_changes < n_changes; i++) {
        const struct timeval tenth = {.tv_usec = 100000};

        (void)event_base_loopexit(lab->base, &tenth);
        (void)event_base_dispatch(lab->base);
    }
    assert_int_equal(lab->n_changes, n_changes);
}

static void test_as_it_has_addresses_and_routes(void **state)
{
    static const char first[] = "first address of an interface";
    static const char route[] = "source of the default route";
    struct lab *lab = *state;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        print_message("skipped: a network namespace takes root\n");
        skip();
    }
    run("ip link set lo up");
    begin(lab, "auto");
    expect(lab, NULL, NULL); /* 127.0.0.1 is of no use to others */
    run("ip addr add 198.51.100.7/32 dev lo");
    settle(lab, 1);
    expect(lab, "198.51.100.7", first);
    run("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    run("ip addr add 203.0.113.1/24 dev v0");
    settle(lab, 2);
    expect(lab, "203.0.113.1", first); /* before an address on lo */
    run("ip addr add 203.0.113.2/24 dev v0 && ip route add default dev v0 src 203.0.113.2");
    settle(lab, 3);
    expect(lab, "203.0.113.2", route);
    run("ip addr del 203.0.113.2/24 dev v0"); /* and the route with it */
    settle(lab, 4);
    expect(lab, "203.0.113.1", first);
    run("ip link del v0 && ip addr del 198.51.100.7/32 dev lo");
    settle(lab, 5);
    expect(lab, NULL, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_may_be_said),
        TEST(test_as_it_is_said),
        TEST(test_as_it_has_addresses_and_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
