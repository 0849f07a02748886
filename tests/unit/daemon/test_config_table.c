/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every row of the table of settings: set in each way there is, it changes itself and nothing else, and it is
 * documented. A new row is tested without a change here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "daemon/config_exec.h"
#include "daemon/config_ranges.h"
#include "daemon/config_tasks.h"
#include "daemon/config_table.h"

static char file[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/svc-config-XXXXXX", P_tmpdir);
    fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

/* What --print-config says with this file and, if there is one, this flag. */
static cJSON *effective(const cJSON *json, const char *flag, const char *value)
{
    _cleanup_(config_done) struct config config = {0};
    _cleanup_free_ char *text = cJSON_Print(json);
    _cleanup_free_ char *printed = NULL;
    char *argv[] = {"svcconnectd", "--config", file, (char *)flag, (char *)value};
    int argc = !flag ? 3 : value ? 5 : 4;
    enum config_action action = CONFIG_HELP;
    struct error error = {0};
    FILE *out = fopen(file, "we");
    cJSON *result;

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    if (config_load(argc, argv, &config, &action, &error) < 0)
        fail_msg("%s %s %s: %s", text, flag ? flag : "", value ? value : "", error.message);
    assert_int_equal(action, CONFIG_RUN);
    printed = config_print(&config);
    assert_non_null(printed);
    result = cJSON_Parse(printed);
    assert_non_null(result);
    return result;
}

/* It names the cgroup mount, so that a host without one runs these tests too. */
static cJSON *base_file(void)
{
    cJSON *json = cJSON_CreateObject();

    assert_non_null(cJSON_AddStringToObject(json, "cgroupRoot", "/c"));
    return json;
}

static cJSON *value_of(const cJSON *json, const struct config_setting *setting)
{
    const cJSON *object = setting->group ? cJSON_GetObjectItemCaseSensitive(json, setting->group) : json;

    return cJSON_GetObjectItemCaseSensitive(object, setting->member);
}

static void put_value(cJSON *json, const struct config_setting *setting, cJSON *value)
{
    cJSON *object = json;

    if (setting->group) {
        object = cJSON_GetObjectItemCaseSensitive(json, setting->group);
        if (!object)
            object = cJSON_AddObjectToObject(json, setting->group);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(object, setting->member);
    assert_true(cJSON_AddItemToObject(object, setting->member, value));
}

/* Another good value than the default, as a flag has it. */
static const char *other_text(const struct config_setting *setting, char number[16])
{
    if (setting->example)
        return setting->example;
    if (setting->fallback) {
        assert_null(setting->check); /* then the row has an example */
        return "/somewhere/else";
    }
    (void)snprintf(number, 16, "%u",
                   setting->number < setting->maximum ? setting->number + 1 : setting->minimum);
    return number;
}

/* The same as the file has it. */
static cJSON *other_json(const struct config_setting *setting)
{
    char number[16];
    const char *text = other_text(setting, number);

    if (!setting->fallback)
        return cJSON_CreateNumber(strtod(text, NULL));
    if (setting->type == &config_type_tasks)
        return cJSON_Parse("[{\"cgroup\": \"a.slice/b-*\", \"namespace\": \"n\", \"service\": \"s\"}]");
    if (setting->type == &config_type_name_servers || setting->type == &config_type_exec_checks ||
        setting->type == &config_type_check_ranges) {
        _cleanup_free_ char *list = strdup(text);
        cJSON *json = cJSON_CreateArray();
        char *rest = list;
        char *item;

        while ((item = strsep(&rest, ",")))
            assert_true(cJSON_AddItemToArray(json, cJSON_CreateString(item)));
        return json;
    }
    return cJSON_CreateString(text);
}

/* `set` differs from `before` in this setting, and in no other. */
static void expect_only(const struct config_setting *setting, const cJSON *before, const cJSON *set,
                        const char *how)
{
    char path[SETTING_PATH_SIZE];
    char other[SETTING_PATH_SIZE];
    bool has_another = !setting->example || !setting->fallback || strcmp(setting->example, setting->fallback);

    for (size_t i = 0; i < config_setting_count; i++) {
        const cJSON *old_value = value_of(before, &config_settings[i]);
        const cJSON *new_value = value_of(set, &config_settings[i]);

        assert_non_null(old_value);
        assert_non_null(new_value);
        if (&config_settings[i] == setting) {
            if (has_another && cJSON_Compare(old_value, new_value, true))
                fail_msg("%s by %s: unchanged", setting_path(setting, path), how);
        } else if (!cJSON_Compare(old_value, new_value, true)) {
            fail_msg("%s by %s changes %s", setting_path(setting, path), how,
                     setting_path(&config_settings[i], other));
        }
    }
}

static void test_each_setting_sets_itself_alone(void **state)
{
    _cleanup_json_ cJSON *base = base_file();
    _cleanup_json_ cJSON *before = effective(base, NULL, NULL);

    (void)state;
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        _cleanup_json_ cJSON *text = base_file();
        _cleanup_json_ cJSON *by_file = NULL;
        _cleanup_json_ cJSON *by_flag = NULL;
        char number[16];
        char flag[80];

        put_value(text, setting, other_json(setting));
        by_file = effective(text, NULL, NULL);
        expect_only(setting, before, by_file, "file");
        if (!setting->flag)
            continue;
        (void)snprintf(flag, sizeof(flag), "--%s%s%s", setting->flag, setting->implied ? "=" : "",
                       setting->implied ? other_text(setting, number) : "");
        by_flag = effective(base, flag, setting->implied ? NULL : other_text(setting, number));
        expect_only(setting, before, by_flag, "flag");
        assert_true(cJSON_Compare(by_file, by_flag, true));
    }
}

static void test_what_is_printed_is_read_back(void **state)
{
    _cleanup_json_ cJSON *text = cJSON_CreateObject();
    _cleanup_json_ cJSON *first = NULL;
    _cleanup_json_ cJSON *second = NULL;

    (void)state;
    for (size_t i = 0; i < config_setting_count; i++)
        put_value(text, &config_settings[i], other_json(&config_settings[i]));
    first = effective(text, NULL, NULL);
    assert_true(cJSON_Compare(text, first, true));
    second = effective(first, NULL, NULL);
    assert_true(cJSON_Compare(first, second, true));
}

/* A number that is also a flag has limits there too; none is one today. */
static void test_numbers_have_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        _cleanup_(config_done) struct config config = {0};
        char text[16];

        if (setting->type != &config_type_number)
            continue;
        assert_null(setting->fallback);
        assert_in_range(setting->number, setting->minimum, setting->maximum);
        (void)snprintf(text, sizeof(text), "%u", setting->maximum);
        assert_int_equal(setting_take_text(&config, setting, "--x", text, NULL), 0);
        assert_int_equal(setting_number_of(&config, setting), setting->maximum);
        (void)snprintf(text, sizeof(text), "%u", setting->maximum + 1);
        assert_true(setting_take_text(&config, setting, "--x", text, NULL) < 0);
        assert_true(setting_take_text(&config, setting, "--x", "5x", NULL) < 0);
        assert_int_equal(setting_number_of(&config, setting), setting->maximum);
    }
}

/* A flag may be a word of its own, where its row says what that means. */
static void test_flags_without_a_value(void **state)
{
    _cleanup_json_ cJSON *base = base_file();

    (void)state;
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        _cleanup_json_ cJSON *set = NULL;
        char flag[80];

        if (!setting->implied)
            continue;
        (void)snprintf(flag, sizeof(flag), "--%s", setting->flag);
        set = effective(base, flag, NULL);
        assert_string_equal(cJSON_GetStringValue(value_of(set, setting)), setting->implied);
    }
}

static void load_flags(struct config *config, char **argv, int argc)
{
    enum config_action action;

    assert_int_equal(config_load(argc, argv, config, &action, NULL), 0);
}

/* What the checks fill in, and what is remembered of being set. */
static void test_what_follows_from_values(void **state)
{
    _cleanup_(config_done) struct config plain = {0};
    _cleanup_(config_done) struct config set = {0};
    _cleanup_json_ cJSON *base = base_file();
    cJSON *written = effective(base, NULL, NULL); /* leaves the file there */
    char *argv[] = {"svcconnectd",   "--config",       file,
                    "--dns=off",     "--dns-listen",   "127.0.0.1:53",
                    "--aws-listen",  "127.0.0.1:4599", "--external-name-servers=127.0.0.9",
                    "--alias-range", "10.0.0.0/8",     "--alias-range6",
                    "fd00:1::/64"};

    (void)state;
    cJSON_Delete(written);
    load_flags(&plain, argv, 3);
    assert_true(plain.is_dns_on);
    assert_int_equal(plain.dns_listen_port, 0);
    assert_null(plain.external_servers);
    load_flags(&set, argv, ARRAY_SIZE(argv));
    assert_false(set.is_dns_on);
    assert_int_equal(set.dns_listen_port, 53);
    assert_string_equal(set.external_servers, "127.0.0.9:53");
    assert_int_equal(set.alias_range.bits, 96 + 8);
    assert_int_equal(set.alias_range.bits6, 64);
}

/* ---- documentation ---- */

/* The example is what holds without a file. */
static void test_the_example_has_every_setting(void **state)
{
    _cleanup_json_ cJSON *base = base_file();
    _cleanup_json_ cJSON *defaults = effective(base, NULL, NULL);
    _cleanup_json_ cJSON *example = NULL;
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *printed = NULL;
    _cleanup_free_ char *wanted = NULL;

    (void)state;
    cJSON_ReplaceItemInObjectCaseSensitive(defaults, "cgroupRoot", cJSON_CreateString("auto"));
    assert_int_equal(file_read("docs/svcconnect.json.example", 1 << 20, &text, NULL), 0);
    example = cJSON_Parse(text);
    printed = cJSON_Print(example);
    wanted = cJSON_Print(defaults);
    assert_string_equal(printed, wanted);
}

static const char *find_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    while ((text = strstr(text, word)) && (isalnum((unsigned char)text[length]) || text[length] == '\\'))
        text += length;
    return text;
}

static void test_the_manual_has_every_setting(void **state)
{
    _cleanup_free_ char *text = NULL;
    const char *options;
    const char *settings;

    (void)state;
    assert_int_equal(file_read("docs/man/svcconnectd.8", 1 << 20, &text, NULL), 0);
    options = strstr(text, ".SH OPTIONS");
    settings = strstr(text, ".SH SETTINGS");
    assert_true(options && settings);
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        char path[SETTING_PATH_SIZE];
        char flag[128] = ".BI \\-\\-";
        size_t length = strlen(flag);

        if (!find_word(settings, setting_path(setting, path)))
            fail_msg("%s is not in the manual", path);
        if (!setting->flag)
            continue;
        for (const char *c = setting->flag; *c; c++)
            length += (size_t)snprintf(flag + length, sizeof(flag) - length, *c == '-' ? "\\%c" : "%c", *c);
        options = find_word(options, flag); /* in the order of the table */
        if (!options)
            fail_msg("--%s is not in the manual, or not where the table has it", setting->flag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_setting_sets_itself_alone),
        cmocka_unit_test(test_what_is_printed_is_read_back),
        cmocka_unit_test(test_numbers_have_limits),
        cmocka_unit_test(test_flags_without_a_value),
        cmocka_unit_test(test_what_follows_from_values),
        cmocka_unit_test(test_the_example_has_every_setting),
        cmocka_unit_test(test_the_manual_has_every_setting),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
