/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers of the control API that come in slices. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "turned_server.h"

static size_t kept(unsigned i)
{
    return evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(connections[i])));
}

/* For longer than the time limit too, as long as it takes something within it. */
static void test_long_answer_to_a_slow_reader(void **state)
{
    const size_t length = 50000000;
    struct client slow;
    size_t most = 0;
    size_t got = 0;
    uint64_t start_ms = clock_monotonic_ms();
    char *body;

    (void)state;
    limit((struct control_limits){.timeout_ms = 1000});
    digits[0].length = length;
    slow = ask(GET("/stream"));
    for (unsigned i = 0; i < 20 || clock_monotonic_ms() - start_ms < 1500; i++) {
        struct client other = ask(GET("/now"));

        TURN_UNTIL(client_count(&other, "\"now\"") == 1);
        client_close(&other);
        if (slow.length < (clock_monotonic_ms() - start_ms) * 20000)
            (void)client_take(&slow, 100000);
    }
    assert_true(digits[0].written < length);
    while (digits[0].done == 0) {
        turn();
        if (digits[0].done == 0 && kept(0) > most)
            most = kept(0);
        (void)client_take(&slow, 100000);
    }
    TURN_UNTIL(has_whole_answer(&slow));
    client_send(&slow, GET("/now")); /* and the connection goes on */
    TURN_UNTIL(client_count(&slow, "\"now\"") == 1 || slow.has_ended);
    assert_false(slow.has_ended);
    assert_non_null(strstr(slow.text, "Content-Type: " CONTROL_TEXT "\r\n"));
    assert_true(client_join_chunks(&slow, &body, &got));
    assert_int_equal(got, length);
    assert_true(are_digits(body, got));
    assert_true(most > 0 && most <= HTTP_SLICE + 64);
    assert_int_equal(digits[0].done, 1);
    client_close(&slow);
}

static void test_readers_that_do_not_read(void **state)
{
    struct client clients[3];
    unsigned writes;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        digits[i].length = 50000000;
        clients[i] = ask(GET("/stream"));
    }
    TURN_UNTIL(n_digits == 3);
    for (unsigned i = 0; i < 500; i++)
        turn();
    writes = digits[0].writes + digits[1].writes + digits[2].writes;
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(digits[0].writes + digits[1].writes + digits[2].writes, writes);
    for (unsigned i = 0; i < 3; i++)
        assert_true(kept(i) > 0 && kept(i) <= HTTP_SLICE + 512);
    control_server_free(&server);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(digits[i].done, 1);
        client_close(&clients[i]);
    }
}

/* What a reader sends meanwhile waits in the kernel. */
static void test_reader_that_sends(void **state)
{
    static char flood[1 << 16];
    struct client client;
    struct evbuffer *input;

    (void)state;
    digits[0].length = 50000000;
    client = ask(GET("/stream"));
    TURN_UNTIL(n_digits == 1);
    input = bufferevent_get_input(evhttp_connection_get_bufferevent(connections[0]));
    memset(flood, 'x', sizeof(flood));
    for (unsigned i = 0; i < 200; i++) {
        (void)send(client.fd, flood, sizeof(flood), MSG_NOSIGNAL);
        (void)client_take(&client, 1000);
        turn();
    }
    assert_true(evbuffer_get_length(input) <= 3 * sizeof(flood));
    client_close(&client);
    TURN_UNTIL(digits[0].done == 1);
}

static void test_answer_that_fails_is_cut_off(void **state)
{
    struct client client;
    size_t length = 0;
    char *body;

    (void)state;
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
    digits[0].length = 50000000;
    client = ask(GET("/stream"));
    TURN_UNTIL(client_take(&client, 1000));
    client_close(&client);
    TURN_UNTIL(digits[0].done > 0);
    some_turns();
    assert_int_equal(digits[0].done, 1);
    assert_true(digits[0].written < digits[0].length);
}

static void test_reader_that_takes_nothing(void **state)
{
    struct client client;

    (void)state;
    limit((struct control_limits){.timeout_ms = 20});
    digits[0].length = 50000000;
    client = ask(GET("/stream"));
    TURN_UNTIL(digits[0].done > 0);
    assert_int_equal(digits[0].done, 1);
    client_close(&client);
}

static void test_limit_of_streams(void **state)
{
    struct client first;
    struct client second;
    struct client third;

    (void)state;
    limit((struct control_limits){.streams = 1});
    digits[0].length = 50000000;
    first = ask(GET("/stream"));
    TURN_UNTIL(n_digits == 1);
    second = ask(GET("/stream"));
    TURN_UNTIL(client_count(&second, "HTTP/1.1 503 Service Unavailable\r\n") == 1);
    assert_non_null(strstr(second.text, "Content-Type: application/json\r\n"));
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

/* It knows no chunks: the end of the connection is the end of the body. */
static void test_http_1_0(void **state)
{
    struct client client;
    const char *body;

    (void)state;
    digits[0].length = 200000;
    client = ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    TURN_UNTIL(has_ended(&client));
    assert_null(strstr(client.text, "chunked"));
    body = strstr(client.text, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), 200000);
    assert_true(are_digits(body, 200000));
    client_close(&client);
}

static void test_reply_in_slices(void **state)
{
    struct http_writer writers[3];
    struct client clients[3];

    (void)state;
    limit((struct control_limits){.streams = 1});
    for (unsigned i = 0; i < 3; i++) {
        digits[i].length = 10;
        writers[i] = writer_of(&digits[i]);
        clients[i] = ask(GET("/later"));
        TURN_UNTIL(n_replies == i + 1);
    }
    control_reply_stream(replies[0], CONTROL_TEXT, &writers[0]);
    control_reply_stream(replies[1], CONTROL_TEXT, &writers[1]); /* beyond the limit */
    assert_int_equal(digits[1].done, 1);
    client_close(&clients[2]);
    TURN_UNTIL(control_reply_is_gone(replies[2]));
    control_reply_stream(replies[2], CONTROL_TEXT, &writers[2]);
    assert_int_equal(digits[2].done, 1);
    TURN_UNTIL(has_whole_answer(&clients[0]) && client_count(&clients[1], "HTTP/1.1 503 ") == 1);
    assert_int_equal(digits[0].done, 1);
    assert_int_equal(digits[1].writes + digits[2].writes, 0);
    assert_int_equal(server->n_replies, 0);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_answer_to_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_that_do_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_that_fails_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_takes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_in_slices, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
