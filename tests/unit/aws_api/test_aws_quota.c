/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How many changes a key may make: what it has saved up, and then one by one. What namespaces may have is shown by
 * tests/aws/test_aws_quotas.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws_api/call/quota.h"

static unsigned take_all(struct aws_credential *who, const struct aws_quotas *quotas, uint64_t now_ms)
{
    unsigned n = 0;

    while (n < 100000 && aws_take_write(who, quotas, now_ms))
        n++;
    return n;
}

static void test_writes_of_a_key(void **state)
{
    const struct aws_quotas quotas = {.writes_per_second = 7};
    struct aws_credential who = {.namespace_name = "shop"};

    (void)state;
    assert_int_equal(take_all(&who, &quotas, 1000), 7 * AWS_QUOTA_BURST_S);
    assert_int_equal(take_all(&who, &quotas, 1000), 0);
    assert_int_equal(take_all(&who, &quotas, 2000), 7);
    assert_int_equal(take_all(&who, &quotas, 2100), 0);
    assert_int_equal(take_all(&who, &quotas, 2143), 1); /* parts of one add up */
    assert_int_equal(take_all(&who, &quotas, 100000000), 7 * AWS_QUOTA_BURST_S);
}

static void test_who_has_no_quota(void **state)
{
    const struct aws_quotas quotas = {.writes_per_second = 1};
    const struct aws_quotas none = {0};
    struct aws_credential everybody = {.namespace_name = ""};
    struct aws_credential bound = {.namespace_name = "shop"};

    (void)state;
    assert_int_equal(take_all(&everybody, &quotas, 5), 100000);
    assert_int_equal(take_all(&bound, &none, 5), 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_writes_of_a_key),
                                       cmocka_unit_test(test_who_has_no_quota)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
