/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An event loop that a test turns by hand, and clients that never block: between two turns a test can look at
 * the server's state. Included after cmocka.h.
 */
#pragma once

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static struct event_base *base;

static inline void turn(void)
{
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Turns until it is so; what takes this long does not come any more. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t turning_since_ms = clock_monotonic_ms();                                                    \
                                                                                                             \
        while (!(condition)) {                                                                               \
            turn();                                                                                          \
            if (clock_monotonic_ms() - turning_since_ms > 20000)                                             \
                fail_msg("never came true: %s", #condition);                                                 \
        }                                                                                                    \
    } while (0)

struct client {
    int fd;
    char *text; /* what came, ending in NUL */
    size_t length;
    size_t room;
    bool has_ended;
    int error; /* that it ended with */
};

static inline void client_begin(struct client *client, int family, const struct sockaddr *address,
                                socklen_t length)
{
    *client = (struct client){.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, address, length), 0);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
    free(client->text);
    client->text = NULL;
}

static inline void client_send(struct client *client, const char *text)
{
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Takes at most so many bytes of what is there. Returns whether anything has come so far. */
static inline bool client_take(struct client *client, size_t most)
{
    while (most > 0 && !client->has_ended) {
        ssize_t n;

        if (client->room - client->length < 65537) {
            client->room = client->room * 2 + 131072;
            client->text = realloc(client->text, client->room);
            assert_non_null(client->text);
            client->text[client->length] = '\0';
        }
        n = recv(client->fd, client->text + client->length, most < 65536 ? most : 65536, 0);
        if (n < 0 && errno == EAGAIN)
            break;
        client->has_ended = n <= 0;
        client->error = n < 0 ? errno : 0;
        if (n > 0) {
            client->length += (size_t)n;
            most -= (size_t)n;
        }
        client->text[client->length] = '\0';
    }
    return client->length > 0;
}

/* How often a text stands in what has come. */
static inline unsigned client_count(struct client *client, const char *part)
{
    unsigned n = 0;

    (void)client_take(client, SIZE_MAX);
    for (const char *at = client->text; at && (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

/* Takes the chunks of the body apart, in place. Returns whether it is whole. */
static inline bool client_join_chunks(struct client *client, char **ret_body, size_t *ret_length)
{
    char *at = strstr(client->text, "\r\n\r\n");
    char *out;

    assert_non_null(at);
    assert_non_null(strcasestr(client->text, "Transfer-Encoding: chunked"));
    at += 4;
    *ret_body = out = at;
    for (;;) {
        char *end = NULL;
        size_t length = strtoul(at, &end, 16);
        size_t left = (size_t)(client->text + client->length - end);

        *ret_length = (size_t)(out - *ret_body);
        if (end == at || left < length + 4 || memcmp(end, "\r\n", 2) != 0)
            return false;
        if (length == 0)
            return true;
        memmove(out, end + 2, length);
        out += length;
        at = end + 2 + length;
        assert_memory_equal(at, "\r\n", 2);
        at += 2;
    }
}

/* ---- an answer that is written slice by slice: "0123456789" over and over ---- */

struct digits {
    size_t length; /* of all */
    size_t written;
    size_t fails_at;   /* 0: it does not */
    unsigned empty;    /* turns in which nothing comes yet */
    int nap_ms;        /* after each slice but the last; 0: none */
    unsigned writes;   /* calls */
    unsigned done;     /* calls */
    size_t most_room;  /* that was offered */
    unsigned *counter; /* of all writers of a test, to see who wrote when */
    unsigned last;     /* that counter's value at the last call */
};

static inline int digits_write(void *user, struct evbuffer *out, size_t room)
{
    struct digits *digits = user;

    digits->writes++;
    if (digits->counter)
        digits->last = ++*digits->counter;
    if (room > digits->most_room)
        digits->most_room = room;
    if (digits->empty > 0) {
        digits->empty--;
        return digits->nap_ms ? digits->nap_ms : 1;
    }
    while (digits->written < digits->length && evbuffer_get_length(out) + 10 <= room) {
        if (digits->fails_at && digits->written >= digits->fails_at)
            return -EIO;
        assert_int_equal(evbuffer_add(out, "0123456789", 10), 0);
        digits->written += 10;
    }
    return digits->written < digits->length && digits->nap_ms ? digits->nap_ms
                                                              : digits->written < digits->length;
}

static inline void digits_done(void *user)
{
    ((struct digits *)user)->done++;
}

static inline bool are_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != (char)('0' + i % 10))
            return false;
    return true;
}
