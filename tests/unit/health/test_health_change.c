/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A target that is put again: any change of its check begins anew with it, no change goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_health.h"

/* Set in a target, and gone with it. */
#define MARK 7u

static char *command[] = {(char *)"/bin/true", (char *)"a", NULL};
static char *shorter_command[] = {(char *)"/bin/true", NULL};
static char *other_command[] = {(char *)"/bin/true", (char *)"b", NULL};

static struct target *the_target(void)
{
    uint32_t endpoint = 1;
    struct target *target;

    HASH_FIND(hh, health->targets, &endpoint, sizeof(endpoint), target);
    assert_non_null(target);
    return target;
}

static void put(const struct health_check *check)
{
    const struct health_target target = target_of(1, 9, check);

    assert_int_equal(health_put(health, &target, UNKNOWN), 0);
}

/* Puts `check`, then `other`; returns whether the engine has begun anew. */
static bool is_noticed(const struct health_check *check, const struct health_check *other)
{
    put(check);
    the_target()->probes = MARK;
    put(check);
    assert_int_equal(the_target()->probes, MARK);
    put(other);
    return the_target()->probes != MARK;
}

static struct health_check full(enum health_check_type type)
{
    struct health_check check = check_of(type);

    check.port = 9;
    check.start_period_ms = 1000;
    check.path = type == HEALTH_CHECK_HTTP ? (char *)"/health" : NULL;
    check.host = type == HEALTH_CHECK_HTTP ? (char *)"backend.example" : NULL;
    check.command = type == HEALTH_CHECK_EXEC ? command : NULL;
    return check;
}

static void test_each_member(void **unused)
{
    const struct health_check http = full(HEALTH_CHECK_HTTP);
    const struct health_check exec = full(HEALTH_CHECK_EXEC);
    struct health_check others[14];

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        others[i] = i < 11 ? http : exec;
    others[0].type = HEALTH_CHECK_HTTPS;
    others[1].interval_ms++;
    others[2].timeout_ms++;
    others[3].start_period_ms++;
    others[4].rise++;
    others[5].fall++;
    others[6].port++;
    others[7].status_min++;
    others[8].status_max++;
    others[9].path = NULL;
    others[10].host = (char *)"other.example";
    others[11].command = shorter_command;
    others[12].command = other_command;
    others[13].type = HEALTH_CHECK_TCP;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (!is_noticed(i < 11 ? &http : &exec, &others[i]))
            fail_msg("change %zu is not noticed", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_member, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
