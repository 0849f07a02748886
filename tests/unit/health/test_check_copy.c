/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A copy is equal and its own; every member that matters makes checks differ. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "health/check_copy.h"

static char *command[] = {(char *)"/bin/true", (char *)"", (char *)"--flag", NULL};
static char *longer_command[] = {(char *)"/bin/true", (char *)"", (char *)"--flag", (char *)"x", NULL};
static char *other_command[] = {(char *)"/bin/true", (char *)"", (char *)"--flak", NULL};

static struct health_check full(void)
{
    return (struct health_check){
        .type = HEALTH_CHECK_EXEC,
        .interval_ms = 1,
        .timeout_ms = 2,
        .start_period_ms = 3,
        .rise = 4,
        .fall = 5,
        .port = 6,
        .status_min = 7,
        .status_max = 8,
        .path = (char *)"/health",
        .host = (char *)"backend.example",
        .command = command,
    };
}

static void test_copy(void **unused)
{
    const struct health_check check = full();
    const struct health_check empty = {.type = HEALTH_CHECK_TCP};
    _cleanup_free_ struct health_check *copy = check_copy(&check);
    _cleanup_free_ struct health_check *empty_copy = check_copy(&empty);

    (void)unused;
    assert_true(check_copy_equal(&check, copy));
    assert_true(check_copy_equal(&empty, empty_copy));
    assert_ptr_not_equal(copy->path, check.path);
    assert_ptr_not_equal(copy->command[2], check.command[2]);
    assert_string_equal(copy->command[2], "--flag");
    assert_null(copy->command[3]);
    assert_null(empty_copy->path);
    assert_null(empty_copy->command);
}

static void test_differences(void **unused)
{
    struct health_check others[14];
    const struct health_check check = full();

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        others[i] = check;
    others[0].type = HEALTH_CHECK_TCP;
    others[1].interval_ms++;
    others[2].timeout_ms++;
    others[3].start_period_ms++;
    others[4].rise++;
    others[5].fall++;
    others[6].port++;
    others[7].status_min++;
    others[8].status_max++;
    others[9].path = (char *)"/healthz";
    others[10].host = NULL;
    others[11].command = NULL;
    others[12].command = longer_command;
    others[13].command = other_command;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (check_copy_equal(&check, &others[i]) || check_copy_equal(&others[i], &check))
            fail_msg("difference %zu is not seen", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy), cmocka_unit_test(test_differences)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
