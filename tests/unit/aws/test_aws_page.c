/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_page.h"
#include "base/cleanup.h"
#include "base/json.h"

static struct aws_seal seal_of(const char *secret, const char *service, const char *operation)
{
    struct aws_seal seal = {.service = service, .operation = operation};

    assert_int_equal(aws_seal_key(secret, seal.key), 0);
    return seal;
}

static int ask(const struct aws_seal *seal, const char *token, struct aws_page *ret_page)
{
    _cleanup_json_ cJSON *body = cJSON_CreateObject();
    struct aws_error error = {0};

    (void)cJSON_AddNumberToObject(body, "Max", 2);
    if (token)
        (void)cJSON_AddStringToObject(body, "Token", token);
    return aws_get_page(body, "Token", "Max", 100, 10, seal, ret_page, &error);
}

/* The keys of a page as a text, and the token of the next, "" without. */
static void turn(const struct aws_page *page, char text[static 64], char token[static 256])
{
    const char *keys[] = {"c", "a", "e/\xc3\xa9", "b", "d"};
    _cleanup_json_ cJSON *answer = cJSON_CreateObject();
    const cJSON *next;
    size_t begin, end;

    aws_page_cut(page, keys, ARRAY_SIZE(keys), &begin, &end, answer, "Next");
    text[0] = '\0';
    for (size_t i = begin; i < end; i++)
        strcat(text, keys[i]);
    next = cJSON_GetObjectItem(answer, "Next");
    (void)snprintf(token, 256, "%s", next ? next->valuestring : "");
}

static void test_pages(void **state)
{
    static const char *const wanted[][3] = {{"ab", "cd", "e/\xc3\xa9"},
                                            {"e/\xc3\xa9"
                                             "d",
                                             "cb", "a"}};
    struct aws_seal seal = seal_of("secret", "ecs", "ListServices");
    char text[64], token[256];
    struct aws_page page;

    (void)state;
    for (int is_descending = 0; is_descending < 2; is_descending++) {
        token[0] = '\0';
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ask(&seal, i ? token : NULL, &page), 0);
            page.is_descending = is_descending;
            turn(&page, text, token);
            assert_string_equal(text, wanted[is_descending][i]);
        }
        assert_string_equal(token, "");
    }
}

/* A token is for the key pair and the operation that it was given to, and one letter makes it no token. */
static void test_tokens_are_sealed(void **state)
{
    const struct aws_seal seal = seal_of("secret", "ecs", "ListServices");
    const struct aws_seal others[] = {
        seal_of("another", "ecs", "ListServices"),
        seal_of("secret", "servicediscovery", "ListServices"),
        seal_of("secret", "ecs", "ListClusters"),
    };
    char text[64], token[256];
    struct aws_page page;

    (void)state;
    assert_int_equal(ask(&seal, NULL, &page), 0);
    turn(&page, text, token);
    assert_int_equal(ask(&seal, token, &page), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(ask(&others[i], token, &page), -EINVAL);
    for (size_t i = 0; i < strlen(token); i++) {
        char was = token[i];

        token[i] = was == '0' ? '1' : '0';
        assert_int_equal(ask(&seal, token, &page), -EINVAL);
        token[i] = '\0';
        assert_int_equal(ask(&seal, token, &page), -EINVAL);
        token[i] = was;
    }
    assert_int_equal(ask(&seal, "k-", &page), -EINVAL);
    assert_int_equal(ask(&seal, "x", &page), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_tokens_are_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
