/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A health check as data: a copy is equal and its own, and every member makes checks differ. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "settings/service_settings.h"

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
    _cleanup_(health_check_done) struct health_check copy = {0};
    _cleanup_(health_check_done) struct health_check empty_copy = {0};

    (void)unused;
    assert_int_equal(health_check_copy(&check, &copy), 0);
    assert_int_equal(health_check_copy(&empty, &empty_copy), 0);
    assert_true(health_check_equal(&check, &copy));
    assert_true(health_check_equal(&empty, &empty_copy));
    assert_ptr_not_equal(copy.path, check.path);
    assert_ptr_not_equal(copy.command[2], check.command[2]);
    assert_string_equal(copy.command[2], "--flag");
    assert_null(copy.command[3]);
    assert_null(empty_copy.path);
    assert_null(empty_copy.command);
}

/* Byte by byte, so that a number which is added and forgotten in the comparison is found here. */
static void test_every_number_counts(void **unused)
{
    const struct health_check check = full();
    size_t end = offsetof(struct health_check, status_max) + sizeof(check.status_max);

    (void)unused;
    for (size_t i = 0; i < end; i++) {
        struct health_check other = check;

        ((unsigned char *)&other)[i] ^= 0x40;
        if (health_check_equal(&check, &other) || health_check_equal(&other, &check))
            fail_msg("a difference in byte %zu is not seen", i);
    }
    /* Nothing but texts, of which test_differences() knows each, comes after the numbers. */
    assert_int_equal(sizeof(check) - offsetof(struct health_check, path), 3 * sizeof(char *));
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
        if (health_check_equal(&check, &others[i]) || health_check_equal(&others[i], &check))
            fail_msg("difference %zu is not seen", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_every_number_counts),
        cmocka_unit_test(test_differences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
