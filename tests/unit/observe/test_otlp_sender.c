/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests to a collector, against libevent's own HTTP server: what is asked for again, what is not, and when; and headers from a file. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "observe/otlp/otlp_sender.h"

#define PAUSE_MS 40

struct lab {
    struct event_base *base;
    struct evhttp *server;
    struct evhttp_bound_socket *bound;
    struct otlp_sender sender;
    struct otlp_headers headers;
    char endpoint[64];
    /* the server's side */
    int status;
    const char *answer;
    unsigned n_requests;
    char target[64], key[64], body[64];
    /* of whoever has what is sent */
    unsigned left, n_ended;
    enum otlp_end end;
    uint64_t rejected;
};

static void collect(struct evhttp_request *request, void *user)
{
    struct lab *lab = user;
    const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "X-Key");
    struct evbuffer *body = evhttp_request_get_input_buffer(request), *answer = evbuffer_new();
    size_t n = evbuffer_get_length(body);

    lab->n_requests++;
    (void)snprintf(lab->target, sizeof(lab->target), "%s", evhttp_request_get_uri(request));
    (void)snprintf(lab->key, sizeof(lab->key), "%s", key ? key : "");
    assert_true(n < sizeof(lab->body));
    (void)evbuffer_remove(body, lab->body, n);
    lab->body[n] = '\0';
    (void)evbuffer_add(answer, lab->answer, strlen(lab->answer));
    evhttp_send_reply(request, lab->status, "x", answer);
    evbuffer_free(answer);
}

static const char *next_of(void *user, char **ret_body)
{
    struct lab *lab = user;

    if (lab->left == 0)
        return NULL;
    assert_true(asprintf(ret_body, "{\"left\":%u}", lab->left) > 0);
    return "/v1/traces";
}

static void on_end(void *user, enum otlp_end end, uint64_t rejected)
{
    struct lab *lab = user;

    lab->n_ended++;
    lab->end = end;
    lab->rejected = rejected;
    if (end != OTLP_LATER)
        lab->left--;
}

static int sender_set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    struct otlp_sender_settings settings = {
        .headers = &lab->headers, .pause_ms = PAUSE_MS, .next = next_of, .ended = on_end, .user = lab};
    struct error error = {0};

    assert_non_null(lab);
    lab->base = event_base_new();
    lab->server = evhttp_new(lab->base);
    evhttp_set_gencb(lab->server, collect, lab);
    lab->bound = evhttp_bind_socket_with_handle(lab->server, "127.0.0.1", 0);
    assert_non_null(lab->bound);
    assert_int_equal(getsockname(evhttp_bound_socket_get_fd(lab->bound), (struct sockaddr *)&address, &size),
                     0);
    (void)snprintf(lab->endpoint, sizeof(lab->endpoint), "http://127.0.0.1:%u/otlp/",
                   ntohs(address.sin_port));
    assert_int_equal(otlp_headers_parse(strdup("X-Key: k\n"), "f", &lab->headers, &error), 0);
    settings.base = lab->base;
    settings.endpoint = lab->endpoint;
    assert_int_equal(otlp_sender_begin(&lab->sender, &settings), 0);
    lab->status = 200;
    lab->answer = "{}";
    *state = lab;
    return 0;
}

static int sender_tear_down(void **state)
{
    struct lab *lab = *state;

    otlp_sender_done(&lab->sender);
    otlp_headers_done(&lab->headers);
    evhttp_free(lab->server);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static void turn_until_ended(struct lab *lab, unsigned n)
{
    while (lab->n_ended < n)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
}

static void test_all_is_sent_one_by_one(void **state)
{
    struct lab *lab = *state;

    otlp_sender_look(&lab->sender);
    assert_null(lab->sender.fetch);
    lab->left = 3;
    otlp_sender_look(&lab->sender);
    otlp_sender_look(&lab->sender); /* one is under way */
    turn_until_ended(lab, 3);
    assert_int_equal(lab->n_requests, 3);
    assert_int_equal(lab->end, OTLP_TAKEN);
    assert_int_equal(lab->left, 0);
    assert_string_equal(lab->target, "/otlp/v1/traces");
    assert_string_equal(lab->key, "k");
    assert_string_equal(lab->body, "{\"left\":1}");
    assert_null(lab->sender.fetch);
}

static void test_what_may_pass_is_tried_again(void **state)
{
    struct lab *lab = *state;

    uint64_t began_ms = clock_monotonic_ms();

    lab->status = 503;
    lab->left = 1;
    otlp_sender_look(&lab->sender);
    turn_until_ended(lab, 1);
    assert_int_equal(lab->end, OTLP_LATER);
    assert_int_equal(lab->sender.failures, 1);
    assert_non_null(strstr(lab->sender.reason, "503"));
    assert_true(lab->sender.not_before >= began_ms + PAUSE_MS);
    while (!lab->sender.fetch)
        otlp_sender_look(&lab->sender);
    assert_true(clock_monotonic_ms() >= lab->sender.not_before);
    lab->status = 200;
    turn_until_ended(lab, 2);
    assert_int_equal(lab->end, OTLP_TAKEN);
    assert_int_equal(lab->sender.failures, 0);
    assert_int_equal(lab->left, 0);
}

static void test_what_will_not_pass_is_given_up(void **state)
{
    struct lab *lab = *state;

    lab->status = 400;
    lab->left = 2;
    otlp_sender_look(&lab->sender);
    turn_until_ended(lab, 2);
    assert_int_equal(lab->end, OTLP_REFUSED);
    assert_int_equal(lab->n_requests, 2);
    assert_int_equal(lab->sender.failures, 2);
}

static void test_nobody_listens(void **state)
{
    struct lab *lab = *state;

    evhttp_del_accept_socket(lab->server, lab->bound);
    lab->left = 1;
    otlp_sender_look(&lab->sender);
    turn_until_ended(lab, 1);
    assert_int_equal(lab->end, OTLP_LATER);
    assert_true(*lab->sender.reason);
}

static void test_part_of_it_is_rejected(void **state)
{
    struct lab *lab = *state;

    lab->answer = "{\"partialSuccess\":{\"rejectedSpans\":\"5\",\"errorMessage\":\"old\"}}";
    lab->left = 1;
    otlp_sender_look(&lab->sender);
    turn_until_ended(lab, 1);
    assert_int_equal(lab->end, OTLP_TAKEN);
    assert_int_equal(lab->rejected, 5);
}

/* ---- judging ---- */

static void test_judging(void **state)
{
    static const char points[] = "{\"partialSuccess\":{\"rejectedDataPoints\":7}}";

    (void)state;
    assert_int_equal(otlp_judge(200), OTLP_TAKEN);
    assert_int_equal(otlp_judge(202), OTLP_TAKEN);
    assert_int_equal(otlp_judge(429), OTLP_LATER);
    assert_int_equal(otlp_judge(502), OTLP_LATER);
    assert_int_equal(otlp_judge(504), OTLP_LATER);
    assert_int_equal(otlp_judge(500), OTLP_REFUSED);
    assert_int_equal(otlp_judge(307), OTLP_REFUSED);
    assert_int_equal(otlp_judge(404), OTLP_REFUSED);
    assert_int_equal(otlp_rejected(points, strlen(points)), 7);
    assert_int_equal(otlp_rejected("", 0), 0);
    assert_int_equal(otlp_rejected("{\"partialSuccess\":{}}", 21), 0);
    assert_int_equal(otlp_pause_ms(1000, 0), 0);
    assert_int_equal(otlp_pause_ms(1000, 1), 1000);
    assert_int_equal(otlp_pause_ms(1000, 4), 8000);
    assert_int_equal(otlp_pause_ms(1000, 7), OTLP_PAUSE_MOST_MS);
    assert_int_equal(otlp_pause_ms(1000, UINT32_MAX), OTLP_PAUSE_MOST_MS);
}

/* ---- headers ---- */

static void test_headers_of_a_text(void **state)
{
    static const char good[] = "# of the vendor\n\nAuthorization: Bearer a:b\r\nx-scope-orgid:\tme";
    static const char *const bad[] = {"no colon",
                                      ": value",
                                      "Name:",
                                      "Name:  ",
                                      "Na me: x",
                                      "Name : x",
                                      "X: \x01",
                                      "X: \xc3\xbc",
                                      "Host: x",
                                      "content-type: text",
                                      "Transfer-Encoding: chunked"};
    struct otlp_headers headers = {0};
    struct error error = {0};
    char many[OTLP_HEADERS_MOST * 5 + 6] = "";

    (void)state;
    assert_int_equal(otlp_headers_parse(strdup(good), "f", &headers, &error), 0);
    assert_int_equal(headers.n, 2);
    assert_string_equal(headers.lines[0], "Authorization: Bearer a:b");
    assert_string_equal(headers.lines[1], "x-scope-orgid:\tme");
    otlp_headers_done(&headers);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "A: secret\n%s\n", bad[i]);
        if (otlp_headers_parse(strdup(text), "f", &headers, &error) != -EINVAL)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(error.message, "line 2 of f"));
        assert_null(strstr(error.message, "secret"));
    }
    for (unsigned i = 0; i <= OTLP_HEADERS_MOST; i++)
        (void)strcat(many, "A: b\n");
    assert_int_equal(otlp_headers_parse(strdup(many), "f", &headers, &error), -EINVAL);
    many[OTLP_HEADERS_MOST * 5] = '\0';
    assert_int_equal(otlp_headers_parse(strdup(many), "f", &headers, &error), 0);
    otlp_headers_done(&headers);
}

static void test_headers_of_a_file(void **state)
{
    char path[] = "/tmp/test-otlp-XXXXXX";
    int fd = mkstemp(path);
    struct otlp_headers headers = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(write(fd, "A: b\n", 5), 5);
    assert_int_equal(otlp_headers_read(path, &headers, &error), 0);
    assert_string_equal(headers.lines[0], "A: b");
    otlp_headers_done(&headers);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(otlp_headers_read(path, &headers, &error), -EACCES);
    assert_non_null(strstr(error.message, "otlp.headersFile"));
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(otlp_headers_read(path, &headers, &error), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, sender_set_up, sender_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_all_is_sent_one_by_one),         TEST(test_what_may_pass_is_tried_again),
        TEST(test_what_will_not_pass_is_given_up), TEST(test_nobody_listens),
        TEST(test_part_of_it_is_rejected),         cmocka_unit_test(test_judging),
        cmocka_unit_test(test_headers_of_a_text),  cmocka_unit_test(test_headers_of_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
