/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses of a process in a network namespace of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroups/process_address.h"

static void expect(const char *commands, const char *expected)
{
    struct ip_address address;
    char text[IP_ADDRESS_TEXT_SIZE];

    assert_int_equal(system(commands), 0);
    assert_int_equal(process_address(getpid(), &address), 0);
    assert_string_equal(ip_address_format(&address, text), expected);
}

static void test_its_address(void **state)
{
    struct ip_address address;

    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        print_message("skipped: a network namespace takes root\n");
        skip();
    }
    assert_int_equal(process_address(getpid(), &address), -ENOENT);
    assert_int_equal(system("ip link set lo up && ip addr add 169.254.172.2/22 dev lo"), 0);
    assert_int_equal(process_address(getpid(), &address), -ENOENT);
    expect("ip addr add 2001:db8::5/64 dev lo nodad", "2001:db8::5");
    expect("ip addr add 203.0.113.9/24 dev lo && ip addr add 198.51.100.9/24 dev lo", "198.51.100.9");
    expect("ip addr del 198.51.100.9/24 dev lo", "203.0.113.9");
}

static void test_nobody(void **state)
{
    struct ip_address address;

    (void)state;
    assert_int_equal(process_address(0x7ffffff0, &address), -ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_address),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
