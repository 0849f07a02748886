/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs cost, as a sentence, and that it stands on the status line while it is asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/top/cost.h"
#include "cli/top/model.h"

static void test_between_two_looks(void **state)
{
    struct cost cost = COST_OFF;

    (void)state;
    cost_feed(&cost, 5000, 700, 9000);
    assert_string_equal(cost.text, "");
    cost_feed(&cost, 7000, 2700, 609000);
    assert_string_equal(cost.text, "programs: 1000 runs/s, 300 ns each, 0.03 % of a processor");
    cost_feed(&cost, 8000, 2700, 609000);
    assert_string_equal(cost.text, "programs: 0 runs/s, 0 ns each, 0.00 % of a processor");
    cost_feed(&cost, 9000, 5002700, 1000609000);
    assert_string_equal(cost.text, "programs: 5000000 runs/s, 200 ns each, 100.00 % of a processor");
}

static void test_programs_that_were_swapped(void **state)
{
    struct cost cost = COST_OFF;

    (void)state;
    cost_feed(&cost, 1000, 700, 9000);
    cost_feed(&cost, 2000, 20, 10000);
    assert_string_equal(cost.text, "");
    cost_feed(&cost, 3000, 120, 30000);
    assert_string_equal(cost.text, "programs: 100 runs/s, 200 ns each, 0.00 % of a processor");
    cost_feed(&cost, 3000, 120, 30000); /* no time has passed */
    assert_string_equal(cost.text, "");
}

static void expect_status(const struct top *top, const char *text, bool is_there)
{
    _cleanup_free_ char *line = top_status_line(top, 200);

    assert_non_null(line);
    assert_true((strstr(line, text) != NULL) == is_there);
}

static void test_the_line_while_it_is_shown(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    (void)snprintf(top.cost, sizeof(top.cost), "programs: 7 runs/s");
    expect_status(&top, "programs:", false);
    assert_int_equal(top_press(&top, 'P', 10), TOP_READ);
    assert_true(top.is_costing);
    assert_string_equal(top.cost, "");
    (void)snprintf(top.cost, sizeof(top.cost), "programs: 8 runs/s");
    expect_status(&top, "  programs: 8 runs/s  ?: help", true);
    assert_int_equal(top_press(&top, 'P', 10), TOP_READ);
    expect_status(&top, "programs:", false);
    top_done(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_two_looks),
        cmocka_unit_test(test_programs_that_were_swapped),
        cmocka_unit_test(test_the_line_while_it_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
