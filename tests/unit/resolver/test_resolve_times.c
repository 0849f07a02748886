/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/resolve_times.h"
#include "resolver/resolved_list.h"

static void test_again_is_the_time_to_live(void **state)
{
    (void)state;
    /* Within the bounds, never later than they say and a tenth earlier at most. */
    for (uint32_t random = 0; random < 100000; random += 7) {
        uint64_t ms = resolve_again_ms(300, 1, 3600, random);

        assert_in_range(ms, 270000, 300000);
        assert_in_range(resolve_again_ms(0, 1, 3600, random), 900, 1000);
        assert_in_range(resolve_again_ms(UINT32_MAX, 1, 3600, random), 3240000, 3600000);
        assert_in_range(resolve_again_ms(5, 60, 3600, random), 54000, 60000);
    }
    assert_int_equal(resolve_again_ms(300, 1, 3600, 0), 300000);
    assert_true(resolve_again_ms(300, 1, 3600, 1) != resolve_again_ms(300, 1, 3600, 2));
    assert_in_range(resolve_again_ms(86400, 1, 86400, UINT32_MAX), 1, 86400000);
}

static void test_retries_back_off(void **state)
{
    static const uint64_t longest[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

    (void)state;
    for (unsigned failures = 1; failures <= 8; failures++)
        for (uint32_t random = 0; random < 100000; random += 77)
            assert_in_range(resolve_retry_ms(failures, random), longest[failures - 1] / 2,
                            longest[failures - 1]);
    assert_in_range(resolve_retry_ms(UINT32_MAX, 12345), 30000, 60000);
    assert_in_range(resolve_retry_ms(0, 0), 1000, 1000);
}

static struct ip_address address(const char *text)
{
    struct ip_address made;

    assert_int_equal(ip_address_parse(text, &made), 0);
    return made;
}

static bool refuses_ten(const struct ip_address *one, void *user)
{
    assert_ptr_equal(user, refuses_ten);
    return ip_address_is_v4(one) && ip_address_to_v4(one) >> 24 == 10;
}

static void add(struct resolved_list *list, const char *text)
{
    struct ip_address one = address(text);

    resolved_list_add(list, &one, refuses_ten, (void *)refuses_ten);
}

static void test_lists_are_in_order(void **state)
{
    static const char *const sorted[] = {"1.2.3.4", "127.0.0.2", "192.0.2.1", "::1", "2001:db8::1"};
    struct resolved_list list = {.n = 0};

    (void)state;
    add(&list, "2001:db8::1");
    add(&list, "192.0.2.1");
    add(&list, "10.0.0.1");
    add(&list, "::1");
    add(&list, "127.0.0.2");
    add(&list, "127.0.0.2");
    add(&list, "0.0.0.0");
    add(&list, "224.0.0.1");
    add(&list, "255.255.255.255");
    add(&list, "ff02::1");
    add(&list, "::");
    add(&list, "1.2.3.4");
    resolved_list_sort(&list);
    assert_int_equal(list.n, 5);
    assert_int_equal(list.refused, 6);
    for (size_t i = 0; i < 5; i++) {
        struct ip_address wanted = address(sorted[i]);

        assert_true(ip_address_equal(&list.addresses[i], &wanted));
    }
}

/* Whatever order they come in, the lowest are kept. */
static void test_lists_keep_the_lowest(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 1000; step += 54) {
        struct resolved_list list = {.n = 0};

        for (uint32_t i = 0; i < 1000; i++) {
            struct ip_address one = ip_address_from_v4(0x01000000 + (i * step) % 1009);

            resolved_list_add(&list, &one, NULL, NULL);
        }
        resolved_list_sort(&list);
        assert_int_equal(list.n, RESOLVED_MAX);
        for (size_t i = 1; i < list.n; i++)
            assert_true(ip_address_to_v4(&list.addresses[i - 1]) < ip_address_to_v4(&list.addresses[i]));
        if (step == 1)
            assert_int_equal(ip_address_to_v4(&list.addresses[RESOLVED_MAX - 1]),
                             0x01000000 + RESOLVED_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again_is_the_time_to_live),
        cmocka_unit_test(test_retries_back_off),
        cmocka_unit_test(test_lists_are_in_order),
        cmocka_unit_test(test_lists_keep_the_lowest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
