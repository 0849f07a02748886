/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers that come in slices, on real connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "turned_server.h"

static void test_long_answer_to_a_slow_reader(void **state)
{
    const size_t length = 50000000;
    struct client slow;
    size_t most = 0;
    size_t got = 0;
    char *body;

    (void)state;
    start((struct http_limits){0});
    digits[0].length = length;
    slow = ask(GET("/stream"));
    for (unsigned i = 0; i < 20; i++) {
        struct client other = ask(GET("/now"));

        TURN_UNTIL(client_count(&other, "\r\n\r\nnow") == 1);
        client_close(&other);
        (void)client_take(&slow, 1000);
    }
    assert_true(digits[0].written < length);
    while (digits[0].done == 0) {
        turn();
        most = most_kept() > most ? most_kept() : most;
        (void)client_take(&slow, 100000);
    }
    TURN_UNTIL(has_whole_answer(&slow));
    assert_true(client_join_chunks(&slow, &body, &got));
    assert_int_equal(got, length);
    assert_true(are_digits(body, got));
    assert_true(most > 0 && most <= HTTP_SLICE + 64);
    assert_int_equal(digits[0].most_room, HTTP_SLICE);
    assert_int_equal(digits[0].done, 1);
    client_send(&slow, GET("/now"));
    TURN_UNTIL(client_count(&slow, "\r\n\r\nnow") == 1 || slow.has_ended);
    assert_false(slow.has_ended);
    client_close(&slow);
}

/* Nobody reads: one slice each is all that they hold, and nothing more is written. */
static void test_readers_that_do_not_read(void **state)
{
    struct client clients[3];
    unsigned writes;

    (void)state;
    start((struct http_limits){0});
    for (unsigned i = 0; i < 3; i++) {
        digits[i].length = 50000000;
        clients[i] = ask(GET("/stream"));
    }
    TURN_UNTIL(n_digits == 3);
    for (unsigned i = 0; i < 2000; i++)
        turn();
    writes = digits[0].writes + digits[1].writes + digits[2].writes;
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(digits[0].writes + digits[1].writes + digits[2].writes, writes);
    assert_true(most_kept() > 0 && most_kept() <= HTTP_SLICE + 64);
    http_server_free(&server);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(digits[i].done, 1);
        client_close(&clients[i]);
    }
}

/* A turn of the loop is one slice of one stream, and the next is another's. */
static void test_streams_take_turns(void **state)
{
    struct client clients[2];
    unsigned counter = 0;

    (void)state;
    start((struct http_limits){0});
    for (unsigned i = 0; i < 2; i++) {
        digits[i] = (struct digits){.length = 10, .empty = 50, .counter = &counter};
        clients[i] = ask(GET("/stream"));
    }
    TURN_UNTIL(n_digits == 2);
    assert_true(digits[0].empty > 0 && digits[1].empty > 0);
    for (unsigned before = counter; digits[0].empty > 0 || digits[1].empty > 0; before = counter) {
        turn();
        assert_true(counter - before <= 1);
    }
    TURN_UNTIL(has_whole_answer(&clients[0]) && has_whole_answer(&clients[1]));
    assert_int_equal(digits[0].writes, 51);
    assert_int_equal(digits[1].writes, 51);
    assert_in_range(digits[0].last + 1, digits[1].last - 5, digits[1].last + 5);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(client_count(&clients[i], "\r\na\r\n0123456789\r\n0\r\n\r\n"), 1);
        client_close(&clients[i]);
    }
}

/* A writer that wants to be asked later: the loop has nothing to do meanwhile, and the reader gets all. */
static void test_naps(void **state)
{
    struct client client;
    size_t length = 0;
    unsigned turns = 0;
    char *body;

    (void)state;
    start((struct http_limits){0});
    digits[0] = (struct digits){.length = 200000, .empty = 3, .nap_ms = 20};
    client = ask(GET("/stream"));
    for (; !has_whole_answer(&client); turns++)
        (void)event_base_loop(base, EVLOOP_ONCE);
    assert_true(client_join_chunks(&client, &body, &length));
    assert_int_equal(length, 200000);
    assert_true(are_digits(body, length));
    assert_true(turns < 200); /* six naps, each of which a loop without rest would fill with thousands */
    client_close(&client);
}

/* Whoever leaves during a nap is forgotten, and so is whoever does when the server ends. */
static void test_readers_that_leave_during_a_nap(void **state)
{
    struct client clients[2];

    (void)state;
    start((struct http_limits){0});
    for (unsigned i = 0; i < 2; i++) {
        digits[i] = (struct digits){.length = 1000000, .nap_ms = 60000};
        clients[i] = ask(GET("/stream"));
        TURN_UNTIL(client_count(&clients[i], "0123456789") > 6000);
    }
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(digits[0].writes, 1);
    client_close(&clients[0]);
    TURN_UNTIL(digits[0].done == 1);
    assert_int_equal(digits[1].done, 0);
    http_server_free(&server);
    assert_int_equal(digits[1].done, 1);
    client_close(&clients[1]);
}

/* The head alone, whoever makes the answer, and the connection goes on. */
static void test_answers_without_a_body(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    client = ask("HEAD /now HTTP/1.1\r\nHost: h\r\n\r\n"
                 "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" GET("/known") GET("/now"));
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    assert_int_equal(client_count(&client, "HTTP/1.1 200 OK"), 3);
    assert_int_equal(client_count(&client, "Content-Length: 3\r\n"), 2);
    assert_int_equal(client_count(&client, "Transfer-Encoding: chunked\r\n"), 1);
    assert_int_equal(client_count(&client, "HTTP/1.1 304 Not Modified"), 1);
    assert_int_equal(client_count(&client, "Content-Length"), 2);
    assert_int_equal(client_count(&client, "of no use"), 0);
    assert_int_equal(client_count(&client, "0123"), 0);
    assert_int_equal(digits[0].done, 1);
    assert_int_equal(digits[0].writes, 0);
    client_close(&client);
}

static void test_answer_that_fails_is_cut_off(void **state)
{
    struct client client;
    size_t length = 0;
    char *body;

    (void)state;
    start((struct http_limits){0});
    digits[0] = (struct digits){.length = 1000000, .fails_at = 500000};
    client = ask(GET("/stream") GET("/now"));
    TURN_UNTIL(has_ended(&client));
    assert_false(client_join_chunks(&client, &body, &length));
    assert_in_range(length, 1, 500000);
    assert_int_equal(digits[0].done, 1);
    assert_int_equal(n_calls, 1);
    client_close(&client);
}

static void test_reader_that_leaves(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    digits[0].length = 50000000;
    client = ask(GET("/stream"));
    TURN_UNTIL(client_take(&client, 1000));
    client_close(&client);
    TURN_UNTIL(digits[0].done > 0);
    for (unsigned i = 0; i < 20; i++)
        turn();
    assert_int_equal(digits[0].done, 1);
    assert_true(digits[0].written < digits[0].length);
    assert_int_equal(server->n, 0);
}

static void test_reader_that_takes_nothing(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){.reply_ms = 20});
    digits[0].length = 50000000;
    client = ask(GET("/stream"));
    TURN_UNTIL(digits[0].done > 0);
    assert_int_equal(digits[0].done, 1);
    assert_int_equal(server->n, 0);
    client_close(&client);
}

static void test_limit_of_streams(void **state)
{
    struct client first;
    struct client second;
    struct client third;

    (void)state;
    start((struct http_limits){.streams = 1});
    digits[0].length = 50000000;
    first = ask(GET("/stream"));
    TURN_UNTIL(n_digits == 1);
    second = ask(GET("/stream"));
    TURN_UNTIL(client_count(&second, "refused 503: too many requests") == 1);
    assert_int_equal(digits[1].done, 1);
    assert_int_equal(digits[1].writes, 0);
    client_close(&first);
    TURN_UNTIL(digits[0].done == 1);
    digits[2].length = 10;
    third = ask(GET("/stream"));
    TURN_UNTIL(has_whole_answer(&third));
    client_close(&second);
    client_close(&third);
}

/* It knows no chunks: the end of the connection is the end of the body, and a reset says that it is not. */
static void test_http_1_0(void **state)
{
    static const char request[] = "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    struct client client;
    const char *body;

    (void)state;
    start((struct http_limits){0});
    digits[0].length = 200000;
    client = ask(request);
    TURN_UNTIL(has_ended(&client));
    assert_int_equal(client.error, 0);
    assert_null(strstr(client.text, "chunked"));
    assert_non_null(strstr(client.text, "Connection: close\r\n"));
    body = strstr(client.text, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), 200000);
    assert_true(are_digits(body, 200000));
    client_close(&client);

    digits[1] = (struct digits){.length = 0, .empty = 3};
    client = ask(request);
    TURN_UNTIL(has_ended(&client));
    assert_int_equal(client.error, 0);
    assert_string_equal(strstr(client.text, "\r\n\r\n"), "\r\n\r\n");
    client_close(&client);

    digits[2] = (struct digits){.length = 200000, .fails_at = 100000};
    client = ask(request);
    TURN_UNTIL(has_ended(&client));
    assert_int_equal(client.error, ECONNRESET);
    assert_int_equal(digits[2].done, 1);
    client_close(&client);
}

static void test_reply_in_slices(void **state)
{
    struct http_writer writers[3];
    struct client clients[3];

    (void)state;
    start((struct http_limits){.streams = 1});
    for (unsigned i = 0; i < 3; i++) {
        digits[i].length = 10;
        writers[i] = writer_of(&digits[i]);
        clients[i] = ask(GET("/later"));
        TURN_UNTIL(n_replies == i + 1);
    }
    http_reply_stream(replies[0], 200, &writers[0]);
    http_reply_stream(replies[1], 200, &writers[1]); /* beyond the limit */
    assert_int_equal(digits[1].done, 1);
    client_close(&clients[2]);
    TURN_UNTIL(http_reply_is_gone(replies[2]));
    http_reply_stream(replies[2], 200, &writers[2]);
    assert_int_equal(digits[2].done, 1);
    TURN_UNTIL(has_whole_answer(&clients[0]) && client_count(&clients[1], "refused 503") == 1);
    assert_int_equal(digits[0].done, 1);
    assert_int_equal(digits[1].writes + digits[2].writes, 0);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_answer_to_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_that_do_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streams_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_naps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_that_leave_during_a_nap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_without_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_that_fails_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_takes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_in_slices, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
