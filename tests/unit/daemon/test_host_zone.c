/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whom a host asks for its zone: the setting, the environment, or EC2's metadata service where nobody answers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/host_zone.h"

static int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    return unsetenv(HOST_ZONE_VARIABLE) | unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

static void expect_zone(const char *text, const char *name, const char *from)
{
    struct host_zone zone;
    struct error error = {0};

    assert_int_equal(host_zone_find(text, &zone, &error), 0);
    assert_string_equal(zone.name, name);
    assert_non_null(strstr(zone.from, from));
}

static void test_a_name_is_taken_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(setenv(HOST_ZONE_VARIABLE, "elsewhere", 1), 0);
    expect_zone("eu-west-1a", "eu-west-1a", "setting");
    expect_zone(HOST_ZONE_OFF, "", "setting");
}

static void test_the_environment_is_asked_by_default(void **state)
{
    (void)state;
    expect_zone(HOST_ZONE_AUTO, "", "nobody");
    assert_int_equal(setenv(HOST_ZONE_VARIABLE, "", 1), 0);
    expect_zone(HOST_ZONE_AUTO, "", "nobody");
    assert_int_equal(setenv(HOST_ZONE_VARIABLE, "rack/7", 1), 0);
    expect_zone(HOST_ZONE_AUTO, "rack/7", HOST_ZONE_VARIABLE);
}

static void test_an_environment_that_has_no_zones_name(void **state)
{
    static const char *const bad[] = {"a b", "a,b", "\xc3\xa4",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct host_zone zone;
        struct error error = {0};

        assert_int_equal(setenv(HOST_ZONE_VARIABLE, bad[i], 1), 0);
        assert_int_equal(host_zone_find(HOST_ZONE_AUTO, &zone, &error), -EINVAL);
        assert_string_equal(error.field, HOST_ZONE_VARIABLE);
    }
}

/* Nobody listens at that port of this host: the daemon starts all the same, and no zone is known. */
static void test_a_metadata_service_that_does_not_answer(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1), 0);
    expect_zone(HOST_ZONE_EC2, "", "metadata");
}

static void test_what_the_setting_may_be(void **state)
{
    static const char *const good[] = {HOST_ZONE_AUTO, HOST_ZONE_EC2, HOST_ZONE_OFF, "us-east-1a",
                                       "rack:3/b"};
    static const char *const bad[] = {"", "a b", "a=1", "\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(host_zone_check("zone", good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error error = {0};

        assert_int_equal(host_zone_check("zone", bad[i], &error), -EINVAL);
        assert_string_equal(error.field, "zone");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, quiet, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_name_is_taken_as_it_is),
        TEST(test_the_environment_is_asked_by_default),
        TEST(test_an_environment_that_has_no_zones_name),
        TEST(test_a_metadata_service_that_does_not_answer),
        TEST(test_what_the_setting_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
