/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_credentials.h"
#include "base/cleanup.h"

#define ONE "{\"name\":\"ci\",\"accessKeyId\":\"SVCKEY1\",\"secretAccessKey\":\"hush\"}"

static int parse(const char *text, struct aws_credentials *ret, struct error *error)
{
    return aws_credentials_parse("credentials.json", text, strlen(text), ret, error);
}

/* Refused, naming this field, with the output as it was. */
static void expect_refusal(const char *text, const char *field)
{
    struct aws_credentials credentials = {.n = 77};
    struct error error = {0};
    int r = parse(text, &credentials, &error);

    if (r != -EINVAL || strcmp(error.field, field) != 0)
        fail_msg("%s: %d, field \"%s\"", text, r, error.field);
    assert_int_equal(error.number, EINVAL);
    assert_null(strstr(error.message, "hush"));
    assert_null(credentials.items);
    assert_int_equal(credentials.n, 77);
}

static void test_reads_the_file(void **state)
{
    static const char text[] = "{\"credentials\":[" ONE ","
                               "{\"name\":\"x_Y-9.z\",\"accessKeyId\":\"K2\",\"secretAccessKey\":\"s\\\"2\","
                               "\"readOnly\":true,\"namespace\":\"prod\"}]}";
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(parse(text, &credentials, &error), 0);
    assert_int_equal(credentials.n, 2);
    assert_string_equal(credentials.items[0].name, "ci");
    assert_string_equal(credentials.items[0].access_key_id, "SVCKEY1");
    assert_string_equal(credentials.items[0].secret, "hush");
    assert_false(credentials.items[0].is_read_only);
    assert_string_equal(credentials.items[0].namespace_name, "");
    assert_string_equal(credentials.items[1].name, "x_Y-9.z");
    assert_string_equal(credentials.items[1].secret, "s\"2");
    assert_true(credentials.items[1].is_read_only);
    assert_string_equal(credentials.items[1].namespace_name, "prod");
}

static void test_empty_file(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(parse("{\"credentials\":[]}", &credentials, &error), 0);
    assert_int_equal(credentials.n, 0);
    assert_null(aws_credentials_by_name(&credentials, "ci"));
    assert_null(aws_credentials_by_key(&credentials, ""));
}

static void test_bad_files(void **state)
{
    (void)state;
    expect_refusal("", "");
    expect_refusal("{\"credentials\":[", "");
    expect_refusal("{\"credentials\":[]}x", "");
    expect_refusal("[]", "credentials");
    expect_refusal("{}", "credentials");
    expect_refusal("{\"credentials\":{}}", "credentials");
    expect_refusal("{\"credentials\":null}", "credentials");
    expect_refusal("{\"credentials\":[1]}", "name");
    expect_refusal("{\"credentials\":[[]]}", "name");
    expect_refusal("{\"credentials\":[{\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\"}]}", "name");
    expect_refusal("{\"credentials\":[{\"name\":7,\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\"}]}",
                   "name");
    expect_refusal("{\"credentials\":[{\"name\":\"\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\"}]}",
                   "name");
    expect_refusal(
        "{\"credentials\":[{\"name\":\"a b\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\"}]}", "name");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"secretAccessKey\":\"hush\"}]}", "accessKeyId");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"\",\"secretAccessKey\":\"hush\"}]}",
                   "accessKeyId");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"K\"}]}", "secretAccessKey");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"\"}]}",
                   "secretAccessKey");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\","
                   "\"readOnly\":\"yes\"}]}",
                   "readOnly");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\","
                   "\"namespace\":\"a b\"}]}",
                   "namespace");
    expect_refusal("{\"credentials\":[{\"name\":\"a\",\"accessKeyId\":\"K\",\"secretAccessKey\":\"hush\","
                   "\"namespace\":5}]}",
                   "namespace");
}

/* What follows a good one may be bad; nothing of the good one is left then. */
static void test_each_name_and_key_once(void **state)
{
    (void)state;
    expect_refusal("{\"credentials\":[" ONE "," ONE "]}", "name");
    expect_refusal("{\"credentials\":[" ONE
                   ",{\"name\":\"ci\",\"accessKeyId\":\"K2\",\"secretAccessKey\":\"hush\"}]}",
                   "name");
    expect_refusal("{\"credentials\":[" ONE
                   ",{\"name\":\"c2\",\"accessKeyId\":\"SVCKEY1\",\"secretAccessKey\":\"hush\"}]}",
                   "name");
}

/* A file of one key pair with texts of these lengths. */
static int parse_lengths(size_t name, size_t key, size_t secret, size_t namespace_name, struct error *error)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    char letters[2001];
    char text[5000];

    memset(letters, 'a', sizeof(letters));
    letters[sizeof(letters) - 1] = '\0';
    (void)snprintf(
        text, sizeof(text),
        "{\"credentials\":[{\"name\":\"%.*s\",\"accessKeyId\":\"%.*s\",\"secretAccessKey\":\"%.*s\","
        "\"namespace\":\"%.*s\"}]}",
        (int)name, letters, (int)key, letters, (int)secret, letters, (int)namespace_name, letters);
    return parse(text, &credentials, error);
}

static void test_lengths(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(parse_lengths(64, 128, 128, MODEL_NAMESPACE_MAX, &error), 0);
    assert_int_equal(parse_lengths(65, 128, 128, 0, &error), -EINVAL);
    assert_string_equal(error.field, "name");
    assert_int_equal(parse_lengths(64, 129, 128, 0, &error), -EINVAL);
    assert_string_equal(error.field, "accessKeyId");
    assert_int_equal(parse_lengths(64, 128, 129, 0, &error), -EINVAL);
    assert_string_equal(error.field, "secretAccessKey");
    assert_int_equal(parse_lengths(64, 128, 128, MODEL_NAMESPACE_MAX + 1, &error), -EINVAL);
    assert_string_equal(error.field, "namespace");
}

static void test_print_and_parse_agree(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    _cleanup_(aws_credentials_done) struct aws_credentials again = {0};
    _cleanup_free_ char *text = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(aws_credentials_add(&credentials, "default", false, NULL, &error), 0);
    assert_int_equal(aws_credentials_add(&credentials, "reader", true, "prod", &error), 0);
    strcpy(credentials.items[0].secret, "a\"b\\c/+=");
    text = aws_credentials_print(&credentials);
    assert_non_null(text);
    assert_int_equal(parse(text, &again, &error), 0);
    assert_int_equal(again.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(again.items[i].name, credentials.items[i].name);
        assert_string_equal(again.items[i].access_key_id, credentials.items[i].access_key_id);
        assert_string_equal(again.items[i].secret, credentials.items[i].secret);
        assert_int_equal(again.items[i].is_read_only, credentials.items[i].is_read_only);
        assert_string_equal(again.items[i].namespace_name, credentials.items[i].namespace_name);
    }
}

static void test_new_key_pairs(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    struct error error = {0};

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        const struct aws_credential *made;
        char name[16];

        (void)snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(aws_credentials_add(&credentials, name, false, NULL, &error), 0);
        made = aws_credentials_by_name(&credentials, name);
        assert_non_null(made);
        assert_int_equal(strncmp(made->access_key_id, "SVC", 3), 0);
        assert_int_equal(strspn(made->access_key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 20);
        assert_int_equal(strlen(made->access_key_id), 20);
        assert_int_equal(
            strspn(made->secret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 40);
        assert_int_equal(strlen(made->secret), 40);
        /* Found by its key, and by no other. */
        assert_ptr_equal(aws_credentials_by_key(&credentials, made->access_key_id), made);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(credentials.items[j].secret, made->secret);
    }
    assert_null(aws_credentials_by_key(&credentials, "SVC"));
    assert_null(aws_credentials_by_name(&credentials, "N1"));
}

static void expect_no_add(struct aws_credentials *credentials, const char *name, const char *namespace_name,
                          int r, const char *field)
{
    size_t n = credentials->n;
    struct error error = {0};

    assert_int_equal(aws_credentials_add(credentials, name, false, namespace_name, &error), r);
    assert_int_equal(error.number, -r);
    assert_string_equal(error.field, field);
    assert_int_equal(aws_credentials_add(credentials, name, false, namespace_name, NULL), r);
    assert_int_equal(credentials->n, n);
}

static void test_bad_additions(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    struct error error = {0};
    char name[66] = "";

    (void)state;
    memset(name, 'n', 65);
    expect_no_add(&credentials, name, NULL, -EINVAL, "name");
    name[64] = '\0';
    assert_int_equal(aws_credentials_add(&credentials, name, false, NULL, &error), 0);
    expect_no_add(&credentials, name, NULL, -EEXIST, "name");
    expect_no_add(&credentials, "", NULL, -EINVAL, "name");
    expect_no_add(&credentials, "a/b", NULL, -EINVAL, "name");
    expect_no_add(&credentials, "b", "", -EINVAL, "namespace");
    expect_no_add(&credentials, "b", "a b", -EINVAL, "namespace");
}

static void test_how_many(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    _cleanup_(aws_credentials_done) struct aws_credentials again = {0};
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *longer = NULL;
    struct error error = {0};
    char name[16];

    (void)state;
    for (unsigned i = 0; i < AWS_CREDENTIALS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(aws_credentials_add(&credentials, name, false, NULL, &error), 0);
    }
    expect_no_add(&credentials, "more", NULL, -ENOSPC, "");
    text = aws_credentials_print(&credentials);
    assert_non_null(text);
    assert_int_equal(parse(text, &again, &error), 0);
    assert_int_equal(again.n, AWS_CREDENTIALS_MAX);
    *strrchr(text, ']') = '\0';
    assert_true(asprintf(&longer, "%s,%s]}", text, ONE) > 0);
    expect_refusal(longer, "credentials");
}

static void test_remove(void **state)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    struct error error = {0};
    char key[AWS_KEY_ID_SIZE];

    (void)state;
    for (const char *name = "abc"; *name; name++)
        assert_int_equal(aws_credentials_add(&credentials, (char[]){*name, '\0'}, false, NULL, &error), 0);
    strcpy(key, credentials.items[1].access_key_id);
    assert_int_equal(aws_credentials_remove(&credentials, "b", &error), 0);
    assert_int_equal(credentials.n, 2);
    assert_string_equal(credentials.items[0].name, "a");
    assert_string_equal(credentials.items[1].name, "c");
    assert_null(aws_credentials_by_key(&credentials, key));
    /* The place that became free holds no secret any more. */
    assert_int_equal(credentials.items[2].secret[0], '\0');
    assert_int_equal(aws_credentials_remove(&credentials, "b", &error), -ENOENT);
    assert_int_equal(error.number, ENOENT);
    assert_string_equal(error.field, "name");
    assert_int_equal(aws_credentials_remove(&credentials, "b", NULL), -ENOENT);
    assert_int_equal(aws_credentials_remove(&credentials, "c", &error), 0);
    assert_int_equal(aws_credentials_remove(&credentials, "a", &error), 0);
    assert_int_equal(credentials.n, 0);
    assert_int_equal(aws_credentials_add(&credentials, "b", false, NULL, &error), 0);
    assert_string_not_equal(credentials.items[0].access_key_id, key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_file), cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_bad_files),      cmocka_unit_test(test_each_name_and_key_once),
        cmocka_unit_test(test_lengths),        cmocka_unit_test(test_print_and_parse_agree),
        cmocka_unit_test(test_new_key_pairs),  cmocka_unit_test(test_bad_additions),
        cmocka_unit_test(test_how_many),       cmocka_unit_test(test_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
