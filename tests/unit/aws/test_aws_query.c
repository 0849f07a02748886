/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_query.h"
#include "base/cleanup.h"
#include "base/json.h"

static cJSON *parse(const char *text, struct aws_error *error)
{
    cJSON *form = NULL;

    *error = (struct aws_error){0};
    return aws_query_parse(text, strlen(text), &form, error) == 0 ? form : NULL;
}

static void test_forms(void **state)
{
    static const struct {
        const char *text, *name, *value;
    } cases[] = {
        {"Action=GetCallerIdentity&Version=2011-06-15", "Action", "GetCallerIdentity"},
        {"Version=1&Action=a%20b%2Fc+d", "Action", "a b/c d"},
        {"Action", "Action", ""},
        {"Action=one&Action=two", "Action", "one"},
        {"=x&&Action=a", "Action", "a"},
        {"a%3Db=c", "a=b", "c"},
    };
    struct aws_error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ cJSON *form = parse(cases[i].text, &error);
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(form, cases[i].name));

        assert_non_null(value);
        assert_string_equal(value, cases[i].value);
    }
}

static void test_what_is_no_form(void **state)
{
    static const char *const cases[] = {"a=%",   "a=%4",  "a=%zz",
                                        "a=%00", "%G0=a", "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&"};
    struct aws_error error;
    char *longest = calloc(1, 5000);
    cJSON *form = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_null(parse(cases[i], &error));
        assert_string_equal(error.type, "MalformedQueryString");
    }
    memset(longest, 'a', 4999);
    assert_null(parse(longest, &error));
    error = (struct aws_error){0};
    assert_int_equal(aws_query_parse("a\0b", 3, &form, &error), -EINVAL);
    assert_null(form);
    free(longest);
}

static void test_what_is_a_form(void **state)
{
    struct http_request http = {.n_headers = 1};

    (void)state;
    http.headers[0] =
        (struct http_header){"content-type", "application/x-www-form-urlencoded; charset=utf-8"};
    assert_true(aws_query_is(&http));
    http.headers[0].value = "application/x-amz-json-1.1";
    assert_false(aws_query_is(&http));
    http.n_headers = 0;
    assert_false(aws_query_is(&http));
}

static void test_xml(void **state)
{
    _cleanup_json_ cJSON *answer = cJSON_CreateObject();
    struct aws_error error = {.type = "InvalidAction", .message = "no <b> & c\x01"};
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *refusal = NULL;

    (void)state;
    (void)cJSON_AddStringToObject(answer, "Arn", "a&b");
    (void)cJSON_AddStringToObject(answer, "Account", "1");
    text = aws_query_print("GetCallerIdentity", answer);
    assert_string_equal(text,
                        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                        "<GetCallerIdentityResult><Arn>a&amp;b</Arn><Account>1</Account>"
                        "</GetCallerIdentityResult></GetCallerIdentityResponse>");
    refusal = aws_query_error(&error);
    assert_string_equal(refusal, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                                 "<Type>Sender</Type><Code>InvalidAction</Code><Message>no &lt;b&gt; &amp; c?"
                                 "</Message></Error></ErrorResponse>");
    error.type = AWS_INTERNAL;
    free(refusal);
    refusal = aws_query_error(&error);
    assert_non_null(strstr(refusal, "<Type>Receiver</Type>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_is_no_form),
        cmocka_unit_test(test_what_is_a_form),
        cmocka_unit_test(test_xml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
