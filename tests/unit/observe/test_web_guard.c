/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may read the page: whom a request was sent to, from where, and with which token. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "observe/web/web_guard.h"

#define TOKEN  "0123456789abcdef"
#define HOST   "Host: 127.0.0.1:9466\r\n"
#define BROKEN (-1)

/* The status of a request with these lines; 0: it is let in. */
static int judge(const char *line, const char *fields, const char *token)
{
    char head[2048];
    struct http_request request;
    const char *sentence = NULL;
    int n = snprintf(head, sizeof(head) - 1, "%s HTTP/1.1\r\n%s\r\n", line, fields);
    int status;

    assert_in_range(n, 1, sizeof(head) - 2);
    if (http_request_parse(head, (size_t)n, &request) != 0)
        return BROKEN;
    status = web_guard_judge(&request, token, &sentence);
    assert_int_equal(status != 0, sentence != NULL);
    return status;
}

static void expect_host(const char *host, const char *token, int wanted)
{
    char fields[600];

    (void)snprintf(fields, sizeof(fields), "Host: %s\r\nAuthorization: Bearer %s\r\n", host, TOKEN);
    if (judge("GET /", fields, token) != wanted)
        fail_msg("Host: %s is not answered by %d", host, wanted);
}

static void test_hosts(void **state)
{
    static const char *const nobodys[] = {"127.0.0.1",    "127.0.0.1:9466", "localhost",
                                          "LocalHost:80", "[::1]",          "[::1]:9466",
                                          "192.0.2.7",    "10.0.0.1:65535", "[fd00::2]:1"};
    static const char *const names[] = {"example.net",
                                        "example.net:9466",
                                        "localhost.example.net",
                                        "localhost.",
                                        "xlocalhost",
                                        "127.0.0.1.example.net",
                                        "127.0.0.1:0",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:",
                                        "127.0.0.1:80:80",
                                        "127.1",
                                        "0x7f000001",
                                        "2130706433",
                                        "127.0.0.01",
                                        "::1",
                                        "[::1",
                                        "[::1]x",
                                        "[127.0.0.1]",
                                        "[localhost]",
                                        "user@127.0.0.1",
                                        "127.0.0.1/",
                                        ":80",
                                        "[]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++) {
        expect_host(nobodys[i], "", 0);
        expect_host(nobodys[i], TOKEN, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        expect_host(names[i], "", 403);
        expect_host(names[i], TOKEN, 0);
    }
}

static void test_host_is_named_once(void **state)
{
    char lines[700];
    char name[400];

    (void)state;
    assert_int_equal(judge("GET /", "", ""), 400);
    assert_int_equal(judge("GET /", HOST "Host: example.net\r\n", ""), 400);
    assert_int_equal(judge("GET /", HOST HOST, ""), 400);
    assert_int_equal(judge("GET /", "Host:\r\n", ""), 403);
    memset(name, '1', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    (void)snprintf(lines, sizeof(lines), "Host: %s\r\n", name);
    assert_int_equal(judge("GET /", lines, ""), 403);
    /* An absolute target does not name another one. */
    assert_int_equal(judge("GET http://127.0.0.1/", "Host: example.net\r\n", ""), 403);
}

/* A browser that loads something for another site's page says so. */
static void test_other_sites(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /live", HOST "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n", ""),
                     0);
    assert_int_equal(judge("GET /", HOST "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n", ""), 0);
    assert_int_equal(judge("GET /", HOST "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", ""),
                     0);
    assert_int_equal(judge("GET /live", HOST "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", ""),
                     403);
    assert_int_equal(judge("GET /live", HOST "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n", ""),
                     403);
    assert_int_equal(judge("GET /live", HOST "Sec-Fetch-Site: cross-site\r\n", ""), 403);
    assert_int_equal(judge("GET /live",
                           HOST "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n"
                                "Authorization: Bearer " TOKEN "\r\n",
                           TOKEN),
                     403);
}

static void test_methods(void **state)
{
    static const char *const others[] = {"POST /",  "PUT /", "DELETE /", "OPTIONS /",
                                         "PATCH /", "get /", "TRACE /"};

    (void)state;
    assert_int_equal(judge("GET /", HOST, ""), 0);
    assert_int_equal(judge("HEAD /", HOST, ""), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char fields[128];

        (void)snprintf(fields, sizeof(fields), "%sContent-Length: 0\r\n", HOST);
        assert_int_equal(judge(others[i], fields, ""), 405);
    }
    assert_int_equal(judge("GET /", HOST "Content-Length: 4\r\n", ""), 400);
}

static int with_credentials(const char *value)
{
    char fields[1200];

    (void)snprintf(fields, sizeof(fields), HOST "Authorization: %s\r\n", value);
    return judge("GET /", fields, TOKEN);
}

static void test_tokens(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /", HOST, TOKEN), 401);
    assert_int_equal(judge("POST /", HOST "Content-Length: 0\r\n", TOKEN), 401);
    assert_int_equal(with_credentials("Bearer " TOKEN), 0);
    assert_int_equal(with_credentials("bearer " TOKEN), 0);
    assert_int_equal(with_credentials("Bearer " TOKEN "0"), 401);
    assert_int_equal(with_credentials("Bearer 0123456789abcde"), 401);
    assert_int_equal(with_credentials("Bearer 0123456789abcdeF"), 401);
    assert_int_equal(with_credentials("Bearer"), 401);
    assert_int_equal(with_credentials("Bearer "), 401);
    assert_int_equal(with_credentials(TOKEN), 401);
    assert_int_equal(with_credentials("Digest " TOKEN), 401);
    /* "me:0123456789abcdef", ":0123456789abcdef", the same without a colon, with another end, and no base64 */
    assert_int_equal(with_credentials("Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg=="), 0);
    assert_int_equal(with_credentials("BASIC OjAxMjM0NTY3ODlhYmNkZWY="), 0);
    assert_int_equal(with_credentials("Basic MDEyMzQ1Njc4OWFiY2RlZg=="), 401);
    assert_int_equal(with_credentials("Basic bWU6MDEyMzQ1Njc4OWFiY2RlZw=="), 401);
    assert_int_equal(with_credentials("Basic !!!!"), 401);
    assert_int_equal(with_credentials("Basic "), 401);
    assert_int_equal(
        judge("GET /", HOST "Authorization: Bearer " TOKEN "\r\nAuthorization: Bearer " TOKEN "\r\n", TOKEN),
        401);
}

/* More than there is room for is cut, and is no token. */
static void test_long_credentials(void **state)
{
    char value[1100];

    (void)state;
    (void)strcpy(value, "Basic ");
    memset(value + 6, 'Q', sizeof(value) - 7);
    value[sizeof(value) - 1] = '\0';
    assert_int_equal(with_credentials(value), 401);
    memcpy(value, "Bearer ", 7);
    assert_int_equal(with_credentials(value), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),       cmocka_unit_test(test_host_is_named_once),
        cmocka_unit_test(test_other_sites), cmocka_unit_test(test_methods),
        cmocka_unit_test(test_tokens),      cmocka_unit_test(test_long_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
