/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers that come later and answers that come in slices, on real connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/buffer.h>

#include "http/connection.h"
#include "turns.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct http_server *server;
static struct sockaddr_in address;
static struct http_reply *replies[8];
static unsigned n_replies;
static unsigned n_calls;
static struct digits digits[4];
static unsigned n_digits;

static struct http_writer writer_of(struct digits *one)
{
    return (struct http_writer){.write = digits_write, .done = digits_done, .user = one};
}

static int handle(struct http_call *call, struct evbuffer *answer, void *user)
{
    const char *path = call->request->path;

    assert_string_equal(user, "user");
    n_calls++;
    if (strcmp(path, "/now") == 0) {
        (void)evbuffer_add_printf(answer, "now");
        return 200;
    }
    if (strcmp(path, "/stream") == 0) {
        struct http_writer writer = writer_of(&digits[n_digits++]);

        return http_call_stream(call, 200, &writer);
    }
    if (strcmp(path, "/forgotten") == 0)
        return HTTP_LATER;
    replies[n_replies] = http_call_defer(call);
    if (!replies[n_replies])
        return HTTP_TOO_MANY;
    if (strcmp(path, "/at-once") == 0) {
        (void)evbuffer_add_printf(answer, "at once");
        http_reply_send(replies[n_replies], 200, answer);
        return HTTP_LATER;
    }
    n_replies++;
    return strcmp(path, "/both") == 0 ? 200 : HTTP_LATER;
}

static void refuse(int status, const char *sentence, struct evbuffer *body)
{
    (void)evbuffer_add_printf(body, "refused %d: %s", status, sentence);
}

static void add_headers(struct evbuffer *head, void *user)
{
    (void)evbuffer_add_printf(head, "X-Of-The-Service: %s\r\n", (const char *)user);
}

static struct http_service service = {
    .name = "test",
    .option = "testListen",
    .content_type = "text/x-test",
    .handle = handle,
    .refuse = refuse,
    .add_headers = add_headers,
};

/* A port that was free just now; the server does not take one that the kernel picks. */
static void pick_port(void)
{
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    (void)close(fd);
}

static void start(struct http_limits limits)
{
    struct error error = {0};
    char text[32];
    int r = -EADDRINUSE;

    service.limits = limits;
    for (unsigned i = 0; i < 20 && r == -EADDRINUSE; i++) {
        pick_port();
        (void)snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
        r = http_server_new(base, text, &service, (void *)"user", &server, &error);
    }
    if (r < 0)
        fail_msg("%s", error.message);
}

static int setup(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(digits, 0, sizeof(digits));
    n_replies = n_calls = n_digits = 0;
    base = event_base_new();
    return base ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    http_server_free(&server);
    event_base_free(base);
    return 0;
}

static struct client ask(const char *text)
{
    struct client client;

    client_begin(&client, AF_INET, (const struct sockaddr *)&address, sizeof(address));
    client_send(&client, text);
    return client;
}

static void send_reply(unsigned i, const char *text)
{
    struct evbuffer *body = evbuffer_new();

    (void)evbuffer_add_printf(body, "%s", text);
    http_reply_send(replies[i], 200, body);
    assert_int_equal(evbuffer_get_length(body), 0);
    evbuffer_free(body);
}

/* What the server keeps for clients that do not read. */
static size_t most_kept(void)
{
    size_t most = 0;

    for (const struct http_connection *one = server->first; one; one = one->next) {
        size_t length = evbuffer_get_length(bufferevent_get_output(one->socket));

        most = length > most ? length : most;
    }
    return most;
}

/* ---- at once ---- */

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
    assert_int_equal(n_calls, 1);
    send_reply(0, "first");
    TURN_UNTIL(n_replies == 2);
    assert_int_equal(n_calls, 3);
    send_reply(1, "third");
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 2);
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

/* ---- in slices ---- */

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
        digits[i] = (struct digits){.length = 10, .empty = 10, .counter = &counter};
        clients[i] = ask(GET("/stream"));
    }
    TURN_UNTIL(n_digits == 2);
    for (unsigned before = counter; digits[0].empty > 0 || digits[1].empty > 0; before = counter) {
        turn();
        assert_true(counter - before <= 1);
    }
    TURN_UNTIL(has_whole_answer(&clients[0]) && has_whole_answer(&clients[1]));
    assert_int_equal(digits[0].writes, 11);
    assert_int_equal(digits[1].writes, 11);
    assert_in_range(digits[0].last + 1, digits[1].last - 5, digits[1].last + 5);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(client_count(&clients[i], "\r\na\r\n0123456789\r\n0\r\n\r\n"), 1);
        client_close(&clients[i]);
    }
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
        cmocka_unit_test_setup_teardown(test_service_says_how_answers_look, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_after_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answered_before_the_handler_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_or_two_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_has_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answer_to_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_that_do_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streams_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_that_fails_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_takes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_in_slices, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
