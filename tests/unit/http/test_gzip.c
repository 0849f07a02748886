/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers that are packed on their way: who wants that, and whether what comes out is what went in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "turned_server.h"

/* ---- who wants it ---- */

static bool is_wanted(const char *value)
{
    const struct http_request request = {.headers = {{"accept-encoding", value}}, .n_headers = 1};

    return gzip_is_wanted(&request);
}

static void test_who_wants_it(void **state)
{
    const struct http_request none = {0};

    (void)state;
    assert_false(gzip_is_wanted(&none));
    assert_true(is_wanted("gzip"));
    assert_true(is_wanted("GZip"));
    assert_true(is_wanted("deflate, gzip;q=1.0, *;q=0.5"));
    assert_true(is_wanted("br,gzip ; q=0.001"));
    assert_true(is_wanted(", ,gzip"));
    assert_false(is_wanted(""));
    assert_false(is_wanted("identity"));
    assert_false(is_wanted("gzip;q=0"));
    assert_false(is_wanted("gzip; q=0.000"));
    assert_false(is_wanted("gzipped"));
    assert_false(is_wanted("x-gzip, deflate"));
    assert_false(is_wanted(",,,;;=,"));
}

/* ---- packing ---- */

/* All of it, unpacked by zlib, which also checks the sum at the end. */
static size_t unpack(const char *packed, size_t length, char *ret_text, size_t size)
{
    z_stream stream = {.next_in = (unsigned char *)packed,
                       .avail_in = (uInt)length,
                       .next_out = (unsigned char *)ret_text,
                       .avail_out = (uInt)size};

    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(inflateEnd(&stream), Z_OK);
    return stream.total_out;
}

static void expect_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        assert_int_equal(text[i], "0123456789"[i % 10]);
}

static void test_slices_come_out_as_one(void **state)
{
    const size_t length = 300000;
    struct digits one = {.length = length, .empty = 2};
    const struct http_writer plain = writer_of(&one);
    struct http_writer writer;
    struct evbuffer *out = evbuffer_new();
    _cleanup_free_ char *text = malloc(length + 10);
    unsigned n = 0;

    (void)state;
    assert_int_equal(gzip_writer_new(&plain, &writer), 0);
    while (writer.write(writer.user, out, 2000) == 1)
        n++;
    assert_true(n >= length / 1000); /* each took half of the room */
    assert_int_equal(one.most_room, 1000);
    assert_int_equal(one.done, 0);
    writer.done(writer.user);
    assert_int_equal(one.done, 1);
    assert_true(evbuffer_get_length(out) < length / 20);
    assert_int_equal(
        unpack((const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out), text, length + 10), length);
    expect_digits(text, length);
    evbuffer_free(out);
}

static void test_nothing_at_all(void **state)
{
    struct digits one = {.length = 0};
    const struct http_writer plain = writer_of(&one);
    struct http_writer writer;
    struct evbuffer *out = evbuffer_new();
    char text[8];

    (void)state;
    assert_int_equal(gzip_writer_new(&plain, &writer), 0);
    assert_int_equal(writer.write(writer.user, out, 100), 0);
    assert_int_equal(unpack((const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out), text, 8), 0);
    writer.done(writer.user);
    evbuffer_free(out);
}

static void test_a_failure_is_handed_on(void **state)
{
    struct digits one = {.length = 100, .fails_at = 10};
    const struct http_writer plain = writer_of(&one);
    struct http_writer writer;
    struct evbuffer *out = evbuffer_new();

    (void)state;
    assert_int_equal(gzip_writer_new(&plain, &writer), 0);
    assert_true(writer.write(writer.user, out, 1000) < 0);
    writer.done(writer.user);
    assert_int_equal(one.done, 1);
    evbuffer_free(out);
}

/* ---- on a connection ---- */

static void test_over_http(void **state)
{
    const size_t length = 500000;
    _cleanup_free_ char *text = malloc(length + 10);
    struct client client;
    char *body = NULL;
    size_t packed = 0;

    (void)state;
    start((struct http_limits){0});
    digits[0].length = length;
    client = ask(GET("/packed"));
    TURN_UNTIL(has_whole_answer(&client));
    assert_int_equal(client_count(&client, "\r\nContent-Encoding: gzip\r\n"), 1);
    assert_true(client_join_chunks(&client, &body, &packed));
    assert_int_equal(unpack(body, packed, text, length + 10), length);
    expect_digits(text, length);
    client_close(&client);
}

/* What is packed has NULs. */
static unsigned n_of(struct client *client, const char *part)
{
    const char *at;
    unsigned n = 0;

    (void)client_take(client, SIZE_MAX);
    for (at = client->text;
         at && (at = memmem(at, client->length - (size_t)(at - client->text), part, strlen(part))); at++)
        n++;
    return n;
}

/* The lines are those of one answer, and not of the next on the same connection. */
static void test_lines_of_one_answer(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    digits[0].length = 10;
    client = ask(GET("/packed") GET("/now"));
    TURN_UNTIL(n_of(&client, "\r\n\r\nnow") == 1);
    assert_int_equal(n_of(&client, "HTTP/1.1 200"), 2);
    assert_int_equal(n_of(&client, "Content-Encoding"), 1);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_wants_it),
        cmocka_unit_test(test_slices_come_out_as_one),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_a_failure_is_handed_on),
        cmocka_unit_test_setup_teardown(test_over_http, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_one_answer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
