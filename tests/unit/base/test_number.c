/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "base/number.h"

static void accept(const char *text, uint64_t minimum, uint64_t maximum, uint64_t wanted)
{
    uint64_t number = ~wanted;

    assert_int_equal(parse_number(text, minimum, maximum, &number), 0);
    assert_true(number == wanted);
}

static void refuse(const char *text, uint64_t minimum, uint64_t maximum, int wanted)
{
    uint64_t number = 4711;

    assert_int_equal(parse_number(text, minimum, maximum, &number), wanted);
    assert_true(number == 4711);
}

static void test_accepts(void **state)
{
    (void)state;
    accept("0", 0, 0, 0);
    accept("7", 7, 7, 7);
    accept("10", 0, 65535, 10);
    accept("1234567890", 0, UINT64_MAX, 1234567890);
    accept("18446744073709551615", 0, UINT64_MAX, UINT64_MAX);
}

/* Weights are 0..65535, ports 1..65535. */
static void test_range(void **state)
{
    (void)state;
    accept("0", 0, 65535, 0);
    accept("65535", 1, 65535, 65535);
    refuse("65536", 0, 65535, -ERANGE);
    refuse("0", 1, 65535, -ERANGE);
    refuse("4294967297", 0, 65535, -ERANGE);
    refuse("18446744073709551616", 0, UINT64_MAX, -ERANGE);
    refuse("18446744073709551620", 0, UINT64_MAX, -ERANGE);
    refuse("184467440737095516150", 0, UINT64_MAX, -ERANGE);
    refuse("99999999999999999999999999999999999", 0, UINT64_MAX, -ERANGE);
}

static void test_no_number(void **state)
{
    static const char *const bad[] = {"",    " ",   "-1",  "+1", " 1", "1 ",  "01",  "00",
                                      "0x1", "1e3", "1.0", "a",  "1a", "1\n", "1,0", "\xd9\xa3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        refuse(bad[i], 0, UINT64_MAX, -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_no_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
