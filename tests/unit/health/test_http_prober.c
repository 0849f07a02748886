/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* HTTP probes against a server of the test's that answers whatever a case wants, well-formed or not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "health/http_prober.h"
#include "live_probe.h"

struct server {
    struct evconnlistener *listener;
    uint16_t port;
    const char *answer;  /* after the request's headers */
    const char *endless; /* sent again and again after it; NULL: the connection is closed */
    bool is_hanging;     /* neither: it stays open and silent */
    char request[1024];
    size_t sent;
};

static void send_endless(struct bufferevent *connection, void *user)
{
    struct server *server = user;

    if (!server->endless)
        return;
    for (unsigned i = 0; i < 200; i++) {
        (void)bufferevent_write(connection, server->endless, strlen(server->endless));
        server->sent += strlen(server->endless);
    }
}

static void on_close(struct bufferevent *connection, short what, void *user)
{
    (void)what;
    (void)user;
    bufferevent_free(connection);
}

static void on_sent(struct bufferevent *connection, void *user)
{
    (void)user;
    bufferevent_free(connection);
}

static void on_request(struct bufferevent *connection, void *user)
{
    struct server *server = user;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);

    if (end.pos < 0)
        return;
    (void)evbuffer_remove(input, server->request, sizeof(server->request) - 1);
    if (server->endless)
        bufferevent_setcb(connection, NULL, send_endless, on_close, server);
    else if (!server->is_hanging)
        bufferevent_setcb(connection, NULL, on_sent, on_close, server);
    if (*server->answer)
        (void)bufferevent_write(connection, server->answer, strlen(server->answer));
    else if (!server->is_hanging)
        bufferevent_free(connection);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *user)
{
    struct bufferevent *connection = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)address;
    (void)length;
    bufferevent_setcb(connection, on_request, NULL, on_close, user);
    (void)bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static void server_begin(struct server *server, int family)
{
    int fd = bind_loopback(family, 8, &server->port);

    server->listener =
        evconnlistener_new(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    assert_non_null(server->listener);
}

/* The server's ends of connections close when they see the probe's reset. */
static void server_end(struct server *server)
{
    evconnlistener_free(server->listener);
    loop_for(20);
}

static struct health_check check_of(const char *path, const char *host)
{
    return (struct health_check){
        .type = HEALTH_CHECK_HTTP,
        .timeout_ms = 5000,
        .status_min = 200,
        .status_max = 399,
        .path = (char *)path,
        .host = (char *)host,
    };
}

static void probe_and_expect(const struct health_check *check, int family, uint16_t port,
                             enum probe_outcome outcome, const char *reason)
{
    struct outcome told = {0};
    const struct probe_request request = {
        .check = check, .address = loopback(family), .port = port, .user = &told};
    struct http_prober *prober = NULL;
    struct http_probe *probe = NULL;

    assert_int_equal(http_prober_new(base, on_done, &prober), 0);
    assert_int_equal(http_prober_start(prober, &request, &probe), 0);
    assert_int_equal(told.count, 0);
    loop_until(is_told, &told, "the outcome");
    expect(&told, outcome, reason);
    http_prober_free(&prober);
}

static void serve_and_expect(struct server *server, const struct health_check *check,
                             enum probe_outcome outcome, const char *reason)
{
    server_begin(server, AF_INET);
    probe_and_expect(check, AF_INET, server->port, outcome, reason);
    server_end(server);
}

static void test_status(void **unused)
{
    static const struct {
        const char *answer;
        uint16_t min, max;
        enum probe_outcome outcome;
        const char *reason;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 399, PROBE_PASSED, "status 200"},
        {"HTTP/1.1 399 X\r\nContent-Length: 0\r\n\r\n", 200, 399, PROBE_PASSED, "status 399"},
        {"HTTP/1.0 204 No\r\n\r\n", 200, 399, PROBE_PASSED, "status 204"},
        {"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", 200, 399, PROBE_FAILED, "status 400, wanted 200-399"},
        {"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", 200, 399, PROBE_FAILED, "status 503, wanted 200-399"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 401, 401, PROBE_FAILED,
         "status 200, wanted 401-401"},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 401, 401, PROBE_PASSED, "status 401"},
        /* Not followed: nobody answers there. */
        {"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 200, 399,
         PROBE_PASSED, "status 302"},
        {"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 100, 399, PROBE_FAILED,
         "status 500"},
        {"", 200, 399, PROBE_FAILED, "closed without an answer"},
        {"SSH-2.0-OpenSSH_9.2\r\n", 200, 399, PROBE_FAILED, "HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless", 200, 399, PROBE_FAILED, ""},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct health_check check = check_of(NULL, NULL);
        struct server server = {.answer = cases[i].answer};

        check.status_min = cases[i].min;
        check.status_max = cases[i].max;
        serve_and_expect(&server, &check, cases[i].outcome, cases[i].reason);
    }
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void expect_in_request(const struct server *server, const char *text)
{
    if (!strstr(server->request, text))
        fail_msg("\"%s\" is not in the request:\n%s", text, server->request);
}

static void test_request(void **unused)
{
    struct health_check check = check_of("/a/../health?x=1", "backend.example");
    struct server server = {.answer = OK};

    (void)unused;
    /* Proxies of the environment are for others. */
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    serve_and_expect(&server, &check, PROBE_PASSED, "status 200");
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    expect_in_request(&server, "GET /a/../health?x=1 HTTP/1.1\r\n");
    expect_in_request(&server, "\r\nHost: backend.example\r\n");
    expect_in_request(&server, "\r\nUser-Agent: svcconnect-health/");
}

static void test_ipv6(void **unused)
{
    const struct health_check check = check_of(NULL, NULL);
    struct server server = {.answer = OK};
    char host[64];

    (void)unused;
    server_begin(&server, AF_INET6);
    probe_and_expect(&check, AF_INET6, server.port, PROBE_PASSED, "status 200");
    (void)snprintf(host, sizeof(host), "GET / HTTP/1.1\r\nHost: [::1]:%u\r\n", server.port);
    expect_in_request(&server, host);
    server_end(&server);
}

static void test_hanging(void **unused)
{
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct health_check check = check_of(NULL, NULL);
        struct server server = {.answer = answers[i], .is_hanging = true};

        check.timeout_ms = 150;
        serve_and_expect(&server, &check, PROBE_FAILED, "no complete answer within 150 ms");
    }
}

static void test_refusing_and_silent(void **unused)
{
    struct health_check check = check_of(NULL, NULL);
    struct silent silent;
    uint16_t port;
    _cleanup_close_ int fd = bind_loopback(AF_INET, -1, &port);

    (void)unused;
    probe_and_expect(&check, AF_INET, port, PROBE_FAILED, "connection refused");
    check.timeout_ms = 150;
    silent_begin(&silent);
    probe_and_expect(&check, AF_INET, silent.port, PROBE_FAILED, "within 150 ms");
    silent_end(&silent);
}

/* What never ends is cut: a body does no harm, headers and interim answers are a failure. */
static void test_endless(void **unused)
{
    const struct health_check check = check_of(NULL, NULL);
    struct server body = {.answer = "HTTP/1.1 200 OK\r\n\r\n", .endless = "0123456789abcdef0123456789abcdef"};
    struct server bad_body = {.answer = "HTTP/1.1 500 X\r\n\r\n",
                              .endless = "0123456789abcdef0123456789abcdef"};
    struct server headers = {.answer = "HTTP/1.1 200 OK\r\n",
                             .endless = "X-Y: 0123456789abcdef0123456789\r\n"};
    struct server header = {.answer = "HTTP/1.1 200 OK\r\nX: ",
                            .endless = "0123456789abcdef0123456789abcdef"};
    struct server interim = {.answer = "HTTP/1.1 103 X\r\n\r\n", .endless = "HTTP/1.1 103 X\r\nA: b\r\n\r\n"};

    (void)unused;
    serve_and_expect(&body, &check, PROBE_PASSED, "status 200");
    serve_and_expect(&bad_body, &check, PROBE_FAILED, "status 500");
    serve_and_expect(&headers, &check, PROBE_FAILED, "headers of more than 64 KiB");
    serve_and_expect(&header, &check, PROBE_FAILED, "");
    serve_and_expect(&interim, &check, PROBE_FAILED, "headers of more than 64 KiB");
    /* Much more than the bounds would have to be in buffers on the way. */
    assert_true(body.sent < 16u << 20);
    assert_true(headers.sent < 16u << 20);
    assert_true(header.sent < 16u << 20);
    assert_true(interim.sent < 16u << 20);
}

static void test_plain_server_for_https(void **unused)
{
    struct health_check check = check_of(NULL, NULL);
    struct server server = {.answer = "HTTP/1.1 400 no TLS here\r\nContent-Length: 0\r\n\r\n"};

    (void)unused;
    check.type = HEALTH_CHECK_HTTPS;
    check.timeout_ms = 500;
    serve_and_expect(&server, &check, PROBE_FAILED, "");
}

static void test_cancel_and_reuse(void **unused)
{
    const struct health_check check = check_of(NULL, NULL);
    struct health_check other = check_of("/other", "second.example");
    struct server server = {.answer = "", .is_hanging = true};
    struct outcome told = {0};
    struct probe_request request = {.check = &other, .address = loopback(AF_INET), .user = &told};
    struct http_prober *prober = NULL;
    struct http_probe *first = NULL;
    struct http_probe *second = NULL;

    (void)unused;
    server_begin(&server, AF_INET);
    request.port = server.port;
    assert_int_equal(http_prober_new(base, on_done, &prober), 0);
    assert_int_equal(http_prober_start(prober, &request, &first), 0);
    loop_for(50);
    assert_non_null(strstr(server.request, "second.example"));
    http_prober_cancel(prober, first);
    loop_for(50);
    assert_int_equal(told.count, 0);

    /* Nothing of the first is in the second. */
    memset(server.request, 0, sizeof(server.request));
    server.answer = OK;
    server.is_hanging = false;
    request.check = &check;
    assert_int_equal(http_prober_start(prober, &request, &second), 0);
    assert_ptr_equal(first, second);
    loop_until(is_told, &told, "the outcome of the second");
    expect(&told, PROBE_PASSED, "status 200");
    expect_in_request(&server, "GET / HTTP/1.1\r\nHost: 127.0.0.1:");
    http_prober_free(&prober);
    server_end(&server);
}

/* ---- a TLS server, by the openssl command ---- */

#define MAKE_CERTIFICATE                                                                                     \
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=unknown"         \
    " -keyout key.pem -out cert.pem >/dev/null 2>&1"

static pid_t start_tls_server(const char *directory, uint16_t port)
{
    pid_t pid = fork();
    char where[32];

    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* however this test ends */
    (void)snprintf(where, sizeof(where), "127.0.0.1:%u", port);
    if (chdir(directory) < 0 || !freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(1);
    (void)execlp("openssl", "openssl", "s_server", "-accept", where, "-cert", "cert.pem", "-key", "key.pem",
                 "-www", NULL);
    _exit(1);
}

static bool is_listening(void *user)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_port = htons(*(const uint16_t *)user);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static void test_tls(void **unused)
{
    struct health_check check = check_of("/", "backend.example");
    char directory[] = "/tmp/svc-health-XXXXXX";
    char command[512];
    uint16_t port;
    pid_t pid;

    (void)unused;
    if (system("command -v openssl >/dev/null 2>&1") != 0) {
        print_message("skipped: there is no openssl command for the server's part\n");
        skip();
    }
    assert_non_null(mkdtemp(directory));
    (void)snprintf(command, sizeof(command), "cd %s && " MAKE_CERTIFICATE, directory);
    assert_int_equal(system(command), 0);
    (void)close(bind_loopback(AF_INET, -1, &port));
    pid = start_tls_server(directory, port);
    assert_true(pid > 0);
    loop_until(is_listening, &port, "the TLS server listens");
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    assert_int_equal(system(command), 0);
    check.type = HEALTH_CHECK_HTTPS;
    probe_and_expect(&check, AF_INET, port, PROBE_PASSED, "status 200");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, loop_begin, loop_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_status),
        LIVE(test_request),
        LIVE(test_ipv6),
        LIVE(test_hanging),
        LIVE(test_refusing_and_silent),
        LIVE(test_endless),
        LIVE(test_plain_server_for_https),
        LIVE(test_cancel_and_reuse),
        LIVE(test_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
