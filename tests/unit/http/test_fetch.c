/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests over a Unix socket and over TCP, against libevent's own HTTP server: whole answers, streams, and how each can end badly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "http/fetch.h"
#include "http/fetch_url.h"

struct lab {
    struct event_base *base;
    struct evhttp *server;
    struct evhttp_request *open; /* of a stream, not ended yet */
    struct fetcher *fetcher;
    char directory[64];
    char path[96];
    /* what the client was told */
    char body[4096];
    size_t n_body;
    int n_done;
    int result;
    long status;
    char reason[256];
    int refuse;          /* what the body's receiver answers */
    struct fetch *other; /* cancelled when the first is done */
};

/* ---- the server ---- */

static void answer_text(struct evhttp_request *request, int status, const char *text)
{
    struct evbuffer *buffer = evbuffer_new();

    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply(request, status, "x", buffer);
    evbuffer_free(buffer);
}

static void send_piece(struct evhttp_request *request, const char *text)
{
    struct evbuffer *buffer = evbuffer_new();

    (void)evbuffer_add(buffer, text, strlen(text));
    evhttp_send_reply_chunk(request, buffer);
    evbuffer_free(buffer);
}

static void serve(struct evhttp_request *request, void *user)
{
    struct lab *lab = user;
    const char *target = evhttp_request_get_uri(request);
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    char text[256] = "";

    if (strcmp(target, "/hello?a=%22b%22") == 0)
        return answer_text(request, 200, "hello");
    if (strcmp(target, "/missing") == 0)
        return answer_text(request, 404, "no such thing");
    if (strcmp(target, "/echo") == 0) {
        (void)evbuffer_copyout(body, text, sizeof(text) - 1);
        return answer_text(request, 200, text);
    }
    if (strcmp(target, "/headers") == 0) {
        const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "X-Key");
        const char *expect = evhttp_find_header(evhttp_request_get_input_headers(request), "Expect");

        (void)snprintf(text, sizeof(text), "%s %s %zu", key ? key : "none", expect ? expect : "none",
                       evbuffer_get_length(body));
        return answer_text(request, 200, text);
    }
    if (strcmp(target, "/stream") == 0) {
        lab->open = request;
        evhttp_send_reply_start(request, 200, "x");
        send_piece(request, "one\n");
        return;
    }
    if (strcmp(target, "/silence") == 0) {
        lab->open = request;
        return;
    }
    answer_text(request, 500, "");
}

/* ---- the client's side ---- */

static int on_piece(const char *bytes, size_t n, void *user)
{
    struct lab *lab = user;

    assert_true(lab->n_body + n < sizeof(lab->body));
    memcpy(lab->body + lab->n_body, bytes, n);
    lab->n_body += n;
    return lab->refuse;
}

static void on_done(int result, long status, const char *reason, void *user)
{
    struct lab *lab = user;

    lab->n_done++;
    lab->result = result;
    lab->status = status;
    (void)snprintf(lab->reason, sizeof(lab->reason), "%s", reason);
    fetch_cancel(&lab->other);
}

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_non_null(lab);
    (void)snprintf(lab->directory, sizeof(lab->directory), "/tmp/test-fetch-XXXXXX");
    assert_non_null(mkdtemp(lab->directory));
    (void)snprintf(lab->path, sizeof(lab->path), "%s/socket", lab->directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", lab->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    lab->base = event_base_new();
    lab->server = evhttp_new(lab->base);
    evhttp_set_gencb(lab->server, serve, lab);
    assert_int_equal(evhttp_accept_socket(lab->server, fd), 0);
    assert_int_equal(fetcher_new(lab->base, &lab->fetcher), 0);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;

    fetcher_free(&lab->fetcher);
    evhttp_free(lab->server);
    event_base_free(lab->base);
    (void)unlink(lab->path);
    (void)rmdir(lab->directory);
    free(lab);
    return 0;
}

static struct fetch_request request_of(struct lab *lab, const char *target)
{
    return (struct fetch_request){.socket = lab->path,
                                  .target = target,
                                  .timeout_ms = 20000,
                                  .body_piece = on_piece,
                                  .done = on_done,
                                  .user = lab};
}

/* Turns the loop until something is as wanted; the tests' time limit ends what never comes. */
#define turn_until(lab, condition)                                                                           \
    while (!(condition))                                                                                     \
    assert_true(event_base_loop((lab)->base, EVLOOP_ONCE) >= 0)

static void fetch_whole(struct lab *lab, const struct fetch_request *request)
{
    struct fetch *fetch;

    lab->n_done = 0;
    lab->n_body = 0;
    assert_int_equal(fetch_start(lab->fetcher, request, &fetch), 0);
    turn_until(lab, lab->n_done);
    lab->body[lab->n_body] = '\0';
}

static void test_whole_answers(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/hello?a=%22b%22");
    struct fetch_request echo = request_of(lab, "/echo");

    fetch_whole(lab, &request);
    assert_int_equal(lab->result, 0);
    assert_int_equal(lab->status, 200);
    assert_string_equal(lab->body, "hello");
    echo.body = "{\"a\": 1}";
    fetch_whole(lab, &echo);
    assert_string_equal(lab->body, "{\"a\": 1}");
}

static void test_no_body_of_a_refusal(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/missing");

    fetch_whole(lab, &request);
    assert_int_equal(lab->result, 0);
    assert_int_equal(lab->status, 404);
    assert_string_equal(lab->body, "");
}

static void test_a_stream_comes_in_pieces(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/stream");
    struct fetch *fetch;

    request.timeout_ms = 0;
    assert_int_equal(fetch_start(lab->fetcher, &request, &fetch), 0);
    turn_until(lab, lab->n_body == 4);
    assert_int_equal(lab->n_done, 0);
    send_piece(lab->open, "two\n");
    turn_until(lab, lab->n_body == 8);
    evhttp_send_reply_end(lab->open);
    turn_until(lab, lab->n_done);
    assert_int_equal(lab->result, 0);
    assert_memory_equal(lab->body, "one\ntwo\n", 8);
}

static void test_too_long(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/hello?a=%22b%22");

    request.max_bytes = 4;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, -EMSGSIZE);
    assert_non_null(strstr(lab->reason, "4 bytes"));
    request.max_bytes = 5;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, 0);
}

static void test_the_receiver_ends_it(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/hello?a=%22b%22");

    lab->refuse = -ENOMEM;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, -ENOMEM);
}

static void test_no_answer(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/silence");

    request.timeout_ms = 50;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, -ETIMEDOUT);
    assert_non_null(strstr(lab->reason, "50 ms"));
}

static void test_nobody_there(void **state)
{
    struct lab *lab = *state;
    struct fetch_request request = request_of(lab, "/hello");
    struct fetch *fetch = NULL;
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/none", lab->directory);
    request.socket = path;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, -ECONNREFUSED);
    assert_true(*lab->reason);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(fetch_start(lab->fetcher, &request, &fetch), -ENAMETOOLONG);
    assert_null(fetch);
}

/* By a URL of an address, with a header of the caller's and a body that is too large to be sent on the off chance. */
static void test_over_tcp(void **state)
{
    struct lab *lab = *state;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(lab->server, "127.0.0.1", 0);
    const char *const headers[] = {"X-Key: secret"};
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    _cleanup_free_ char *body = calloc(1, (2u << 20) + 1);
    char url[64];
    struct fetch_request request = request_of(lab, url);

    assert_non_null(bound);
    assert_non_null(body);
    assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/headers", ntohs(address.sin_port));
    memset(body, ' ', 2u << 20);
    request.socket = NULL;
    request.body = body;
    request.headers = headers;
    request.n_headers = 1;
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, 0);
    assert_string_equal(lab->body, "secret none 2097152");
    evhttp_del_accept_socket(lab->server, bound);
    fetch_whole(lab, &request);
    assert_int_equal(lab->result, -ECONNREFUSED);
}

static void test_which_urls_are_usable(void **state)
{
    static const struct {
        const char *url;
        bool is_usable;
    } cases[] = {
        {"http://127.0.0.1:4318", true},
        {"https://[2001:db8::1]:4318/otlp/", true},
        {"http://10.0.0.1", true},
        {"http://[::1]", true},
        {"http://collector:4318", false},
        {"http://localhost:4318", false},
        {"ftp://127.0.0.1", false},
        {"127.0.0.1:4318", false},
        {"http://user@127.0.0.1:4318", false},
        {"http://127.0.0.1:0", false},
        {"http://127.0.0.1:4318/?a=b", false},
        {"http://127.0.0.1:4318/a b", false},
        {"http://", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (fetch_url_is_usable(cases[i].url) != cases[i].is_usable)
            fail_msg("%s is judged wrongly", cases[i].url);
}

static void test_cancelled_ones_are_not_told(void **state)
{
    struct lab *lab = *state;
    struct fetch_request quick = request_of(lab, "/hello?a=%22b%22");
    struct fetch_request slow = request_of(lab, "/silence");
    struct fetch *first;
    struct fetch *left;

    assert_int_equal(fetch_start(lab->fetcher, &slow, &lab->other), 0);
    assert_int_equal(fetch_start(lab->fetcher, &slow, &left), 0); /* tear_down cancels it */
    assert_int_equal(fetch_start(lab->fetcher, &quick, &first), 0);
    turn_until(lab, lab->n_done);
    assert_int_equal(lab->result, 0);
    assert_null(lab->other);
    assert_int_equal(event_base_loop(lab->base, EVLOOP_NONBLOCK) < 0, 0);
    assert_int_equal(lab->n_done, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_whole_answers),
        TEST(test_no_body_of_a_refusal),
        TEST(test_a_stream_comes_in_pieces),
        TEST(test_too_long),
        TEST(test_the_receiver_ends_it),
        TEST(test_no_answer),
        TEST(test_nobody_there),
        TEST(test_cancelled_ones_are_not_told),
        TEST(test_over_tcp),
        cmocka_unit_test(test_which_urls_are_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
