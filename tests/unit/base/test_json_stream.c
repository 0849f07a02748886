/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Written piece by piece, a text is what cJSON prints of the whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_stream.h"

struct text {
    char bytes[4096];
    size_t length;
    size_t limit; /* 0: all that fits */
    unsigned calls;
};

static int put(void *user, const char *bytes, size_t length)
{
    struct text *text = user;
    size_t limit = text->limit ? text->limit : sizeof(text->bytes) - 1;

    text->calls++;
    if (text->length + length > limit)
        return -ENOSPC;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
    return 0;
}

/* Writes a value again, taking it apart down to `levels`; what is deeper goes as a whole. */
static void rewrite(struct json_stream *stream, const char *name, cJSON *value, int levels)
{
    cJSON *item;

    if (levels == 0 || !(cJSON_IsObject(value) || cJSON_IsArray(value))) {
        assert_int_equal(json_stream_add(stream, name, value), 0);
        return;
    }
    if (cJSON_IsArray(value))
        assert_int_equal(json_stream_open_array(stream, name), 0);
    else
        assert_int_equal(json_stream_open_object(stream, name), 0);
    cJSON_ArrayForEach (item, value)
        rewrite(stream, item->string, item, levels - 1);
    assert_int_equal(json_stream_close(stream), 0);
}

static void test_as_cjson_prints_it(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"revision\":7,\"endpoints\":[]}",
        "{\"revision\":7,\"endpoints\":[{\"id\":\"a\"},{\"id\":\"b\",\"more\":[1,2.5,null,true]}],\"after\":{"
        "}}",
        "[[],{},[{}],\"\",0]",
        "{\"\":1,\"a\\\"b\\\\\\n\\u0001\":2,\"\xc3\xa4\":\"\\t\"}",
        "[[[[[[1],2],3],4],5],6]",
        "5",
        "[1e300,-0.25,9007199254740991]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_json_ cJSON *value = cJSON_Parse(texts[i]);
        char *wanted = json_print(value);

        assert_non_null(wanted);
        for (int levels = 0; levels < 8; levels++) {
            struct text text = {0};
            struct json_stream stream;

            json_stream_begin(&stream, put, &text);
            rewrite(&stream, NULL, value, levels);
            assert_string_equal(text.bytes, wanted);
        }
        cJSON_free(wanted);
    }
}

static void test_numbers_and_strings(void **state)
{
    struct text text = {0};
    struct json_stream stream;

    (void)state;
    json_stream_begin(&stream, put, &text);
    (void)json_stream_open_object(&stream, NULL);
    (void)json_stream_add_number(&stream, "revision", 12345678901.0);
    (void)json_stream_add_string(&stream, "name", "a\"b");
    (void)json_stream_open_array(&stream, "list");
    (void)json_stream_take(&stream, NULL, cJSON_CreateTrue());
    (void)json_stream_add_number(&stream, NULL, 0);
    (void)json_stream_close(&stream);
    assert_int_equal(json_stream_close(&stream), 0);
    assert_string_equal(text.bytes, "{\"revision\":12345678901,\"name\":\"a\\\"b\",\"list\":[true,0]}");
}

/* Nothing is written behind what failed, and the failure stays. */
static void test_first_failure_stays(void **state)
{
    struct text text = {.limit = 8};
    struct json_stream stream;
    unsigned calls;

    (void)state;
    json_stream_begin(&stream, put, &text);
    assert_int_equal(json_stream_open_array(&stream, NULL), 0);
    assert_int_equal(json_stream_add_string(&stream, NULL, "longer than that"), -ENOSPC);
    calls = text.calls;
    assert_int_equal(json_stream_add_number(&stream, NULL, 1), -ENOSPC);
    assert_int_equal(json_stream_close(&stream), -ENOSPC);
    assert_int_equal(text.calls, calls);
    assert_string_equal(text.bytes, "[");
}

static void test_no_item(void **state)
{
    struct text text = {0};
    struct json_stream stream;

    (void)state;
    json_stream_begin(&stream, put, &text);
    (void)json_stream_open_array(&stream, NULL);
    assert_int_equal(json_stream_take(&stream, NULL, NULL), -ENOMEM);
    assert_int_equal(json_stream_close(&stream), -ENOMEM);
}

static void test_depth(void **state)
{
    struct text text = {0};
    struct json_stream stream;

    (void)state;
    json_stream_begin(&stream, put, &text);
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        assert_int_equal(json_stream_open_array(&stream, NULL), 0);
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        assert_int_equal(json_stream_close(&stream), 0);
    assert_int_equal(text.length, 2 * JSON_MAX_DEPTH);
    assert_int_equal(json_stream_close(&stream), -EINVAL);

    json_stream_begin(&stream, put, &text);
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        assert_int_equal(json_stream_open_object(&stream, i ? "a" : NULL), 0);
    assert_int_equal(json_stream_open_array(&stream, "a"), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_cjson_prints_it),
        cmocka_unit_test(test_numbers_and_strings),
        cmocka_unit_test(test_first_failure_stays),
        cmocka_unit_test(test_no_item),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
