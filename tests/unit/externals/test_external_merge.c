/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "externals/external_merge.h"

static const char failed[] = "SERVFAIL";
static const char no_name[] = "NXDOMAIN";

static struct ip_address v4(uint32_t number)
{
    return ip_address_from_v4(0x7f000000 + number);
}

static struct ip_address v6(uint8_t number)
{
    return (struct ip_address){.bytes = {0xfd, [15] = number}};
}

static struct resolved_family answer4(uint32_t first, size_t n)
{
    struct resolved_family family = {.how = RESOLVED_ADDRESSES};

    for (size_t i = 0; i < n; i++) {
        struct ip_address address = v4(first + (uint32_t)i);

        resolved_list_add(&family.list, &address, NULL, NULL);
    }
    return family;
}

static struct resolved_family answer6(uint8_t number)
{
    struct resolved_family family = {.how = RESOLVED_ADDRESSES};
    struct ip_address address = v6(number);

    resolved_list_add(&family.list, &address, NULL, NULL);
    return family;
}

static struct resolved_family nothing(enum resolved_how how, const char *reason)
{
    return (struct resolved_family){.how = how, .reason = reason};
}

static void expect(const struct external_merged *merged, const struct ip_address *wanted, size_t n)
{
    assert_int_equal(merged->n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(ip_address_equal(&merged->addresses[i], &wanted[i]));
}

static void test_an_answer_is_taken(void **state)
{
    struct ip_address known[] = {v4(1), v6(1)};
    struct resolved resolved = {.v4 = answer4(2, 2), .v6 = answer6(9)};
    struct ip_address both[] = {v4(2), v4(3), v6(9)};
    struct external_merged merged;

    (void)state;
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, both, 3);
    assert_true(merged.is_answered);
    assert_null(merged.failure);
    /* To have none of a family is an answer, where the other has some. */
    resolved.v6 = nothing(RESOLVED_NONE, "");
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, both, 2);
    assert_null(merged.failure);
    resolved.v6 = nothing(RESOLVED_NO_NAME, no_name);
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, both, 2);
    assert_null(merged.failure);
}

static void test_a_failing_family_keeps_what_it_had(void **state)
{
    struct ip_address known[] = {v4(1), v6(1)};
    struct resolved resolved = {.v4 = answer4(2, 1), .v6 = nothing(RESOLVED_FAILED, failed)};
    struct ip_address wanted[] = {v4(2), v6(1)};
    struct ip_address other[] = {v4(1), v6(9)};
    struct external_merged merged;

    (void)state;
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, wanted, 2);
    assert_true(merged.is_answered);
    assert_ptr_equal(merged.failure, failed);
    resolved = (struct resolved){.v4 = nothing(RESOLVED_FAILED, failed), .v6 = answer6(9)};
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, other, 2);
}

static void test_nothing_keeps_everything(void **state)
{
    static const enum resolved_how hows[] = {RESOLVED_NONE, RESOLVED_NO_NAME, RESOLVED_FAILED};
    struct ip_address known[] = {v4(1), v6(1)};
    struct resolved resolved;
    struct external_merged merged;

    (void)state;
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b < 3; b++) {
            resolved = (struct resolved){.v4 = nothing(hows[a], no_name), .v6 = nothing(hows[b], failed)};
            external_merge(&resolved, known, 2, &merged);
            expect(&merged, known, 2);
            assert_false(merged.is_answered);
            assert_non_null(merged.failure);
        }
    /* Only addresses that cannot be endpoints. */
    resolved = (struct resolved){.v4 = {.how = RESOLVED_ADDRESSES, .list.refused = 1},
                                 .v6 = nothing(RESOLVED_NONE, "")};
    external_merge(&resolved, known, 2, &merged);
    expect(&merged, known, 2);
    assert_non_null(merged.failure);
}

static void test_the_lowest_are_used(void **state)
{
    struct resolved resolved = {.v4 = answer4(1, 40), .v6 = answer6(1)};
    struct external_merged merged;

    (void)state;
    external_merge(&resolved, NULL, 0, &merged);
    assert_int_equal(merged.n, EXTERNAL_MAX_ADDRESSES);
    assert_int_equal(merged.n_found, 41);
    for (size_t i = 0; i < merged.n; i++) {
        struct ip_address wanted = v4(1 + (uint32_t)i);

        assert_true(ip_address_equal(&merged.addresses[i], &wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_taken),
        cmocka_unit_test(test_a_failing_family_keeps_what_it_had),
        cmocka_unit_test(test_nothing_keeps_everything),
        cmocka_unit_test(test_the_lowest_are_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
