/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A name server on an address of this host's, over UDP and TCP, that says what the test tells it to. Each
 * question is kept; a script answers at once, or the test answers when it likes, also with what no name server
 * would say. On the caller's loop; out of memory aborts.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_name_server;

struct fake_question {
    uint8_t *bytes;
    size_t size;
    uint16_t id;
    uint16_t type; /* 0: none can be read */
    char name[256];
    bool is_tcp;
    uint16_t from_port;
};

#define FAKE_ANSWER_MAX 65535

struct fake_answer {
    uint8_t bytes[FAKE_ANSWER_MAX];
    size_t size;
};

/* Answers with what it puts into `answer`; false: with nothing. */
typedef bool (*fake_script_fn)(void *user, const struct fake_question *question, struct fake_answer *answer);

/* `port` 0: any. NULL: the address cannot be had. */
struct fake_name_server *fake_name_server_new(struct event_base *base, const char *address, uint16_t port);
void fake_name_server_free(struct fake_name_server **server); /* NULL-safe; sets to NULL */
uint16_t fake_name_server_port(const struct fake_name_server *server);

/* For the questions to come; NULL: none is answered. */
void fake_name_server_script(struct fake_name_server *server, fake_script_fn script, void *user);

/* What has come so far, in its order, each valid until the next one comes; and how many connections there have
 * been, and are. */
size_t fake_name_server_count(const struct fake_name_server *server);
const struct fake_question *fake_name_server_question(const struct fake_name_server *server, size_t at);
unsigned fake_name_server_connections(const struct fake_name_server *server);
unsigned fake_name_server_open_connections(const struct fake_name_server *server);

/* To the asker of that question, the way it came: over TCP with its length in front. */
void fake_name_server_send(struct fake_name_server *server, size_t at, const uint8_t *message, size_t size);
/* These over TCP only: bytes as they are; the end of the connection. */
void fake_name_server_write(struct fake_name_server *server, size_t at, const void *bytes, size_t size);
void fake_name_server_hang_up(struct fake_name_server *server, size_t at);

/* The question's header and question as an answer with this code and no records; and one record more, of that
 * name. `owner` NULL: the question's. */
void fake_answer_begin(struct fake_answer *answer, const struct fake_question *question, unsigned rcode);
void fake_answer_add(struct fake_answer *answer, const char *owner, uint16_t type, uint32_t ttl,
                     const void *data, size_t size);

/* A name as it is on the wire; returns its size. */
size_t fake_name_to_wire(const char *name, uint8_t *wire);
