/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may come in, how much of it, and how slowly: the socket, the limits, several clients at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <sys/stat.h>

#include "live_server.h"

static atomic_int calls; /* of the handler, which runs in the server's thread */

static int count(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)call;
    (void)error;
    (void)user;
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(*ret_answer, "calls", atomic_fetch_add(&calls, 1) + 1);
    return 0;
}

static const struct control_route routes[] = {
    {EVHTTP_REQ_GET, "/v1/count", count, 0, false},
    {EVHTTP_REQ_POST, "/v1/count", count, 0, false},
    {0, NULL, NULL, 0, false},
};

static const struct control_table table = {routes, NULL, NULL};

static int setup(void **state)
{
    (void)state;
    atomic_store(&calls, 0);
    return server_start(routes);
}

static int teardown(void **state)
{
    (void)state;
    return server_end();
}

/* ---- the socket ---- */

/* Whatever mask the daemon was started with: the socket has its own mode, and the mask stays as it was. */
static void test_mode(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    char other[128];
    struct stat info;

    (void)state;
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    assert_int_equal(info.st_mode & 07777, 0660);
    (void)snprintf(other, sizeof(other), "%s/other.sock", directory);
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        struct event_base *own_base = event_base_new();
        struct control_server *second = NULL;
        mode_t before = umask(masks[i]);
        int r = control_server_new(own_base, other, &table, 1, &second, NULL);
        mode_t after = umask(before);

        assert_int_equal(r, 0);
        assert_int_equal(after, masks[i]);
        assert_int_equal(stat(other, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0660);
        control_server_free(&second);
        assert_null(second);
        assert_int_equal(access(other, F_OK), -1);
        control_server_free(&second);
        event_base_free(own_base);
    }
}

static int try_second(const char *socket_path, struct error *error)
{
    struct event_base *own_base = event_base_new();
    struct control_server *second = NULL;
    int r = control_server_new(own_base, socket_path, &table, 1, &second, error);

    assert_int_equal(second == NULL, r != 0);
    control_server_free(&second);
    event_base_free(own_base);
    return r;
}

/* What a killed daemon leaves behind is not in the way of the next one. */
static void test_stale_socket_is_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale.sock", directory);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(access(address.sun_path, F_OK), 0);
    assert_int_equal(try_second(address.sun_path, NULL), 0);
}

static void test_live_socket_is_refused(void **state)
{
    _cleanup_(answer_done) struct answer answer = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(try_second(path, &error), -EADDRINUSE);
    assert_int_equal(error.number, EADDRINUSE);
    assert_non_null(strstr(error.message, path));
    request("GET", "/v1/count", "", 0, &answer); /* and the first one goes on */
    assert_int_equal(answer.status, 200);
}

static void test_paths_that_cannot_be(void **state)
{
    char longer[160];
    struct error error = {0};

    (void)state;
    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(try_second(longer, &error), -EINVAL);
    assert_string_equal(error.field, "--run-dir");
    (void)snprintf(longer, sizeof(longer), "%s/missing/api.sock", directory);
    assert_int_equal(try_second(longer, &error), -ENOENT);
    assert_non_null(strstr(error.message, longer));
}

/* ---- limits ---- */

/* {} and white space to the length. */
static char *body_of(size_t length)
{
    char *body = malloc(length);

    assert_non_null(body);
    memset(body, ' ', length);
    memcpy(body, "{}", 2);
    return body;
}

static void test_body_at_the_limit(void **state)
{
    _cleanup_free_ char *body = body_of(CONTROL_MAX_BODY);
    _cleanup_(answer_done) struct answer answer = {0};

    (void)state;
    request("POST", "/v1/count", body, CONTROL_MAX_BODY, &answer);
    assert_int_equal(answer.status, 200);
}

static void test_body_of_two_mebibytes(void **state)
{
    _cleanup_free_ char *body = body_of((size_t)2 << 20);
    _cleanup_(answer_done) struct answer answer = {0};

    (void)state;
    request("POST", "/v1/count", body, (size_t)2 << 20, &answer);
    assert_int_equal(atomic_load(&calls), 0);
    (void)error_of(&answer, 413);
}

/* The same without a Content-Length that would give it away. */
static void test_chunked_body_of_two_mebibytes(void **state)
{
    static const char head[] = "POST /v1/count HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    _cleanup_close_ int fd = connected();
    _cleanup_(answer_done) struct answer answer = {0};
    char chunk[7 + 65536 + 2];

    (void)state;
    memset(chunk, ' ', sizeof(chunk));
    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + sizeof(chunk) - 2, "\r\n", 2);
    send_all(fd, head, strlen(head));
    for (int i = 0; i < 32; i++)
        send_all(fd, chunk, sizeof(chunk));
    send_all(fd, "0\r\n\r\n", 5);
    receive(fd, &answer);
    assert_int_equal(atomic_load(&calls), 0);
    (void)error_of(&answer, 413);
}

static void test_headers_beyond_the_limit(void **state)
{
    _cleanup_close_ int fd = connected();
    _cleanup_(answer_done) struct answer answer = {0};
    char head[CONTROL_MAX_HEADERS + 1024];
    int n = snprintf(head, sizeof(head), "GET /v1/count HTTP/1.1\r\nConnection: close\r\nX: ");

    (void)state;
    memset(head + n, 'x', sizeof(head) - (size_t)n);
    memcpy(head + sizeof(head) - 4, "\r\n\r\n", 4);
    send_all(fd, head, sizeof(head));
    receive(fd, &answer);
    assert_int_equal(atomic_load(&calls), 0);
    assert_in_range(answer.status, 400, 499); /* what is no HTTP, libevent answers by itself */
}

/* ---- several at once ---- */

/* One stops in its head, one in its body; others come and go meanwhile, then both go on. */
static void test_half_a_request_blocks_nobody(void **state)
{
    static const char head[] = "POST /v1/count HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                               "Content-Length: 8\r\n\r\n";
    _cleanup_close_ int in_head = connected();
    _cleanup_close_ int in_body = connected();
    _cleanup_(answer_done) struct answer late_head = {0};
    _cleanup_(answer_done) struct answer late_body = {0};

    (void)state;
    send_all(in_head, head, 20);
    send_all(in_body, head, strlen(head));
    send_all(in_body, "{\"a\"", 4);
    for (int i = 1; i <= 3; i++) {
        _cleanup_(answer_done) struct answer answer = {0};

        request("GET", "/v1/count", "", 0, &answer);
        assert_int_equal(answer.status, 200);
        assert_int_equal(atomic_load(&calls), i);
    }
    send_all(in_head, head + 20, strlen(head) - 20);
    send_all(in_head, "{\"a\":12}", 8);
    receive(in_head, &late_head);
    assert_int_equal(late_head.status, 200);
    send_all(in_body, ":12}", 4);
    receive(in_body, &late_body);
    assert_int_equal(late_body.status, 200);
    assert_int_equal(atomic_load(&calls), 5);
}

/* Gone in the middle of a request, or without reading the answer: the server stays. */
static void test_clients_that_leave(void **state)
{
    static const char *const pieces[] = {"",
                                         "GET /v1/cou",
                                         "GET /v1/count HTTP/1.1\r\n\r\n",
                                         "POST /v1/count HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{",
                                         "\r\n\r\n",
                                         "nonsense\r\n\r\n",
                                         "GET  HTTP/9.9\r\n\r\n"};
    _cleanup_(answer_done) struct answer answer = {0};

    (void)state;
    for (size_t i = 0; i < 10 * ARRAY_SIZE(pieces); i++) {
        int fd = connected();

        send_all(fd, pieces[i % ARRAY_SIZE(pieces)], strlen(pieces[i % ARRAY_SIZE(pieces)]));
        assert_int_equal(close(fd), 0);
    }
    request("GET", "/v1/count", "", 0, &answer);
    assert_int_equal(answer.status, 200);
}

static void test_requests_on_one_connection(void **state)
{
    static const char first[] = "GET /v1/count HTTP/1.1\r\nHost: h\r\n\r\n";
    static const char last[] = "GET /v1/count HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    _cleanup_close_ int fd = connected();
    _cleanup_(answer_done) struct answer answer = {0};
    char text[512] = "";
    size_t length = 0;

    (void)state;
    send_all(fd, first, strlen(first));
    while (!strstr(text, "{\"calls\":1}")) {
        ssize_t n = recv(fd, text + length, sizeof(text) - 1 - length, 0);

        assert_true(n > 0);
        length += (size_t)n;
    }
    send_all(fd, last, strlen(last));
    receive(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"calls\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_live_socket_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_at_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_of_two_mebibytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_body_of_two_mebibytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_beyond_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_a_request_blocks_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_that_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_on_one_connection, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
