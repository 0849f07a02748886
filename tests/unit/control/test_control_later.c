/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers of the control API that come later or in slices. The loop is turned by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/un.h>

#include "../http/turns.h"
#include "base/json.h"
#include "control/control_internal.h"

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST_LATER(body) "POST /later?q=5 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" body

static char directory[64];
static struct sockaddr_un address;
static struct control_server *server;
static struct control_reply *replies[8];
static unsigned n_replies;
static unsigned n_calls;
static struct digits digits[4];
static unsigned n_digits;
static struct evhttp_connection *connections[8]; /* of the streams */

static struct http_writer writer_of(struct digits *one)
{
    return (struct http_writer){.write = digits_write, .done = digits_done, .user = one};
}

static cJSON *named(const char *name)
{
    cJSON *answer = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(answer, "name", name);
    return answer;
}

static int now(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)call;
    (void)error;
    (void)user;
    n_calls++;
    *ret_answer = named("now");
    return 0;
}

static int later(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    int r = control_call_defer(call, &replies[n_replies], error);

    (void)ret_answer;
    (void)user;
    n_calls++;
    if (r >= 0)
        n_replies++;
    return r;
}

static int at_once(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct control_reply *reply = NULL;
    int r = control_call_defer(call, &reply, error);

    (void)ret_answer;
    (void)user;
    n_calls++;
    if (r >= 0)
        control_reply_send(reply, 0, named("at once"), NULL);
    return r;
}

static int forgotten(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)call;
    (void)ret_answer;
    (void)error;
    (void)user;
    return CONTROL_LATER;
}

static int stream(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct http_writer writer = writer_of(&digits[n_digits]);

    (void)ret_answer;
    (void)user;
    n_calls++;
    connections[n_digits++] = evhttp_request_get_connection((*call->reply)->http);
    return control_call_stream(call, CONTROL_TEXT, &writer, error);
}

static const struct control_route routes[] = {
    {EVHTTP_REQ_GET, "/now", now, NULL, 0},
    {EVHTTP_REQ_GET, "/later", later, NULL, 0},
    {EVHTTP_REQ_POST, "/later", later, NULL, 0},
    {EVHTTP_REQ_GET, "/at-once", at_once, NULL, 0},
    {EVHTTP_REQ_GET, "/forgotten", forgotten, NULL, 0},
    {EVHTTP_REQ_GET, "/stream", stream, NULL, 0},
    {0, NULL, NULL, NULL, 0},
};

static int setup(void **state)
{
    struct error error = {0};

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(digits, 0, sizeof(digits));
    n_replies = n_calls = n_digits = 0;
    (void)snprintf(directory, sizeof(directory), "%s/svc-control-XXXXXX", P_tmpdir);
    if (!mkdtemp(directory))
        return -1;
    address.sun_family = AF_UNIX;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", directory);
    base = event_base_new();
    return base ? control_server_new(base, address.sun_path, routes, NULL, &server, &error) : -1;
}

static int teardown(void **state)
{
    (void)state;
    control_server_free(&server);
    event_base_free(base);
    return rmdir(directory);
}

static void limit(struct control_limits limits)
{
    assert_int_equal(control_server_limit(server, &limits), 0);
}

static struct client ask(const char *text)
{
    struct client client;

    client_begin(&client, AF_UNIX, (const struct sockaddr *)&address, sizeof(address));
    client_send(&client, text);
    return client;
}

static void send_reply(unsigned i, const char *name)
{
    control_reply_send(replies[i], 0, named(name), NULL);
}

static void some_turns(void)
{
    for (unsigned i = 0; i < 50; i++)
        turn();
}

static bool has_ended(struct client *client)
{
    (void)client_take(client, SIZE_MAX);
    return client->has_ended;
}

static bool has_whole_answer(struct client *client)
{
    (void)client_take(client, SIZE_MAX);
    return client->length > 5 && memcmp(client->text + client->length - 5, "0\r\n\r\n", 5) == 0;
}

/* ---- later ---- */

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
    TURN_UNTIL(n_replies == 1);
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
                                        "change may still be made\"}}"));
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

/* ---- in slices ---- */

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
    limit((struct control_limits){.timeout_ms = 300});
    digits[0].length = length;
    slow = ask(GET("/stream"));
    for (unsigned i = 0; i < 20 || clock_monotonic_ms() - start_ms < 700; i++) {
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
        cmocka_unit_test_setup_teardown(test_answer_after_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_come_later_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answered_before_the_handler_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_finished_sending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_replies, setup, teardown),
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
