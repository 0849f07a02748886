/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests of the control API that wait for their table's gate. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "turned_server.h"

static void test_waits_until_the_gate_opens(void **state)
{
    struct client gated, other;

    (void)state;
    is_gate_shut = true;
    gated = ask(GET("/gated"));
    TURN_UNTIL(n_waiting == 1);
    other = ask(GET("/now"));
    TURN_UNTIL(client_count(&other, "\"now\"") == 1);
    assert_int_equal(n_calls, 1);
    assert_false(client_take(&gated, SIZE_MAX));
    open_gate();
    TURN_UNTIL(client_count(&gated, "{\"name\":\"now\"}") == 1);
    assert_int_equal(n_calls, 2);
    client_send(&gated, GET("/gated")); /* open, it does not wait, and the connection goes on */
    TURN_UNTIL(client_count(&gated, "\"now\"") == 2);
    client_close(&gated);
    client_close(&other);
}

static void test_waits_twice(void **state)
{
    struct client client;

    (void)state;
    is_gate_shut = true;
    client = ask(GET("/gated-later"));
    TURN_UNTIL(n_waiting == 1 && server->replies->watch);
    open_gate();
    assert_int_equal(n_replies, 1);
    some_turns();
    assert_false(client_take(&client, SIZE_MAX));
    TURN_UNTIL(control_reply_is_gone(replies[0]) ||
               replies[0]->watch); /* the second wait is as long as any */
    assert_false(control_reply_is_gone(replies[0]));
    send_reply(0, "at last");
    TURN_UNTIL(client_count(&client, "at last") == 1);
    client_close(&client);
}

static void test_left_while_waiting(void **state)
{
    struct client client;

    (void)state;
    is_gate_shut = true;
    client = ask(GET("/gated"));
    TURN_UNTIL(n_waiting == 1 && server->replies->watch);
    client_close(&client);
    TURN_UNTIL(control_reply_is_gone(server->replies));
    open_gate();
    some_turns();
    assert_int_equal(n_calls, 0);
    assert_int_equal(server->n_replies, 0);
}

static void test_server_ends_while_one_waits(void **state)
{
    struct client client;
    struct error error = {0};

    (void)state;
    is_gate_shut = true;
    client = ask(GET("/gated"));
    TURN_UNTIL(n_waiting == 1);
    control_server_free(&server);
    open_gate();
    assert_int_equal(n_calls, 0);
    client_close(&client);
    assert_int_equal(control_server_new(base, address.sun_path,
                                        &(const struct control_table){routes, NULL, &gate}, 1, &server,
                                        &error),
                     0);
}

static void test_cannot_wait(void **state)
{
    struct client first, second;

    (void)state;
    limit((struct control_limits){.replies = 1});
    is_gate_shut = is_gate_broken = true;
    first = ask(GET("/gated"));
    TURN_UNTIL(client_count(&first, "500 Internal Error") == 1);
    assert_int_equal(server->n_replies, 0);
    client_close(&first);
    is_gate_broken = false;
    first = ask(GET("/gated"));
    TURN_UNTIL(n_waiting == 1);
    second = ask(GET("/gated"));
    TURN_UNTIL(client_count(&second, "503 Service Unavailable") == 1);
    open_gate();
    TURN_UNTIL(client_count(&first, "\"now\"") == 1);
    assert_int_equal(server->n_replies, 0);
    client_close(&first);
    client_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waits_until_the_gate_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_while_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_ends_while_one_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_wait, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
