/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers of the control API that come later. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "turned_server.h"

static void test_answer_after_others(void **state)
{
    struct client late = ask(POST_LATER("{\"a\":[1,2]}"));
    char *text;

    (void)state;
    TURN_UNTIL(n_replies == 1);
    for (unsigned i = 0; i < 3; i++) {
        struct client other = ask(GET("/now"));

        TURN_UNTIL(client_count(&other, "{\"name\":\"now\"}") == 1);
        client_close(&other);
    }
    assert_false(client_take(&late, SIZE_MAX));
    assert_false(control_reply_is_gone(replies[0]));
    text = cJSON_PrintUnformatted(control_reply_call(replies[0])->body);
    assert_string_equal(text, "{\"a\":[1,2]}");
    cJSON_free(text);
    assert_string_equal(evhttp_find_header(control_reply_call(replies[0])->query, "q"), "5");
    assert_int_equal(evbuffer_get_length(evhttp_request_get_input_buffer(replies[0]->http)), 0);
    send_reply(0, "at last");
    TURN_UNTIL(client_count(&late, "{\"name\":\"at last\"}") == 1);
    assert_non_null(strstr(late.text, "HTTP/1.1 200 OK\r\n"));
    client_send(&late, GET("/now")); /* and the connection goes on */
    TURN_UNTIL(client_count(&late, "{\"name\":\"now\"}") == 1);
    client_close(&late);
}

static void test_errors_come_later_too(void **state)
{
    struct client clients[3] = {ask(GET("/later")), ask(GET("/later")), ask(GET("/later"))};
    struct error error = {0};

    (void)state;
    TURN_UNTIL(n_replies == 3);
    (void)error_input(&error, "weight", "70000", "less");
    control_reply_send(replies[0], -EINVAL, NULL, &error);
    error = (struct error){0};
    control_reply_send(replies[1], -EEXIST, NULL, &error);
    control_reply_send(replies[2], -EBUSY, named("the handler's own"), &error);
    TURN_UNTIL(client_count(&clients[0], "\"field\":\"weight\"") +
                   client_count(&clients[1], strerror(EEXIST)) +
                   client_count(&clients[2], "{\"name\":\"the handler's own\"}") ==
               3);
    assert_int_equal(client_count(&clients[0], "HTTP/1.1 400 Bad Request"), 1);
    assert_int_equal(client_count(&clients[1], "HTTP/1.1 409 Conflict"), 1);
    assert_int_equal(client_count(&clients[2], "HTTP/1.1 409 Conflict"), 1);
    for (unsigned i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void test_pipelined_requests_keep_their_order(void **state)
{
    struct client client = ask(GET("/later") GET("/now") GET("/later") GET("/stream") GET("/now"));

    (void)state;
    digits[0].length = 10;
    TURN_UNTIL(n_replies == 1);
    some_turns();
    assert_int_equal(n_calls, 1);
    send_reply(0, "first");
    TURN_UNTIL(n_replies == 2);
    some_turns();
    assert_int_equal(n_calls, 3);
    send_reply(1, "third");
    TURN_UNTIL(client_count(&client, "\"now\"") == 2);
    assert_true(strstr(client.text, "first") < strstr(client.text, "\"now\""));
    assert_true(strstr(client.text, "\"now\"") < strstr(client.text, "third"));
    assert_true(strstr(client.text, "third") < strstr(client.text, "0123456789"));
    assert_non_null(strstr(strstr(client.text, "0123456789"), "\"now\""));
    client_close(&client);
}

static void test_answered_before_the_handler_returns(void **state)
{
    struct client client = ask(GET("/at-once") GET("/at-once") GET("/now"));

    (void)state;
    limit((struct control_limits){.replies = 1});
    TURN_UNTIL(client_count(&client, "\"now\"") == 1);
    assert_int_equal(client_count(&client, "at once"), 2);
    client_close(&client);
}

static void test_answer_of_nobody(void **state)
{
    struct client client = ask(GET("/forgotten"));

    (void)state;
    TURN_UNTIL(client_count(&client, "HTTP/1.1 500 ") == 1);
    client_close(&client);
}

/* Answered at once, it is not watched: that would be most of the price of an answer. */
static void test_quick_answer_is_not_watched(void **state)
{
    struct client client = ask(GET("/later"));

    (void)state;
    TURN_UNTIL(n_replies == 1);
    assert_null(replies[0]->watch);
    send_reply(0, "soon");
    TURN_UNTIL(client_count(&client, "\"soon\"") == 1);
    client_close(&client);
}

/* It is found out whether it leaves before somebody looks or after. */
static void test_client_that_leaves_while_watched(void **state)
{
    struct client client = ask(GET("/later"));

    (void)state;
    TURN_UNTIL(n_replies == 1 && replies[0]->watch);
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(replies[0]));
    send_reply(0, "nobody there");
}

static void test_client_that_has_left(void **state)
{
    struct client client = ask(GET("/later") GET("/now"));

    (void)state;
    TURN_UNTIL(n_replies == 1);
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(replies[0]));
    assert_true(cJSON_IsObject(control_reply_call(replies[0])->body));
    assert_int_equal(server->n_replies, 1);
    send_reply(0, "nobody there");
    assert_int_equal(server->n_replies, 0);
    assert_int_equal(n_calls, 1);
}

/* One that leaves with an answer unread resets the connection, which looks different to who watches it. */
static void test_client_that_has_reset(void **state)
{
    struct client client = ask(GET("/now") GET("/later"));

    (void)state;
    TURN_UNTIL(n_replies == 1);
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(replies[0]));
    send_reply(0, "nobody there");
}

/* It has only said that it sends no more. */
static void test_client_that_has_finished_sending(void **state)
{
    struct client client = ask(GET("/later"));

    (void)state;
    TURN_UNTIL(n_replies == 1 && replies[0]->watch);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    some_turns();
    assert_false(control_reply_is_gone(replies[0]));
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(replies[0]));
    send_reply(0, "nobody there");
}

static void test_server_that_ends(void **state)
{
    struct client clients[3] = {ask(GET("/later")), ask(GET("/later")), ask(GET("/later"))};

    (void)state;
    TURN_UNTIL(n_replies == 3);
    send_reply(1, "in time");
    control_server_free(&server);
    assert_true(control_reply_is_gone(replies[0]) && control_reply_is_gone(replies[2]));
    assert_true(cJSON_IsObject(control_reply_call(replies[0])->body));
    send_reply(2, "nobody there");
    send_reply(0, "nobody there");
    for (unsigned i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void test_time_limit(void **state)
{
    struct client client;

    (void)state;
    limit((struct control_limits){.answer_ms = 10});
    client = ask(GET("/later") GET("/now"));
    TURN_UNTIL(client_count(&client, "\"now\"") == 1); /* those behind it go on */
    assert_non_null(strstr(client.text, "HTTP/1.1 504 Gateway Timeout\r\n"));
    assert_non_null(strstr(client.text, "{\"error\":{\"message\":\"the answer took longer than 0.01 s; the "
                                        "change may still be made\",\"code\":\"TimedOut\"}}"));
    assert_true(control_reply_is_gone(replies[0]));
    assert_int_equal(server->n_replies, 1); /* somebody works on it still */
    send_reply(0, "too late");
    some_turns();
    assert_int_equal(client_count(&client, "too late"), 0);
    client_close(&client);
}

static void test_limit_of_replies(void **state)
{
    struct client clients[4];

    (void)state;
    limit((struct control_limits){.replies = 2});
    for (unsigned i = 0; i < 2; i++)
        clients[i] = ask(GET("/later"));
    TURN_UNTIL(n_replies == 2);
    clients[2] = ask(GET("/later"));
    TURN_UNTIL(client_count(&clients[2], "HTTP/1.1 503 Service Unavailable\r\n") == 1);
    TURN_UNTIL(client_count(&clients[2], "{\"error\":{\"message\":\"too many requests") == 1);
    send_reply(0, "done");
    clients[3] = ask(GET("/later"));
    TURN_UNTIL(n_replies == 3);
    send_reply(1, "done");
    send_reply(2, "done");
    TURN_UNTIL(client_count(&clients[3], "\"done\"") == 1);
    for (unsigned i = 0; i < 4; i++)
        client_close(&clients[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer_after_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_come_later_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answered_before_the_handler_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quick_answer_is_not_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_leaves_while_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_finished_sending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_replies, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
