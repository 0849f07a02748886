/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include "documents/near_miss.h"

static const char *const known[] = {"dnsName", "port", "testTrafficRules", NULL};

static void test_case_and_edits(void **state)
{
    (void)state;
    assert_string_equal(near_miss("DNSname", known), "dnsName");
    assert_string_equal(near_miss("dnsNames", known), "dnsName");
    assert_string_equal(near_miss("dsnName", known), "dnsName");
    assert_string_equal(near_miss("testTraficRule", known), "testTrafficRules");
    assert_string_equal(near_miss("ports", known), "port");
}

static void test_nothing_near(void **state)
{
    char name[4096];

    (void)state;
    assert_null(near_miss("weight", known));
    assert_null(near_miss("pirate", known));
    assert_null(near_miss("pa", known));
    assert_null(near_miss("", known));
    memset(name, 'p', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_null(near_miss(name, known));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_and_edits),
        cmocka_unit_test(test_nothing_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
