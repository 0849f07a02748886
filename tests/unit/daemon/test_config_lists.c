/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings that are lists, "tasks" and "awsCheckRanges": what is written is read back the same, and what is refused is named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/config_ranges.h"
#include "daemon/config_tasks.h"

static const struct config_setting tasks = {.member = "tasks", .type = &config_type_tasks};
static const struct config_setting ranges = {.member = "awsCheckRanges", .type = &config_type_check_ranges};

static int read_list(struct config *config, const struct config_setting *setting, const char *list,
                     struct error *error)
{
    _cleanup_json_ cJSON *object = cJSON_CreateObject();

    assert_true(cJSON_AddItemToObject(object, setting->member, cJSON_Parse(list)));
    return setting->type->from_json(config, setting, object, error);
}

static void expect_back(const struct config *config, const struct config_setting *setting,
                        const char *expected)
{
    _cleanup_json_ cJSON *json = setting->type->to_json(config, setting);
    _cleanup_free_ char *text = cJSON_PrintUnformatted(json);

    assert_string_equal(text, expected);
}

static void expect_refused(const struct config_setting *setting, const char *list, const char *named)
{
    struct config config = {0};
    struct error error = {0};

    assert_int_equal(read_list(&config, setting, list, &error), -EINVAL);
    assert_non_null(strstr(error.message, named));
    setting->type->done(&config, setting);
}

static void patterns_are_read_back(void **state)
{
    struct config config = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(
        read_list(&config, &tasks,
                  "[{\"cgroup\":\"system.slice/app-*.service\",\"namespace\":\"shop\",\"service\":\"app\"},"
                  "{\"cgroup\":\"batch\"}]",
                  &error),
        0);
    expect_back(&config, &tasks,
                "[{\"cgroup\":\"system.slice/app-*.service\",\"namespace\":\"shop\",\"service\":\"app\"},"
                "{\"cgroup\":\"batch\",\"namespace\":\"default\"}]");
    /* Another list takes the place of the first one. */
    assert_int_equal(read_list(&config, &tasks, "[]", &error), 0);
    expect_back(&config, &tasks, "[]");
    assert_int_equal(tasks.type->from_text(&config, &tasks, "--tasks", "none", &error), 0);
    assert_int_equal(tasks.type->from_text(&config, &tasks, "--tasks", "batch", &error), -EINVAL);
    tasks.type->done(&config, &tasks);
}

static void what_is_no_pattern_is_named(void **state)
{
    (void)state;
    expect_refused(&tasks, "{}", "tasks");
    expect_refused(&tasks, "[1]", "tasks[0]");
    expect_refused(&tasks, "[{\"cgroup\":\"a\"},{\"namespace\":\"b\"}]", "tasks[1]");
    expect_refused(&tasks, "[{\"cgroup\":\"a\",\"nmespace\":\"b\"}]", "nmespace");
    expect_refused(&tasks, "[{\"cgroup\":\"\"}]", "tasks[0]");
    expect_refused(&tasks, "[{\"cgroup\":\"/\"}]", "tasks[0]");
}

static void ranges_are_read_back(void **state)
{
    struct config config = {0};
    struct error error = {0};

    (void)state;
    expect_back(&config, &ranges, "\"default\"");
    assert_int_equal(read_list(&config, &ranges, "[\"10.0.0.0/8\",\"fd00::/8\"]", &error), 0);
    expect_back(&config, &ranges, "[\"10.0.0.0/8\",\"fd00::/8\"]");
    assert_int_equal(read_list(&config, &ranges, "[]", &error), 0);
    expect_back(&config, &ranges, "[]");
    assert_int_equal(
        ranges.type->from_text(&config, &ranges, "--aws-check-ranges", "10.0.0.0/8,192.0.2.1", &error), 0);
    assert_int_equal(config.aws_checks.n, 2);
    assert_int_equal(ranges.type->from_text(&config, &ranges, "--aws-check-ranges", "none", &error), 0);
    expect_back(&config, &ranges, "[]");
    assert_int_equal(read_list(&config, &ranges, "\"default\"", &error), 0);
    expect_back(&config, &ranges, "\"default\"");
}

static void what_is_no_range_is_named(void **state)
{
    (void)state;
    expect_refused(&ranges, "\"10.0.0.0/8\"", "awsCheckRanges");
    expect_refused(&ranges, "[8]", "awsCheckRanges");
    expect_refused(&ranges, "[\"10.0.0.0/33\"]", "10.0.0.0/33");
    expect_refused(&ranges, "[\"10.0.0.0/8\",\"example.com\"]", "example.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_read_back),
        cmocka_unit_test(what_is_no_pattern_is_named),
        cmocka_unit_test(ranges_are_read_back),
        cmocka_unit_test(what_is_no_range_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
