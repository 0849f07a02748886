/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/near_miss.h"

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

/* One by one, as far as the bound on the work. */
static void test_search(void **state)
{
    struct near_miss search;
    size_t n = 0;

    (void)state;
    near_miss_begin(&search, "backend");
    assert_true(near_miss_try(&search, "front"));
    assert_null(search.best);
    assert_true(near_miss_try(&search, "bckedn"));
    assert_true(near_miss_try(&search, "backends"));
    assert_string_equal(search.best, "backends");
    assert_true(near_miss_try(&search, "bakend"));
    assert_string_equal(search.best, "backends");
    while (near_miss_try(&search, "frontend"))
        n++;
    assert_true(n <= NEAR_MISS_MOST);
    assert_false(near_miss_try(&search, "Backend"));
    near_miss_begin(&search, "backend");
    assert_true(near_miss_try(&search, "BACKEND"));
    assert_false(near_miss_try(&search, "backend1")); /* there is no better one */
    assert_string_equal(search.best, "BACKEND");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_and_edits),
        cmocka_unit_test(test_nothing_near),
        cmocka_unit_test(test_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
