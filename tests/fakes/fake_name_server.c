/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One UDP socket and one for connections, each with its event; a question remembers the way it came. */
#include "fake_name_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE 12

struct connection {
    struct fake_name_server *server;
    struct bufferevent *end; /* NULL: it has ended */
    uint16_t from_port;
    struct connection *next;
};

struct kept {
    struct fake_question question;
    struct sockaddr_storage from;
    socklen_t from_size;
    struct connection *connection; /* NULL: by UDP */
};

struct fake_name_server {
    struct event_base *base;
    int udp_fd, tcp_fd;
    struct event *udp_event, *tcp_event;
    uint16_t port;
    fake_script_fn script;
    void *user;
    struct kept *kept;
    size_t n_kept;
    struct connection *connections;
    unsigned n_connections;
};

static void *needed(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint16_t port_of(const struct sockaddr_storage *at)
{
    return ntohs(at->ss_family == AF_INET ? ((const struct sockaddr_in *)at)->sin_port
                                          : ((const struct sockaddr_in6 *)at)->sin6_port);
}

/* ---- messages ---- */

static size_t read_name(const uint8_t *bytes, size_t size, size_t at, char *text, size_t room)
{
    size_t used = 0;

    while (at < size && bytes[at] > 0 && bytes[at] < 64 && at + bytes[at] < size &&
           used + bytes[at] + 2 < room) {
        used += (size_t)snprintf(text + used, room - used, "%s%.*s", used ? "." : "", bytes[at],
                                 (const char *)bytes + at + 1);
        at += 1u + bytes[at];
    }
    return at + 1;
}

static void read_question(struct fake_question *question)
{
    const uint8_t *bytes = question->bytes;
    size_t at;

    if (question->size < HEADER_SIZE)
        return;
    question->id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    at = read_name(bytes, question->size, HEADER_SIZE, question->name, sizeof(question->name));
    if (at + 4 <= question->size)
        question->type = (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
}

size_t fake_name_to_wire(const char *name, uint8_t *wire)
{
    size_t used = 0;

    while (*name) {
        size_t length = strcspn(name, ".");

        wire[used++] = (uint8_t)length;
        memcpy(wire + used, name, length);
        used += length;
        name += length + (name[length] == '.');
    }
    wire[used++] = 0;
    return used;
}

void fake_answer_begin(struct fake_answer *answer, const struct fake_question *question, unsigned rcode)
{
    uint8_t wire[256];
    size_t size = HEADER_SIZE + fake_name_to_wire(question->name, wire) + 4;

    if (question->size < size)
        abort();
    memcpy(answer->bytes, question->bytes, size); /* letters as they were spelled */
    answer->bytes[2] |= 0x80;
    answer->bytes[3] = (uint8_t)(0x80 | rcode);
    memset(answer->bytes + 6, 0, 6);
    answer->size = size;
}

void fake_answer_add(struct fake_answer *answer, const char *owner, uint16_t type, uint32_t ttl,
                     const void *data, size_t size)
{
    const uint8_t rest[] = {(uint8_t)(type >> 8),
                            (uint8_t)type,
                            0,
                            1,
                            (uint8_t)(ttl >> 24),
                            (uint8_t)(ttl >> 16),
                            (uint8_t)(ttl >> 8),
                            (uint8_t)ttl,
                            (uint8_t)(size >> 8),
                            (uint8_t)size};
    unsigned count = (unsigned)(answer->bytes[6] << 8 | answer->bytes[7]) + 1;

    if (answer->size + 256 + sizeof(rest) + size > sizeof(answer->bytes))
        abort();
    if (owner) {
        answer->size += fake_name_to_wire(owner, answer->bytes + answer->size);
    } else {
        answer->bytes[answer->size++] = 0xc0;
        answer->bytes[answer->size++] = HEADER_SIZE;
    }
    memcpy(answer->bytes + answer->size, rest, sizeof(rest));
    memcpy(answer->bytes + answer->size + sizeof(rest), data, size);
    answer->size += sizeof(rest) + size;
    answer->bytes[6] = (uint8_t)(count >> 8);
    answer->bytes[7] = (uint8_t)count;
}

/* ---- what comes ---- */

static void take(struct fake_name_server *self, const uint8_t *bytes, size_t size,
                 const struct sockaddr_storage *from, socklen_t from_size, struct connection *connection)
{
    struct fake_answer *answer;
    struct kept *kept;

    self->kept = needed(realloc(self->kept, (self->n_kept + 1) * sizeof(*kept)));
    kept = &self->kept[self->n_kept++];
    *kept = (struct kept){.connection = connection, .from_size = from_size};
    if (from)
        kept->from = *from;
    kept->question.bytes = needed(malloc(size + 1));
    memcpy(kept->question.bytes, bytes, size);
    kept->question.size = size;
    kept->question.is_tcp = connection;
    kept->question.from_port = connection ? connection->from_port : port_of(&kept->from);
    read_question(&kept->question);
    if (!self->script)
        return;
    answer = needed(calloc(1, sizeof(*answer)));
    if (self->script(self->user, &kept->question, answer))
        fake_name_server_send(self, self->n_kept - 1, answer->bytes, answer->size);
    free(answer);
}

static void on_datagram(evutil_socket_t fd, short what, void *user)
{
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    uint8_t bytes[FAKE_ANSWER_MAX];
    ssize_t size;

    (void)what;
    while ((size = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size)) >=
           0) {
        take(user, bytes, (size_t)size, &from, from_size, NULL);
        from_size = sizeof(from);
    }
}

static void end(struct connection *connection)
{
    if (connection->end)
        bufferevent_free(connection->end);
    connection->end = NULL;
}

static void on_bytes(struct bufferevent *from, void *user)
{
    struct connection *connection = user;
    struct evbuffer *input = bufferevent_get_input(from);
    uint16_t length_be;

    while (connection->end && evbuffer_copyout(input, &length_be, 2) == 2 &&
           evbuffer_get_length(input) >= 2u + ntohs(length_be)) {
        uint8_t bytes[FAKE_ANSWER_MAX];

        (void)evbuffer_drain(input, 2);
        (void)evbuffer_remove(input, bytes, ntohs(length_be));
        take(connection->server, bytes, ntohs(length_be), NULL, 0, connection);
    }
}

static void on_end(struct bufferevent *from, short what, void *user)
{
    (void)from;
    (void)what;
    end(user);
}

static void on_connection(evutil_socket_t fd, short what, void *user)
{
    struct fake_name_server *self = user;
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    int accepted = accept4(fd, (struct sockaddr *)&from, &from_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct connection *connection;

    (void)what;
    if (accepted < 0)
        return;
    connection = needed(calloc(1, sizeof(*connection)));
    connection->server = self;
    connection->from_port = port_of(&from);
    connection->next = self->connections;
    self->connections = connection;
    self->n_connections++;
    connection->end = needed(bufferevent_socket_new(self->base, accepted, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_setcb(connection->end, on_bytes, NULL, on_end, connection);
    (void)bufferevent_enable(connection->end, EV_READ | EV_WRITE);
}

/* ---- for the test ---- */

static socklen_t parse(const char *address, uint16_t port, struct sockaddr_storage *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        return sizeof(*in);
    }
    if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
        abort();
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    return sizeof(*in6);
}

static bool open_both(struct fake_name_server *self, const char *address, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t size = parse(address, port, &at);
    const int on = 1;

    self->udp_fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    self->tcp_fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->udp_fd < 0 || self->tcp_fd < 0)
        return false;
    (void)setsockopt(self->tcp_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(self->udp_fd, (struct sockaddr *)&at, size) < 0 ||
        getsockname(self->udp_fd, (struct sockaddr *)&at, &size) < 0 ||
        bind(self->tcp_fd, (struct sockaddr *)&at, size) < 0 || listen(self->tcp_fd, 64) < 0)
        return false;
    self->port = port_of(&at);
    return true;
}

struct fake_name_server *fake_name_server_new(struct event_base *base, const char *address, uint16_t port)
{
    struct fake_name_server *self = needed(calloc(1, sizeof(*self)));

    self->base = base;
    self->udp_fd = self->tcp_fd = -1;
    if (!open_both(self, address, port)) {
        fake_name_server_free(&self);
        return NULL;
    }
    self->udp_event = needed(event_new(base, self->udp_fd, EV_READ | EV_PERSIST, on_datagram, self));
    self->tcp_event = needed(event_new(base, self->tcp_fd, EV_READ | EV_PERSIST, on_connection, self));
    (void)event_add(self->udp_event, NULL);
    (void)event_add(self->tcp_event, NULL);
    return self;
}

void fake_name_server_free(struct fake_name_server **server)
{
    struct fake_name_server *self = *server;

    if (!self)
        return;
    for (struct connection *connection = self->connections, *next; connection; connection = next) {
        next = connection->next;
        end(connection);
        free(connection);
    }
    for (size_t i = 0; i < self->n_kept; i++)
        free(self->kept[i].question.bytes);
    if (self->udp_event)
        event_free(self->udp_event);
    if (self->tcp_event)
        event_free(self->tcp_event);
    if (self->udp_fd >= 0)
        (void)close(self->udp_fd);
    if (self->tcp_fd >= 0)
        (void)close(self->tcp_fd);
    free(self->kept);
    free(self);
    *server = NULL;
}

uint16_t fake_name_server_port(const struct fake_name_server *server)
{
    return server->port;
}

void fake_name_server_script(struct fake_name_server *server, fake_script_fn script, void *user)
{
    server->script = script;
    server->user = user;
}

size_t fake_name_server_count(const struct fake_name_server *server)
{
    return server->n_kept;
}

static struct kept *kept_at(const struct fake_name_server *server, size_t at)
{
    if (at >= server->n_kept)
        abort();
    return &server->kept[at];
}

const struct fake_question *fake_name_server_question(const struct fake_name_server *server, size_t at)
{
    return &kept_at(server, at)->question;
}

unsigned fake_name_server_connections(const struct fake_name_server *server)
{
    return server->n_connections;
}

unsigned fake_name_server_open_connections(const struct fake_name_server *server)
{
    unsigned n = 0;

    for (const struct connection *connection = server->connections; connection; connection = connection->next)
        n += connection->end != NULL;
    return n;
}

void fake_name_server_write(struct fake_name_server *server, size_t at, const void *bytes, size_t size)
{
    const struct kept *kept = kept_at(server, at);

    if (kept->connection && kept->connection->end)
        (void)bufferevent_write(kept->connection->end, bytes, size);
}

void fake_name_server_send(struct fake_name_server *server, size_t at, const uint8_t *message, size_t size)
{
    const struct kept *kept = kept_at(server, at);
    const uint8_t length[] = {(uint8_t)(size >> 8), (uint8_t)size};

    if (kept->connection) {
        fake_name_server_write(server, at, length, sizeof(length));
        fake_name_server_write(server, at, message, size);
    } else {
        (void)!sendto(server->udp_fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&kept->from, kept->from_size);
    }
}

void fake_name_server_hang_up(struct fake_name_server *server, size_t at)
{
    if (kept_at(server, at)->connection)
        end(kept_at(server, at)->connection);
}
