/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/duration.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"0", 0},
                {"30", 30},
                {"30s", 30},
                {"6m", 360},
                {"1h", 3600},
                {"2d", 172800},
                {"4294967295", 4294967295}};
    static const char *const bad[] = {"",   "s",  "-1",  "1 m",        "01s",           "1.5m",
                                      "1w", "m1", "1mm", "4294967296", "99999999999999"};
    uint64_t seconds = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(duration_parse(bad[i], &seconds), -EINVAL);
        assert_int_equal(seconds, 7);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(duration_parse(good[i].text, &seconds), 0);
        assert_int_equal(seconds, good[i].seconds);
    }
}

static void test_format(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } wanted[] = {{0, "0s"},    {45, "45s"},   {60, "1m"},         {90, "1m30s"},
                  {3600, "1h"}, {86400, "1d"}, {90061, "1d1h1m1s"}};
    char text[DURATION_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_string_equal(duration_format(wanted[i].seconds, text), wanted[i].text);
    (void)duration_format(UINT64_MAX, text); /* fits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
