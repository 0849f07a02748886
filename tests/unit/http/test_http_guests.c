/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is let send a body, how many bytes are held, and who gives way when there are too many connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "http/guests.h"
#include "turned_server.h"

#define POST(path, length) "POST " path " HTTP/1.1\r\nX-Key: mine\r\nContent-Length: " length "\r\n\r\n"
#define STRANGER(length)   "POST /later HTTP/1.1\r\nContent-Length: " length "\r\n\r\n"

static unsigned n_judged;

static int admit(const struct http_request *request, struct evbuffer *answer, void *user)
{
    assert_string_equal(user, "user");
    n_judged++;
    if (http_request_header(request, "x-key"))
        return 0;
    (void)evbuffer_add_printf(answer, "no key");
    return 403;
}

static int setup_guests(void **state)
{
    n_judged = 0;
    service.admit = admit;
    return setup(state);
}

static void send_bytes(struct client *client, size_t n)
{
    char *text = malloc(n + 1);

    memset(text, 'x', n);
    text[n] = '\0';
    client_send(client, text);
    free(text);
}

/* Refused by its head: nothing of its body is kept, and what follows is answered in turn. */
static void test_body_of_a_stranger(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    client = ask(STRANGER("200000"));
    TURN_UNTIL(n_judged == 1);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(client_count(&client, "no key"), 0);
        send_bytes(&client, 20000);
        TURN_UNTIL(server->first->n_thrown == (i + 1) * 20000ul || client_count(&client, "no key") == 1);
        assert_int_equal(server->n_bytes, 0);
        assert_int_equal(evbuffer_get_length(bufferevent_get_input(server->first->socket)), 0);
    }
    TURN_UNTIL(client_count(&client, "HTTP/1.1 403 Forbidden") == 1);
    assert_int_equal(n_calls, 0);
    client_send(&client, POST("/now", "0"));
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    client_close(&client);
}

/* It has not begun to send: the answer comes at once, and the connection ends. */
static void test_stranger_that_asks_first(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    client = ask("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 500000\r\n\r\n");
    TURN_UNTIL(client_take(&client, SIZE_MAX));
    assert_non_null(strstr(client.text, "HTTP/1.1 403 Forbidden"));
    assert_null(strstr(client.text, "100 Continue"));
    client_close(&client);
}

static void test_guest_that_asks_first(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){0});
    client = ask("POST /now HTTP/1.1\r\nX-Key: mine\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    TURN_UNTIL(client_count(&client, "HTTP/1.1 100 Continue") == 1);
    client_send(&client, "body");
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    client_close(&client);
}

/* Held: what is on its way, and what a reply keeps until it is sent. */
static void test_bytes_that_are_held(void **state)
{
    struct client clients[3];

    (void)state;
    start((struct http_limits){.body_bytes = 100});
    clients[0] = ask(POST("/later", "60"));
    TURN_UNTIL(n_judged == 1);
    assert_int_equal(server->n_bytes, 60);
    clients[1] = ask(POST("/later", "41"));
    send_bytes(&clients[1], 41);
    TURN_UNTIL(client_count(&clients[1], "refused 503: too many requests") == 1);
    send_bytes(&clients[0], 60);
    TURN_UNTIL(n_replies == 1);
    assert_int_equal(server->n_bytes, 60);
    clients[2] = ask(POST("/now", "40"));
    send_bytes(&clients[2], 40);
    TURN_UNTIL(client_count(&clients[2], "\r\n\r\nnow") == 1);
    assert_int_equal(server->n_bytes, 60);
    send_reply(0, "done");
    assert_int_equal(server->n_bytes, 0);
    client_send(&clients[1], POST("/now", "41"));
    send_bytes(&clients[1], 41);
    TURN_UNTIL(client_count(&clients[1], "\r\n\r\nnow") == 1); /* refused once, not for ever */
    for (unsigned i = 0; i < 3; i++)
        client_close(&clients[i]);
    TURN_UNTIL(server->n == 0);
}

/* One that leaves in the middle of its body holds nothing. */
static void test_bytes_of_one_that_left(void **state)
{
    struct client client;

    (void)state;
    start((struct http_limits){.body_bytes = 100});
    client = ask(POST("/later", "60") "some");
    TURN_UNTIL(n_judged == 1);
    client_close(&client);
    TURN_UNTIL(server->n == 0);
    assert_int_equal(server->n_bytes, 0);
}

/* The first that came goes first; who was admitted stays, as do those that came later. */
static void test_strangers_give_way(void **state)
{
    struct client guest;
    struct client strangers[4];
    struct client late;

    (void)state;
    start((struct http_limits){.connections = 4});
    guest = ask(POST("/now", "0"));
    TURN_UNTIL(client_count(&guest, "\r\n\r\nnow") == 1);
    for (unsigned i = 0; i < 3; i++) {
        strangers[i] = ask("POST / HT");
        TURN_UNTIL(server->n == 2 + i);
    }
    late = ask(POST("/now", "0"));
    TURN_UNTIL(client_count(&late, "\r\n\r\nnow") == 1);
    TURN_UNTIL(has_ended(&strangers[0]));
    assert_int_equal(server->n, 4);
    strangers[3] = ask("POST / HT");
    TURN_UNTIL(has_ended(&strangers[1]));
    assert_false(has_ended(&strangers[2]));
    client_send(&guest, POST("/now", "0"));
    TURN_UNTIL(client_count(&guest, "\r\n\r\nnow") == 2);
    client_close(&guest);
    client_close(&late);
    for (unsigned i = 0; i < 4; i++)
        client_close(&strangers[i]);
}

/* Where all have been admitted the next one waits, and is served when there is room. */
static void test_guests_do_not_give_way(void **state)
{
    struct client guests[2];
    struct client late;

    (void)state;
    start((struct http_limits){.connections = 2});
    for (unsigned i = 0; i < 2; i++) {
        guests[i] = ask(POST("/now", "0"));
        TURN_UNTIL(client_count(&guests[i], "\r\n\r\nnow") == 1);
    }
    late = ask(POST("/now", "0"));
    for (unsigned i = 0; i < 20; i++)
        turn();
    assert_int_equal(client_count(&late, "\r\n\r\nnow"), 0);
    assert_int_equal(server->n, 2);
    client_close(&guests[0]);
    TURN_UNTIL(client_count(&late, "\r\n\r\nnow") == 1);
    client_close(&guests[1]);
    client_close(&late);
}

static struct client ask_from(const char *from, const char *text)
{
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in source = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, from, &source.sin_addr), 1);
    assert_int_equal(bind(client.fd, (const struct sockaddr *)&source, sizeof(source)), 0);
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
    client_send(&client, text);
    return client;
}

/* A peer with more than its share takes from itself. */
static void test_share_of_a_peer(void **state)
{
    struct client other;
    struct client greedy[8];

    (void)state;
    start((struct http_limits){.connections = 8});
    other = ask_from("127.0.0.2", "POST / HT");
    TURN_UNTIL(server->n == 1);
    for (unsigned i = 0; i < 7; i++) {
        greedy[i] = ask_from("127.0.0.3", "POST / HT");
        TURN_UNTIL(server->n == 2 + i);
    }
    greedy[7] = ask_from("127.0.0.3", "POST / HT");
    TURN_UNTIL(has_ended(&greedy[0]));
    assert_false(has_ended(&other));
    client_send(&other, "TP/1.1\r\nX-Key: mine\r\nContent-Length: 0\r\n\r\n");
    TURN_UNTIL(n_calls == 1 || n_replies == 1);
    client_close(&other);
    for (unsigned i = 0; i < 8; i++)
        client_close(&greedy[i]);
}

/* Without a descriptor nobody is accepted, and the loop is not kept busy with trying. */
static void test_no_descriptors(void **state)
{
    struct rlimit before;
    struct rlimit none;
    struct client client;

    (void)state;
    start((struct http_limits){.request_ms = 900});
    client_begin(&client, AF_INET, (const struct sockaddr *)&address, sizeof(address));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    TURN_UNTIL(server->pause.is_on);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    client_send(&client, POST("/now", "0"));
    TURN_UNTIL(client_count(&client, "\r\n\r\nnow") == 1);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_body_of_a_stranger, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_stranger_that_asks_first, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_guest_that_asks_first, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_are_held, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_of_one_that_left, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_strangers_give_way, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_guests_do_not_give_way, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_share_of_a_peer, setup_guests, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptors, setup_guests, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
