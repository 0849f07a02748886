/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers that come at once or later, on real connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "turned_server.h"

static void test_service_says_how_answers_look(void **state)
{
    struct client good;
    struct client bad;

    (void)state;
    start((struct http_limits){0});
    good = ask(GET("/now"));
    bad = ask("GET / HTTP/9.9\r\n\r\n");
    TURN_UNTIL(client_count(&good, "\r\n\r\nnow") == 1 && client_count(&bad, "refused") == 1);
    assert_non_null(strstr(good.text, "Content-Type: text/x-test\r\n"));
    assert_non_null(strstr(good.text, "X-Of-The-Service: user\r\n"));
    assert_non_null(strstr(bad.text, "HTTP/1.1 505 "));
    assert_non_null(strstr(bad.text, "Content-Type: text/x-test\r\n"));
    client_close(&good);
    client_close(&bad);
}

/* ---- later ---- */

static void test_answer_after_others(void **state)
{
    struct client late;
    struct client other;
    size_t length = 0;

    (void)state;
    start((struct http_limits){0});
    late = ask("POST /later?q HTTP/1.1\r\nX-Mine: 5\r\nContent-Length: 4\r\n\r\nbody");
    TURN_UNTIL(n_replies == 1);
    for (unsigned i = 0; i < 3; i++) {
        other = ask(GET("/now"));
        TURN_UNTIL(client_count(&other, "\r\n\r\nnow") == 1);
        client_close(&other);
    }
    assert_false(client_take(&late, SIZE_MAX));
    assert_false(http_reply_is_gone(replies[0]));
    assert_string_equal(http_reply_request(replies[0])->method, "POST");
    assert_string_equal(http_reply_request(replies[0])->query, "q");
    assert_string_equal(http_request_header(http_reply_request(replies[0]), "x-mine"), "5");
    assert_memory_equal(http_reply_body(replies[0], &length), "body", 4);
    assert_int_equal(length, 4);
    send_reply(0, "at last");
    TURN_UNTIL(client_count(&late, "\r\n\r\nat last") == 1);
    client_send(&late, GET("/now")); /* and the connection goes on */
    TURN_UNTIL(client_count(&late, "\r\n\r\nnow") == 1);
    client_close(&late);
}

static void test_pipelined_requests_keep_their_order(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    client = ask(GET("/later") GET("/now") GET("/later") GET("/stream") GET("/now"));
    digits[0].length = 10;
    TURN_UNTIL(n_replies == 1);
    for (unsigned i = 0; i < 20; i++)
        turn();
    client_send(&client, GET("/now")); /* what comes only now waits too */
    for (unsigned i = 0; i < 20; i++)
        turn();
    assert_int_equal(n_calls, 1);
    send_reply(0, "first");
    TURN_UNTIL(n_replies == 2);
    assert_int_equal(n_calls, 3);
    send_reply(1, "third");
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 3);
    assert_true(strstr(client.text, "first") < strstr(client.text, "now"));
    assert_true(strstr(client.text, "now") < strstr(client.text, "third"));
    assert_true(strstr(client.text, "third") < strstr(client.text, "0123456789"));
    assert_non_null(strstr(strstr(client.text, "0123456789"), "now"));
    client_close(&client);
}

static void test_answered_before_the_handler_returns(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){.replies = 1});
    client = ask(GET("/at-once") GET("/at-once") GET("/now"));
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    assert_int_equal(client_count(&client, "\r\n\r\nat once"), 2);
    client_close(&client);
}

/* A handler that breaks its word harms nobody else. */
static void test_no_or_two_answers(void **state)
{
    struct client none;
    struct client two;

    (void)state;
    start((struct http_limits){0});
    none = ask(GET("/forgotten"));
    two = ask(GET("/both") GET("/now"));
    TURN_UNTIL(client_count(&none, "refused 500") == 1 && client_count(&two, "\r\n\r\nnow") == 1);
    assert_true(http_reply_is_gone(replies[0]));
    send_reply(0, "too late");
    for (unsigned i = 0; i < 20; i++)
        turn();
    assert_int_equal(client_count(&two, "HTTP/1.1"), 2);
    client_close(&none);
    client_close(&two);
}

static void test_client_that_has_left(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){.replies = 1});
    client = ask(GET("/later"));
    TURN_UNTIL(n_replies == 1);
    client_close(&client);
    TURN_UNTIL(http_reply_is_gone(replies[0]));
    assert_string_equal(http_reply_request(replies[0])->path, "/later");
    assert_int_equal(server->n, 0);
    send_reply(0, "nobody there");
    assert_int_equal(server->n_replies, 0);
}

static void test_server_that_ends(void **state)
{
    struct client clients[3];

    (void)state;
    start((struct http_limits){0});
    for (unsigned i = 0; i < 3; i++)
        clients[i] = ask(GET("/later"));
    TURN_UNTIL(n_replies == 3);
    send_reply(1, "in time");
    http_server_free(&server);
    assert_true(http_reply_is_gone(replies[0]) && http_reply_is_gone(replies[2]));
    assert_string_equal(http_reply_request(replies[0])->path, "/later");
    send_reply(2, "nobody there");
    send_reply(0, "nobody there");
    for (unsigned i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void test_time_limit(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){.answer_ms = 10});
    client = ask(GET("/later"));
    TURN_UNTIL(client_count(&client, "took longer than 0.01 s; the change may still be made") == 1);
    assert_non_null(strstr(client.text, "HTTP/1.1 504 Gateway Timeout\r\n"));
    assert_true(http_reply_is_gone(replies[0]));
    assert_int_equal(server->n_replies, 1); /* somebody works on it still */
    send_reply(0, "too late");
    TURN_UNTIL(client_take(&client, SIZE_MAX) && client.has_ended);
    assert_null(strstr(client.text, "too late"));
    client_close(&client);
}

/* The time that a request has to come is not that of its answer. */
static void test_time_limit_of_a_request(void **state)
{
    uint64_t start_ms = clock_monotonic_ms();
    struct client slow;
    struct client later;

    (void)state;
    start((struct http_limits){.request_ms = 30});
    later = ask(GET("/later"));
    slow = ask("GET /later HTT");
    TURN_UNTIL(n_replies == 1);
    TURN_UNTIL(server->n == 1);
    while (clock_monotonic_ms() - start_ms < 60)
        turn();
    assert_false(http_reply_is_gone(replies[0]));
    send_reply(0, "done");
    TURN_UNTIL(client_count(&later, "\r\n\r\ndone") == 1);
    client_close(&slow);
    client_close(&later);
}

/* Also in a turn in which the reader has taken all there was. */
static void test_request_behind_a_stream_waits(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    digits[0] = (struct digits){.length = 10, .empty = 100};
    client = ask(GET("/stream"));
    TURN_UNTIL(client_count(&client, "\r\n\r\n") == 1);
    client_send(&client, GET("/now"));
    TURN_UNTIL(digits[0].done == 1);
    assert_int_equal(n_calls, 1);
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    assert_true(strstr(client.text, "0123456789") < strstr(client.text, "now"));
    client_close(&client);
}

static void test_limit_of_replies(void **state)
{
    struct client clients[4];

    (void)state;
    start((struct http_limits){.replies = 2});
    for (unsigned i = 0; i < 2; i++)
        clients[i] = ask(GET("/later"));
    TURN_UNTIL(n_replies == 2);
    clients[2] = ask(GET("/later"));
    TURN_UNTIL(client_count(&clients[2], "refused 503: too many requests") == 1);
    send_reply(0, "done");
    clients[3] = ask(GET("/later"));
    TURN_UNTIL(n_replies == 3);
    send_reply(1, "done");
    send_reply(2, "done");
    TURN_UNTIL(client_count(&clients[3], "\r\n\r\ndone") == 1);
    for (unsigned i = 0; i < 4; i++)
        client_close(&clients[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_service_says_how_answers_look, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_after_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answered_before_the_handler_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_or_two_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit_of_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_behind_a_stream_waits, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
