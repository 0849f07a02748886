/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/request.h"
#include "base/cleanup.h"

/* A request and the text that it points into. */
struct parsed {
    char *head;
    struct http_request http;
};

static void parsed_done(struct parsed *parsed)
{
    free(parsed->head);
}

/* Exactly the room that the contract asks for, so that ASan sees a byte more. */
static int parse_bytes(const char *bytes, size_t length, struct parsed *ret)
{
    ret->head = malloc(length + 1);
    assert_non_null(ret->head);
    memcpy(ret->head, bytes, length);
    ret->head[length] = 'X';
    return http_request_parse(ret->head, length, &ret->http);
}

static int status_of(const char *text)
{
    _cleanup_(parsed_done) struct parsed parsed = {0};

    return parse_bytes(text, strlen(text), &parsed);
}

#define expect_status(text, status) assert_int_equal(status_of(text), status)

static void test_whole_request(void **state)
{
    static const char text[] = "POST /a/b?x=1&y=?2 HTTP/1.1\r\n"
                               "Host: 127.0.0.1\r\n"
                               "X-Amz-Target:Route53AutoNaming_v20170314.ListServices\r\n"
                               "Empty:\r\n"
                               "Spaced: \t a  b:c\t \r\n"
                               "content-LENGTH: 17\r\n"
                               "\r\n";
    _cleanup_(parsed_done) struct parsed parsed = {0};
    const struct http_request *http = &parsed.http;

    (void)state;
    assert_int_equal(parse_bytes(text, strlen(text), &parsed), 0);
    assert_string_equal(http->method, "POST");
    assert_string_equal(http->path, "/a/b");
    assert_string_equal(http->query, "x=1&y=?2");
    assert_int_equal(http->n_headers, 5);
    assert_int_equal(http->content_length, 17);
    assert_true(http->keeps_alive);
    assert_false(http->expects_continue);
    assert_string_equal(http->headers[1].name, "X-Amz-Target");
    assert_string_equal(http_request_header(http, "x-amz-target"),
                        "Route53AutoNaming_v20170314.ListServices");
    assert_string_equal(http_request_header(http, "EMPTY"), "");
    assert_string_equal(http_request_header(http, "spaced"), "a  b:c");
    assert_null(http_request_header(http, "Hos"));
    assert_null(http_request_header(http, ""));
}

static void test_targets(void **state)
{
    static const struct {
        const char *target;
        const char *path; /* NULL: refused */
        const char *query;
    } cases[] = {
        {"/", "/", ""},
        {"/?", "/", ""},
        {"/a//b", "/a//b", ""},
        {"/?a?b", "/", "a?b"},
        {"http://host:8080/p?q", "/p", "q"},
        {"HTTP://host", "/", ""},
        {"http://host?q=1", "/", "q=1"},
        {"http://[::1]:80/", "/", ""},
        {"//host/p", "//host/p", ""},
        {"http://", NULL, NULL},
        {"http:///p", NULL, NULL},
        {"http://?q", NULL, NULL},
        {"https://host/", NULL, NULL},
        {"host:443", NULL, NULL},
        {"*", NULL, NULL},
        {"", NULL, NULL},
        {"p", NULL, NULL},
        {"?q", NULL, NULL},
        {"/p#f", NULL, NULL},
        {"/p?q#f", NULL, NULL},
        {"http://host#f", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(parsed_done) struct parsed parsed = {0};
        char text[128];
        int status;

        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n\r\n", cases[i].target);
        status = parse_bytes(text, strlen(text), &parsed);
        if (status != (cases[i].path ? 0 : 400))
            fail_msg("\"%s\": %d", cases[i].target, status);
        if (status != 0)
            continue;
        assert_string_equal(parsed.http.path, cases[i].path);
        assert_string_equal(parsed.http.query, cases[i].query);
    }
}

static void test_request_lines(void **state)
{
    (void)state;
    expect_status("GET / HTTP/1.1\r\n\r\n", 0);
    expect_status("GET / HTTP/1.0\r\n\r\n", 0);
    expect_status("M-SEARCH / HTTP/1.1\r\n\r\n", 0);
    expect_status("GET / HTTP/2.0\r\n\r\n", 505);
    expect_status("GET / HTTP/1.2\r\n\r\n", 505);
    expect_status("GET / HTTP/1.1 \r\n\r\n", 505);
    expect_status("GET / http/1.1\r\n\r\n", 400);
    expect_status("GET /\r\n\r\n", 400);
    expect_status("GET\r\n\r\n", 400);
    expect_status("\r\n\r\n", 400);
    expect_status("\r\nGET / HTTP/1.1\r\n\r\n", 400);
    expect_status(" / HTTP/1.1\r\n\r\n", 400);
    expect_status("GET  / HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /  HTTP/1.1\r\n\r\n", 400);
    expect_status("GET / a HTTP/1.1\r\n\r\n", 400);
    expect_status("G(T / HTTP/1.1\r\n\r\n", 400);
    expect_status("GET\t/ HTTP/1.1\r\n\r\n", 400);
}

static void test_lines_end_with_crlf(void **state)
{
    (void)state;
    expect_status("GET / HTTP/1.1\n\n", 400);
    expect_status("GET / HTTP/1.1\nA: b\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\n\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\001c\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\177c\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\tc\r\n\r\n", 0);
    expect_status("GET / HTTP/1.1\r\nA: b\303\244\r\n\r\n", 0);
    /* Bytes behind the empty line are no part of a head. */
    expect_status("GET / HTTP/1.1\r\nA: b\r\n\r\nX", 400);
}

static void test_nul_is_refused_anywhere(void **state)
{
    static const char text[] = "GET /path HTTP/1.1\r\nA: b\r\n\r\n";
    size_t length = strlen(text);

    (void)state;
    for (size_t i = 0; i < length; i++) {
        _cleanup_(parsed_done) struct parsed parsed = {0};
        char copy[sizeof(text)];

        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        assert_int_equal(parse_bytes(copy, length, &parsed), 400);
    }
}

static void test_header_lines(void **state)
{
    (void)state;
    expect_status("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\n: value\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA : b\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\n A: b\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400);
    /* Folding: the second line would be a field to one reader and a value to another. */
    expect_status("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\r\n\tContent-Length: 5\r\n\r\n", 400);
}

static void test_duplicate_headers(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nA: first\r\na: second\r\n\r\n";
    _cleanup_(parsed_done) struct parsed parsed = {0};

    (void)state;
    assert_int_equal(parse_bytes(text, strlen(text), &parsed), 0);
    assert_int_equal(parsed.http.n_headers, 2);
    assert_string_equal(http_request_header(&parsed.http, "A"), "first");
    assert_string_equal(parsed.http.headers[1].value, "second");
}

static void test_header_limit(void **state)
{
    (void)state;
    for (size_t n = HTTP_MAX_HEADERS; n <= HTTP_MAX_HEADERS + 1; n++) {
        _cleanup_(parsed_done) struct parsed parsed = {0};
        char text[32 + 8 * (HTTP_MAX_HEADERS + 1)] = "GET / HTTP/1.1\r\n";

        for (size_t i = 0; i < n; i++)
            strcat(text, "A: b\r\n");
        strcat(text, "\r\n");
        assert_int_equal(parse_bytes(text, strlen(text), &parsed), n > HTTP_MAX_HEADERS ? 431 : 0);
        assert_int_equal(parsed.http.n_headers, HTTP_MAX_HEADERS);
    }
}

static void test_content_length(void **state)
{
    static const char *const bad[] = {
        "",    "-1",  "+1",  "01",    "1 2", "1,1",           "0x10",
        "1.0", "one", "1e3", "\"5\"", "5;",  "1099511627777", "99999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n", bad[i]);
        if (status_of(text) != 400)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    expect_status("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0);
    expect_status("POST / HTTP/1.1\r\nContent-Length: 1099511627776\r\n\r\n", 0);
    expect_status("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400);
    expect_status("POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\n", 400);
    expect_status("POST / HTTP/1.1\r\n\r\n", 411);
    expect_status("POST / HTTP/1.1\r\nContent-Lengt: 5\r\n\r\n", 411);
}

static void test_transfer_coding(void **state)
{
    (void)state;
    expect_status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501);
    expect_status("POST / HTTP/1.1\r\nContent-Length: 5\r\ntransfer-encoding: identity\r\n\r\n", 501);
    expect_status("POST / HTTP/1.1\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\n", 501);
}

static void test_connection(void **state)
{
    static const struct {
        const char *text;
        bool keeps_alive;
        bool expects_continue;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", true, false},
        {"GET / HTTP/1.0\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false, false},
        {"GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", true, false},
        {"GET / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n", true, true},
        {"GET / HTTP/1.1\r\nExpect: something\r\n\r\n", true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(parsed_done) struct parsed parsed = {0};

        assert_int_equal(parse_bytes(cases[i].text, strlen(cases[i].text), &parsed), 0);
        assert_int_equal(parsed.http.keeps_alive, cases[i].keeps_alive);
        assert_int_equal(parsed.http.expects_continue, cases[i].expects_continue);
    }
}

/* As it comes in, byte by byte: no head before its last byte, and the same length whatever follows. */
static void test_partial_input(void **state)
{
    static const char text[] = "POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n";
    size_t length = strlen(text) - 4;

    (void)state;
    for (size_t i = 0; i <= strlen(text); i++) {
        _cleanup_(parsed_done) struct parsed parsed = {.head = NULL};
        _cleanup_free_ char *bytes = malloc(i ? i : 1);

        assert_non_null(bytes);
        memcpy(bytes, text, i);
        assert_int_equal(http_request_head_length(bytes, i), i < length ? 0 : length);
        if (i < length)
            assert_int_equal(parse_bytes(text, i, &parsed), 400);
    }
    assert_int_equal(http_request_head_length("GET / HTTP/1.1\n\n", 16), 0);
    assert_int_equal(http_request_head_length("\r\n\r\n", 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_request),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_lines_end_with_crlf),
        cmocka_unit_test(test_nul_is_refused_anywhere),
        cmocka_unit_test(test_header_lines),
        cmocka_unit_test(test_duplicate_headers),
        cmocka_unit_test(test_header_limit),
        cmocka_unit_test(test_content_length),
        cmocka_unit_test(test_transfer_coding),
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_partial_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
