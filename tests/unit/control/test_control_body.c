/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Bodies that are long: a thread parses them, and the request is one as any other then. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "turned_server.h"

#define LENGTH 100000 /* fits into the socket's buffer */

/* A request whose body is an object with one member so long; or text that is no JSON. */
static struct client ask_long(bool is_json)
{
    _cleanup_free_ char *text = malloc(LENGTH + 256);
    int head = snprintf(text, 256,
                        "POST /later?q=5 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n{\"a\":\"", LENGTH);

    memset(text + head, 'x', LENGTH - 6);
    (void)strcpy(text + head + LENGTH - 6 - 2, is_json ? "\"}" : "xx");
    return ask(text);
}

static void test_a_long_body(void **state)
{
    struct client client = ask_long(true);
    const struct control_call *call;

    (void)state;
    TURN_UNTIL(n_replies == 1);
    call = control_reply_call(replies[0]);
    assert_int_equal(strlen(cJSON_GetObjectItem(call->body, "a")->valuestring), LENGTH - 8);
    assert_string_equal(evhttp_find_header(call->query, "q"), "5");
    assert_int_equal(server->n_replies, 1);
    send_reply(0, "read");
    TURN_UNTIL(client_count(&client, "{\"name\":\"read\"}") == 1);
    client_send(&client, GET("/now")); /* and the connection goes on */
    TURN_UNTIL(client_count(&client, "{\"name\":\"now\"}") == 1);
    client_close(&client);
}

/* Not within the turn in which it came: that is what the thread is for. */
static void test_the_loop_does_not_parse_it(void **state)
{
    struct client client = ask_long(true);

    (void)state;
    TURN_UNTIL(server->n_replies == 1);
    assert_int_equal(n_calls, 0);
    (void)worker_wait(server->worker);
    assert_int_equal(n_calls, 1);
    send_reply(0, "read");
    TURN_UNTIL(client_count(&client, "{\"name\":\"read\"}") == 1);
    client_close(&client);
}

static void test_a_long_body_that_is_no_json(void **state)
{
    struct client client = ask_long(false);

    (void)state;
    TURN_UNTIL(client_count(&client, "HTTP/1.1 400 Bad Request") == 1);
    assert_int_equal(client_count(&client, "request body: line 1, column "), 1);
    assert_int_equal(n_calls, 0);
    assert_int_equal(server->n_replies, 0);
    client_close(&client);
}

static atomic_bool is_released;

/* On the worker: what comes behind it waits. */
static void wait_for_release(void *user)
{
    (void)user;
    while (!atomic_load(&is_released))
        (void)usleep(1000);
}

static void test_a_client_that_leaves_meanwhile(void **state)
{
    const struct work work = {.run = wait_for_release};
    struct client client;

    (void)state;
    atomic_store(&is_released, false);
    assert_int_equal(worker_submit(server->worker, &work), 0);
    client = ask_long(true);
    TURN_UNTIL(server->n_replies == 1 && server->replies->watch);
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(server->replies));
    atomic_store(&is_released, true);
    TURN_UNTIL(server->n_replies == 0);
    assert_int_equal(n_calls, 0);
}

static void test_a_server_that_ends_meanwhile(void **state)
{
    struct client client = ask_long(true);

    (void)state;
    TURN_UNTIL(server->n_replies == 1);
    control_server_free(&server);
    assert_int_equal(n_calls, 0);
    client_close(&client);
}

static void test_too_many(void **state)
{
    struct client clients[2] = {ask(GET("/later")), {.fd = -1}};

    (void)state;
    limit((struct control_limits){.replies = 1});
    TURN_UNTIL(n_replies == 1);
    clients[1] = ask_long(true);
    TURN_UNTIL(client_count(&clients[1], "HTTP/1.1 503 Service Unavailable") == 1);
    send_reply(0, "the first");
    TURN_UNTIL(client_count(&clients[0], "{\"name\":\"the first\"}") == 1);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_long_body),
        TEST(test_the_loop_does_not_parse_it),
        TEST(test_a_long_body_that_is_no_json),
        TEST(test_a_client_that_leaves_meanwhile),
        TEST(test_a_server_that_ends_meanwhile),
        TEST(test_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
