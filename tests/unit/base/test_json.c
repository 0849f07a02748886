/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static int parse_text(const char *text, size_t length, cJSON **ret_json, struct error *error)
{
    /* A copy of exactly this size: the sanitizer sees a byte read too many. */
    char *copy = malloc(length ? length : 1);
    int r;

    assert_non_null(copy);
    memcpy(copy, text, length);
    r = json_parse("body", copy, length, ret_json, error);
    free(copy);
    return r;
}

static cJSON *parsed(const char *text)
{
    struct error error = {0};
    cJSON *json = NULL;

    assert_int_equal(parse_text(text, strlen(text), &json, &error), 0);
    assert_non_null(json);
    return json;
}

static void refuse_bytes(const char *text, size_t length, const char *message_has)
{
    struct error error = {0};
    cJSON *json = NULL;

    assert_int_equal(parse_text(text, length, &json, &error), -EINVAL);
    assert_null(json);
    assert_int_equal(error.number, EINVAL);
    assert_non_null(strstr(error.message, "body"));
    assert_non_null(strstr(error.message, message_has));
}

static void refuse(const char *text, const char *message_has)
{
    refuse_bytes(text, strlen(text), message_has);
}

static void test_parse(void **state)
{
    (void)state;
    cJSON_Delete(parsed("{}"));
    cJSON_Delete(parsed(" [1, \"x\", null] \r\n\t"));
    cJSON_Delete(parsed("\"a [ in a string \\\" { \""));
    refuse("", "not JSON");
    refuse("{", "not JSON");
    refuse("{\"a\": }", "not JSON");
    refuse("[1,]", "not JSON");
    refuse("nul", "not JSON");
    refuse("{} {}", "follows");
    refuse("1 x", "line 1, column 3: text follows the JSON value at \"x\"");
    refuse("{\n  \"a\": 1,\n  \"b\": oops\n}", "line 3, column 8: not JSON at \"oops\"");
    refuse("{\"a\":1", "it ends there");
    refuse("serviceName: web", "this looks like YAML");
    refuse("[\x01\xff]", "column 3: not JSON at \"?]\"");
    refuse_bytes("{\"a\":1}\0", 8, "NUL");
    refuse_bytes("\"a\0b\"", 5, "NUL");
    refuse("\"a\\u0000b\"", "NUL");
}

static void check_depth(int depth, const char *open, const char *close, int wanted)
{
    size_t width = strlen(open);
    char *text = calloc((size_t)depth * 2 + 2, width);
    cJSON *json = NULL;
    struct error error = {0};

    assert_non_null(text);
    for (int i = 0; i < depth; i++)
        memcpy(text + (size_t)i * width, open, width);
    strcat(text, "1");
    for (int i = 0; i < depth; i++)
        strcat(text, close);
    assert_int_equal(parse_text(text, strlen(text), &json, &error), wanted);
    if (wanted < 0)
        assert_non_null(strstr(error.message, "nested"));
    cJSON_Delete(json);
    free(text);
}

static void test_depth(void **state)
{
    (void)state;
    check_depth(JSON_MAX_DEPTH, "[", "]", 0);
    check_depth(JSON_MAX_DEPTH + 1, "[", "]", -EINVAL);
    check_depth(JSON_MAX_DEPTH, "{\"a\":", "}", 0);
    check_depth(JSON_MAX_DEPTH + 1, "{\"a\":", "}", -EINVAL);
    check_depth(20000, "[", "]", -EINVAL);
}

static void test_get_string(void **state)
{
    _cleanup_json_ cJSON *json = parsed("{\"a\": \"x\", \"n\": null, \"i\": 5, \"e\": \"\"}");
    struct error error = {0};
    const char *text = "before";

    (void)state;
    assert_int_equal(json_get_string(json, "missing", false, &text, &error), 0);
    assert_int_equal(json_get_string(json, "A", false, &text, &error), 0);
    assert_string_equal(text, "before");
    assert_int_equal(json_get_string(json, "missing", true, &text, &error), -EINVAL);
    assert_string_equal(error.field, "missing");
    assert_int_equal(json_get_string(json, "n", false, &text, &error), -EINVAL);
    assert_string_equal(error.field, "n");
    assert_string_equal(error.value, "null");
    assert_int_equal(json_get_string(json, "i", false, &text, &error), -EINVAL);
    assert_string_equal(error.field, "i");
    assert_string_equal(error.value, "5");
    assert_string_equal(text, "before");
    assert_int_equal(json_get_string(json, "a", true, &text, &error), 0);
    assert_string_equal(text, "x");
    assert_int_equal(json_get_string(json, "e", true, &text, &error), 0);
    assert_string_equal(text, "");
}

static void test_get_integer(void **state)
{
    static const char *const bad[] = {"half", "low", "high", "text", "flag", "list", "huge"};
    _cleanup_json_ cJSON *json =
        parsed("{\"ok\": 5, \"whole\": 7.0, \"max\": 65535, \"half\": 1.5, \"low\": -1, "
               "\"high\": 65536, \"text\": \"5\", \"flag\": true, \"list\": [5], "
               "\"huge\": 1e300, \"zero\": 0, \"exp\": 1e3}");
    struct error error = {0};
    uint64_t number = 4711;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(json_get_integer(json, bad[i], true, 0, 65535, &number, &error), -EINVAL);
        assert_string_equal(error.field, bad[i]);
        assert_non_null(strstr(error.allowed, "0 to 65535"));
    }
    assert_int_equal(json_get_integer(json, "zero", true, 1, 65535, &number, &error), -EINVAL);
    assert_int_equal(json_get_integer(json, "gone", true, 0, 65535, &number, &error), -EINVAL);
    assert_int_equal(json_get_integer(json, "gone", false, 0, 65535, &number, &error), 0);
    assert_true(number == 4711);
    assert_int_equal(json_get_integer(json, "ok", true, 5, 5, &number, &error), 0);
    assert_true(number == 5);
    assert_int_equal(json_get_integer(json, "whole", true, 0, 65535, &number, &error), 0);
    assert_true(number == 7);
    assert_int_equal(json_get_integer(json, "max", true, 0, 65535, &number, &error), 0);
    assert_true(number == 65535);
    assert_int_equal(json_get_integer(json, "zero", true, 0, 65535, &number, &error), 0);
    assert_true(number == 0);
    assert_int_equal(json_get_integer(json, "exp", true, 0, 65535, &number, &error), 0);
    assert_true(number == 1000);
}

static void test_get_bool(void **state)
{
    _cleanup_json_ cJSON *json = parsed("{\"yes\": true, \"no\": false, \"one\": 1, \"text\": \"true\"}");
    struct error error = {0};
    bool value = true;

    (void)state;
    assert_int_equal(json_get_bool(json, "no", true, &value, &error), 0);
    assert_false(value);
    assert_int_equal(json_get_bool(json, "gone", false, &value, &error), 0);
    assert_int_equal(json_get_bool(json, "one", false, &value, &error), -EINVAL);
    assert_string_equal(error.allowed, "true or false");
    assert_int_equal(json_get_bool(json, "text", false, &value, &error), -EINVAL);
    assert_string_equal(error.value, "true");
    assert_int_equal(json_get_bool(json, "gone", true, &value, &error), -EINVAL);
    assert_false(value);
    assert_int_equal(json_get_bool(json, "yes", true, &value, &error), 0);
    assert_true(value);
}

static void test_check_members(void **state)
{
    static const char *const known[] = {"name", "port", NULL};
    _cleanup_json_ cJSON *good = parsed("{\"port\": 1, \"name\": 2}");
    _cleanup_json_ cJSON *bad = parsed("{\"name\": 2, \"prot\": 1, \"x\": 1}");
    _cleanup_json_ cJSON *other_case = parsed("{\"Name\": 2}");
    _cleanup_json_ cJSON *empty = parsed("{}");
    _cleanup_json_ cJSON *list = parsed("[]");
    struct error error = {0};

    (void)state;
    assert_int_equal(json_check_members(good, known, &error), 0);
    assert_int_equal(json_check_members(empty, known, &error), 0);
    assert_int_equal(error.number, 0);
    assert_int_equal(json_check_members(bad, known, &error), -EINVAL);
    assert_string_equal(error.field, "prot");
    assert_string_equal(error.allowed, "name, port");
    assert_int_equal(json_check_members(other_case, known, &error), -EINVAL);
    assert_string_equal(error.field, "Name");
    assert_int_equal(json_check_members(list, known, &error), -EINVAL);
    assert_string_equal(error.value, "[]");
    assert_string_equal(error.allowed, "an object");
    assert_int_equal(json_check_members(NULL, known, &error), -EINVAL);
}

static void test_add_time(void **state)
{
    _cleanup_json_ cJSON *object = cJSON_CreateObject();

    (void)state;
    json_add_time(object, "first", 0);
    json_add_time(object, "at", 1700000000);
    assert_string_equal(cJSON_GetObjectItem(object, "first")->valuestring, "1970-01-01T00:00:00Z");
    assert_string_equal(cJSON_GetObjectItem(object, "at")->valuestring, "2023-11-14T22:13:20Z");
}

static void test_print_whole_numbers(void **state)
{
    static const char text[] =
        "{\"a\":[1795870901003340,1000000000000000,-1795870901003340,9007199254740992],"
        "\"b\":{\"c\":1700000000.125,\"d\":0,\"e\":12,\"f\":\"x\"}}";
    _cleanup_json_ cJSON *json = parsed(text);
    _cleanup_free_ char *printed = json_print(json);
    _cleanup_free_ char *again = json_print(json);

    (void)state;
    assert_string_equal(printed, text);
    assert_string_equal(again, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_get_string), cmocka_unit_test(test_get_integer),
        cmocka_unit_test(test_get_bool),   cmocka_unit_test(test_check_members),
        cmocka_unit_test(test_add_time),   cmocka_unit_test(test_print_whole_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
