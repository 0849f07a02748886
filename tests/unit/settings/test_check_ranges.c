/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where checks made over AWS's API may go, by default and by what is named. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own_address.h"
#include "settings/check_ranges.h"

static const char *why_not(const struct check_ranges *ranges, const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(text, &address), 0);
    return check_ranges_why_not(ranges, &address);
}

static void test_default(void **state)
{
    static const char *const closed[] = {
        "127.0.0.1", "127.255.255.254", "::1",           "::ffff:127.0.0.1", "169.254.169.254", "169.254.0.1",
        "fe80::1",   "febf::1",         "fd00:ec2::254", "100.100.100.200",  "192.0.0.192",     "0.1.2.3"};
    static const char *const open[] = {
        "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "10.0.0.1",
        "192.0.2.1",       "::2",       "fec0::1",         "fd00:ec3::1", "100.100.100.201"};
    const struct check_ranges ranges = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++)
        if (!why_not(&ranges, closed[i]))
            fail_msg("%s", closed[i]);
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
        if (why_not(&ranges, open[i]))
            fail_msg("%s: %s", open[i], why_not(&ranges, open[i]));
}

static void test_named(void **state)
{
    struct check_ranges ranges = {.are_given = true};
    char text[CHECK_RANGE_TEXT_SIZE];

    (void)state;
    assert_non_null(why_not(&ranges, "10.0.0.1")); /* none */
    assert_int_equal(check_ranges_add(&ranges, "f", "10.16.0.0/12", NULL), 0);
    assert_int_equal(check_ranges_add(&ranges, "f", "127.0.0.1", NULL), 0);
    assert_int_equal(check_ranges_add(&ranges, "f", "fd00::/9", NULL), 0);
    assert_null(why_not(&ranges, "10.31.255.255"));
    assert_null(why_not(&ranges, "127.0.0.1"));
    assert_null(why_not(&ranges, "fd7f::1"));
    assert_non_null(why_not(&ranges, "10.32.0.0"));
    assert_non_null(why_not(&ranges, "10.15.255.255"));
    assert_non_null(why_not(&ranges, "127.0.0.2"));
    assert_non_null(why_not(&ranges, "fd80::1"));
    assert_string_equal(check_ranges_format(&ranges, 0, text), "10.16.0.0/12");
    assert_string_equal(check_ranges_format(&ranges, 1, text), "127.0.0.1/32");
    assert_string_equal(check_ranges_format(&ranges, 2, text), "fd00::/9");
}

static void test_bad(void **state)
{
    static const char *const bad[] = {"",          "10.0.0.0/33", "10.0.0.1/8", "x",
                                      "10.0.0.0/", "fe80::1%lo",  "10.0.0.0/8 "};
    struct check_ranges ranges = {.are_given = true};
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(check_ranges_add(&ranges, "awsCheckRanges", bad[i], &error), -EINVAL);
        assert_string_equal(error.field, "awsCheckRanges");
    }
    assert_int_equal(ranges.n, 0);
    for (size_t i = 0; i < CHECK_RANGES_MAX; i++)
        assert_int_equal(check_ranges_add(&ranges, "f", "::/0", NULL), 0);
    assert_int_equal(check_ranges_add(&ranges, "f", "::/0", &error), -EINVAL);
    assert_null(why_not(&ranges, "::1"));
    assert_non_null(why_not(&ranges, "10.0.0.1")); /* ::/0 is of IPv6 */
}

static void test_own_addresses(void **state)
{
    struct ip_address address;

    (void)state;
    assert_int_equal(ip_address_parse("127.0.0.1", &address), 0);
    assert_true(own_address_is(&address));
    assert_int_equal(ip_address_parse("192.0.2.1", &address), 0);
    assert_false(own_address_is(&address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_default), cmocka_unit_test(test_named),
                                       cmocka_unit_test(test_bad), cmocka_unit_test(test_own_addresses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
