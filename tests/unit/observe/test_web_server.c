/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The page over real connections: its files, its stream, who is refused, and what every answer says to a browser. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/stat.h>
#include <zlib.h>

#define HOUSE_ENDPOINTS 6000

#include "observe/totals.h"
#include "observe/web/web_files.h"
#include "observe/web/web_server.h"
#include "unit/api/api_rooms.h"
#define client reader /* the catalog has a struct of that name */
#include "unit/http/turns.h"
#undef client

#define HOST "Host: localhost\r\n"

static struct totals totals;
static struct web_server web;
static struct sockaddr_in web_address;
static char web_listen[32];

static void pick_web_port(const char *host)
{
    socklen_t length = sizeof(web_address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    web_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (const struct sockaddr *)&web_address, sizeof(web_address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&web_address, &length), 0);
    (void)close(fd);
    (void)snprintf(web_listen, sizeof(web_listen), "%s:%u", host, ntohs(web_address.sin_port));
}

static int start_web(struct lab *lab, const char *host, const char *token_file, struct error *error)
{
    const struct web_server_settings settings = {.base = lab->house.base,
                                                 .api = &lab->api,
                                                 .totals = &totals,
                                                 .listen = web_listen,
                                                 .token_file = token_file};
    int r = -EADDRINUSE;

    for (unsigned i = 0; i < 20 && r == -EADDRINUSE; i++) {
        pick_web_port(host);
        r = web_server_start(&web, &settings, error);
    }
    return r;
}

static int setup(void **state)
{
    struct lab *lab;

    if (lab_setup(state) < 0)
        return -1;
    lab = *state;
    base = lab->house.base;
    (void)signal(SIGPIPE, SIG_IGN);
    totals = (struct totals){0};
    web = (struct web_server){0};
    if (engine_follow(lab->house.engine, &totals_follower, &totals) < 0)
        return -1;
    return totals_begin(&totals, lab->house.engine, lab->house.datapath, &lab->outliers);
}

static int teardown(void **state)
{
    web_server_done(&web);
    totals_done(&totals);
    return lab_teardown(state);
}

static void start_or_fail(void **state)
{
    struct error error = {0};

    if (start_web(*state, "127.0.0.1", "off", &error) < 0)
        fail_msg("%s", error.message);
}

static struct reader ask(const char *text)
{
    struct reader client;

    client_begin(&client, AF_INET, (const struct sockaddr *)&web_address, sizeof(web_address));
    client_send(&client, text);
    return client;
}

/* The answer up to the end of the connection; client_close() ends it. */
static struct reader ask_to_the_end(const char *line, const char *fields)
{
    char text[1024];
    struct reader client;

    (void)snprintf(text, sizeof(text), "%s HTTP/1.1\r\n%sConnection: close\r\n\r\n", line, fields);
    client = ask(text);
    TURN_UNTIL((client_take(&client, SIZE_MAX), client.has_ended));
    return client;
}

static void expect_answer(const char *line, const char *fields, const char *status)
{
    struct reader client = ask_to_the_end(line, fields);

    if (client.length < 13 || strncmp(client.text + 9, status, 3) != 0)
        fail_msg("%s\n%swanted %s, but: %s", line, fields, status, client.text ? client.text : "");
    /* Refusals, too, are of no use to another site or as markup. */
    assert_int_equal(
        client_count(&client, "Content-Security-Policy: default-src 'none'; script-src 'self'; "), 1);
    assert_int_equal(client_count(&client, "unsafe-"), 0);
    assert_int_equal(client_count(&client, "trusted-types 'none'"), 1);
    assert_int_equal(client_count(&client, "frame-ancestors 'none'"), 1);
    assert_int_equal(client_count(&client, "X-Content-Type-Options: nosniff\r\n"), 1);
    assert_int_equal(client_count(&client, "Cross-Origin-Resource-Policy: same-origin\r\n"), 1);
    assert_int_equal(client_count(&client, "Access-Control-"), 0);
    assert_int_equal(client_count(&client, "Set-Cookie"), 0);
    client_close(&client);
}

static const char *body_of(const struct reader *client)
{
    const char *end = strstr(client->text, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

/* ---- files ---- */

static void test_every_file(void **state)
{
    start_or_fail(state);
    assert_in_range(web_n_files, 5, 64);
    for (size_t i = 0; i < web_n_files; i++) {
        const struct web_file *file = &web_files[i];
        char line[300];
        char length[64];
        struct reader client;

        (void)snprintf(line, sizeof(line), "GET %s", file->path);
        client = ask_to_the_end(line, HOST);
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", file->length);
        assert_int_equal(client_count(&client, length), 1);
        assert_int_equal(client_count(&client, "Content-Encoding"), 0);
        assert_int_equal(client_count(&client, file->etag), 1);
        assert_memory_equal(body_of(&client), file->bytes, file->length);
        client_close(&client);
        client = ask_to_the_end(line, HOST "Accept-Encoding: gzip, br\r\n");
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", file->packed_length);
        assert_int_equal(client_count(&client, length), 1);
        assert_int_equal(client_count(&client, "Content-Encoding: gzip\r\n"), 1);
        assert_int_equal(client_count(&client, "Vary: Accept-Encoding\r\n"), 1);
        assert_memory_equal(body_of(&client), file->packed, file->packed_length);
        client_close(&client);
    }
}

/* Packed and as it is are the same bytes. */
static void test_packed_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < web_n_files; i++) {
        const struct web_file *file = &web_files[i];
        unsigned char *plain = malloc(file->length + 1);
        z_stream unpacker = {.next_in = (unsigned char *)(uintptr_t)file->packed,
                             .avail_in = (uInt)file->packed_length,
                             .next_out = plain,
                             .avail_out = (uInt)file->length + 1};

        assert_non_null(plain);
        assert_int_equal(inflateInit2(&unpacker, 31), Z_OK);
        assert_int_equal(inflate(&unpacker, Z_FINISH), Z_STREAM_END);
        assert_int_equal(unpacker.total_out, file->length);
        assert_memory_equal(plain, file->bytes, file->length);
        assert_int_equal(inflateEnd(&unpacker), Z_OK);
        free(plain);
    }
}

static bool is_part_of(const struct web_file *file, const char *part)
{
    return memmem(file->bytes, file->length, part, strlen(part)) != NULL;
}

/* The page asks nobody else for anything, and has no script or style that its own policy would refuse. */
static void test_the_page_is_by_itself(void **state)
{
    const struct web_file *page = web_file_find("/");

    (void)state;
    assert_non_null(page);
    assert_non_null(web_file_find("/vendor/preact.LICENSE"));
    assert_non_null(web_file_find("/vendor/htm.LICENSE"));
    assert_non_null(web_file_find("/vendor/uPlot.LICENSE"));
    assert_null(web_file_find("/index.html"));
    assert_null(web_file_find(""));
    assert_false(is_part_of(page, "http:"));
    assert_false(is_part_of(page, "https:"));
    assert_false(is_part_of(page, "style="));
    assert_false(is_part_of(page, "<style"));
    assert_false(is_part_of(page, "onload"));
    for (size_t i = 0; i < web_n_files; i++) {
        const struct web_file *file = &web_files[i];

        if (strstr(file->path, ".js") && !strstr(file->path, "/vendor/")) {
            assert_false(is_part_of(file, "innerHTML"));
            assert_false(is_part_of(file, "dangerouslySetInnerHTML"));
            assert_false(is_part_of(file, "http://"));
            assert_false(is_part_of(file, "https://"));
            assert_false(is_part_of(file, "eval("));
        }
    }
}

static void test_what_a_browser_has_already(void **state)
{
    const struct web_file *file = web_file_find("/page.js");
    char fields[256];
    struct reader client;

    start_or_fail(state);
    assert_non_null(file);
    (void)snprintf(fields, sizeof(fields), HOST "If-None-Match: \"other\", W/%s\r\n", file->etag);
    client = ask_to_the_end("GET /page.js", fields);
    assert_int_equal(client_count(&client, "HTTP/1.1 304 Not Modified\r\n"), 1);
    assert_int_equal(client_count(&client, file->etag), 1);
    assert_string_equal(body_of(&client), "");
    client_close(&client);
    expect_answer("GET /page.js", HOST "If-None-Match: \"other\"\r\n", "200");
    client = ask_to_the_end("HEAD /page.js", HOST);
    assert_int_equal(client_count(&client, "HTTP/1.1 200 OK\r\n"), 1);
    assert_string_equal(body_of(&client), "");
    client_close(&client);
}

/* ---- who is refused ---- */

static void test_refusals(void **state)
{
    start_or_fail(state);
    expect_answer("GET /", HOST, "200");
    expect_answer("GET /?utm=1", HOST, "200");
    expect_answer("GET /nothing", HOST, "404");
    expect_answer("GET /../page.js", HOST, "404");
    expect_answer("GET /%70age.js", HOST, "404");
    expect_answer("GET /v1/status", HOST, "404");
    expect_answer("GET /metrics", HOST, "404");
    expect_answer("GET /", "Host: rebound.example\r\n", "403");
    expect_answer("GET /live", "Host: rebound.example:9466\r\n", "403");
    expect_answer("GET /", "", "400");
    expect_answer("POST /", HOST "Content-Length: 0\r\n", "405");
    expect_answer("DELETE /live", HOST "Content-Length: 0\r\n", "405");
    expect_answer("GET /live", HOST "Sec-Fetch-Site: cross-site\r\n", "403");
}

static void test_with_a_token(void **state)
{
    static const char token[] = "0123456789abcdef";
    char path[] = "/tmp/test_web_server-XXXXXX";
    struct error error = {0};
    struct reader client;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, token, strlen(token)), strlen(token));
    (void)close(fd);
    if (start_web(*state, "0.0.0.0", path, &error) < 0)
        fail_msg("%s", error.message);
    (void)unlink(path);
    client = ask_to_the_end("GET /", HOST);
    assert_int_equal(client_count(&client, "HTTP/1.1 401 Unauthorized\r\n"), 1);
    assert_int_equal(client_count(&client, "WWW-Authenticate: Basic realm=\"svcconnect\""), 1);
    client_close(&client);
    expect_answer("GET /live", HOST, "401");
    expect_answer("GET /nothing", HOST, "401");
    expect_answer("GET /", HOST "Authorization: Bearer 0123456789abcdef\r\n", "200");
    expect_answer("GET /", "Host: proxy.example\r\nAuthorization: Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
                  "200");
    expect_answer("GET /", HOST "Authorization: Bearer 0123456789abcdee\r\n", "401");
}

/* Beyond loopback not without one, and not with one that others may read. */
static void test_no_start_without_a_token(void **state)
{
    struct error error = {0};
    char path[] = "/tmp/test_web_server-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789abcdef", 16), 16);
    assert_int_equal(start_web(*state, "0.0.0.0", "off", &error), -EINVAL);
    assert_non_null(strstr(error.message, "webTokenFile"));
    assert_null(web.listener.server);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(start_web(*state, "0.0.0.0", path, &error), -EACCES);
    assert_int_equal(start_web(*state, "127.0.0.1", path, &error), -EACCES);
    assert_int_equal(start_web(*state, "127.0.0.1", "/nowhere/token", &error), -ENOENT);
    (void)close(fd);
    (void)unlink(path);
}

/* ---- the stream ---- */

static void test_stream(void **state)
{
    struct lab *lab = *state;
    struct reader client;

    start_or_fail(state);
    house_put(&lab->house, "services/default/web", "{\"clientAliases\":[]}");
    client = ask("GET /live?service=web&namespace=default&tasks=1 HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(client_count(&client, "event: round\n") >= 2);
    assert_int_equal(client_count(&client, "Content-Type: text/event-stream; charset=utf-8\r\n"), 1);
    assert_int_equal(client_count(&client, "Cache-Control: no-store\r\n"), 1);
    assert_int_equal(client_count(&client, "event: service\n"), 1);
    assert_int_equal(client_count(&client, "\"name\":\"web\""), 1);
    assert_true(client_count(&client, "event: status\n") >= 2);
    assert_true(client_count(&client, "\"state\":\"ok\"") >= 2);
    client_close(&client);
}

/* Each of the readers that there may be is told; one more is refused, and has a place when one has left. */
static void test_many_readers(void **state)
{
    struct reader clients[17];
    const size_t most = 16;

    start_or_fail(state);
    for (size_t i = 0; i < most; i++) {
        clients[i] = ask("GET /live HTTP/1.1\r\n" HOST "\r\n");
        TURN_UNTIL(client_count(&clients[i], "event: round\n") >= 1);
    }
    clients[most] = ask_to_the_end("GET /live", HOST);
    assert_int_equal(client_count(&clients[most], "HTTP/1.1 503 "), 1);
    client_close(&clients[most]);
    expect_answer("GET /", HOST, "200");
    client_close(&clients[3]);
    for (unsigned i = 0; i < 50; i++)
        turn();
    clients[3] = ask("GET /live HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(client_count(&clients[3], "event: round\n") >= 1);
    for (size_t i = 0; i < most; i++)
        client_close(&clients[i]);
}

static void test_off(void **state)
{
    struct error error = {0};
    const struct web_server_settings settings = {.listen = "off", .token_file = "/nowhere/token"};

    (void)state;
    assert_int_equal(web_server_start(&web, &settings, &error), 0);
    assert_null(web.listener.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_file, setup, teardown),
        cmocka_unit_test(test_packed_files),
        cmocka_unit_test(test_the_page_is_by_itself),
        cmocka_unit_test_setup_teardown(test_what_a_browser_has_already, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_start_without_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_off, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
