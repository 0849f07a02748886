/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS over TCP: messages with their length in front, on a connection that stays for several. Questions of
 * ours are answered; for the others the connection gets one of its own to the name server, from inside the
 * task's network namespace, and both ends are handed whole messages only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "dns/stub.h"
#include "cgroups/netns.h"

#define MOST_BYTES (256u << 10) /* waiting to be sent to one end: beyond it, this end is not read */

struct dns_connection {
    struct dns_server *server;
    struct bufferevent *client;
    struct bufferevent *upstream; /* NULL until there is a question for it */
    struct dns_asker asker;
    uint64_t used_ms; /* when something came from the client, or for it, the last time */
    struct dns_connection *next;
};

static void end_connection(struct dns_connection *connection)
{
    struct dns_stub *stub = connection->server->stub;
    struct dns_connection **at = &stub->connections;

    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    stub->n_connections--;
    bufferevent_free(connection->client);
    if (connection->upstream)
        bufferevent_free(connection->upstream);
    free(connection);
}

void dns_tcp_close_all(struct dns_stub *stub)
{
    while (stub->connections)
        end_connection(stub->connections);
}

/* A length of nothing stands at the front of what has come: there is no such message. */
static bool is_broken(struct bufferevent *end)
{
    uint16_t length_be;

    return evbuffer_copyout(bufferevent_get_input(end), &length_be, sizeof(length_be)) == sizeof(length_be) &&
           length_be == 0;
}

/* A whole message at the front of what has come: its size without the length. 0: not yet. */
static size_t whole_message(struct bufferevent *end)
{
    struct evbuffer *input = bufferevent_get_input(end);
    uint16_t length_be;

    if (evbuffer_copyout(input, &length_be, sizeof(length_be)) < (ssize_t)sizeof(length_be))
        return 0;
    if (evbuffer_get_length(input) < sizeof(length_be) + ntohs(length_be))
        return 0;
    return ntohs(length_be);
}

static void send_message(struct bufferevent *end, const uint8_t *message, size_t size)
{
    const uint16_t length_be = htons((uint16_t)size);

    (void)bufferevent_write(end, &length_be, sizeof(length_be));
    (void)bufferevent_write(end, message, size);
}

static bool is_clogged(struct bufferevent *end)
{
    return end && evbuffer_get_length(bufferevent_get_output(end)) > MOST_BYTES;
}

static void tcp_on_event(struct bufferevent *end, short what, void *user)
{
    struct dns_connection *connection = user;

    if (what & BEV_EVENT_CONNECTED)
        return;
    /* The name server ends its side: the client hears what is on its way, and may ask again. */
    if (end == connection->upstream && evbuffer_get_length(bufferevent_get_output(connection->client)) > 0 &&
        what & BEV_EVENT_EOF) {
        bufferevent_free(connection->upstream);
        connection->upstream = NULL;
        return;
    }
    end_connection(connection);
}

static void on_upstream(struct bufferevent *upstream, void *user)
{
    struct dns_connection *connection = user;
    size_t size;

    while ((size = whole_message(upstream)) > 0) {
        if (is_clogged(connection->client)) {
            end_connection(connection);
            return;
        }
        connection->used_ms = clock_monotonic_ms();
        (void)evbuffer_remove_buffer(bufferevent_get_input(upstream),
                                     bufferevent_get_output(connection->client), sizeof(uint16_t) + size);
    }
    if (is_broken(upstream))
        end_connection(connection);
}

struct opening {
    int family;
    int fd;
};

static int open_socket(void *user)
{
    struct opening *opening = user;

    opening->fd = socket(opening->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return opening->fd < 0 ? -errno : 0;
}

static int tcp_open_upstream(struct dns_connection *connection)
{
    struct dns_server *server = connection->server;
    struct opening opening = {.family = ip_address_is_v4(&server->address) ? AF_INET : AF_INET6, .fd = -1};
    struct sockaddr_storage at;
    socklen_t size = dns_server_sockaddr(server, &at);
    int r;

    if (connection->upstream)
        return 0;
    r = netns_run(server->stub->netns_fd, open_socket, &opening);
    if (r < 0)
        return r;
    connection->upstream =
        bufferevent_socket_new(server->stub->dns->settings.base, opening.fd, BEV_OPT_CLOSE_ON_FREE);
    if (!connection->upstream) {
        (void)close(opening.fd);
        return -ENOMEM;
    }
    bufferevent_setcb(connection->upstream, on_upstream, NULL, tcp_on_event, connection);
    (void)bufferevent_set_timeouts(connection->upstream, &server->stub->idle, &server->stub->idle);
    bufferevent_setwatermark(connection->upstream, EV_READ, 0, DNS_MESSAGE_MAX + sizeof(uint16_t));
    if (bufferevent_enable(connection->upstream, EV_READ | EV_WRITE) < 0 ||
        bufferevent_socket_connect(connection->upstream, (struct sockaddr *)&at, (int)size) < 0) {
        bufferevent_free(TAKE_PTR(connection->upstream));
        return -EIO;
    }
    return 0;
}

static void tcp_fail(struct dns_connection *connection, const uint8_t *message, enum dns_verdict verdict,
                     const struct dns_question *question, enum dns_rcode rcode)
{
    uint8_t answer[DNS_HEADER_SIZE + DNS_NAME_SIZE + 4];
    size_t size = DNS_HEADER_SIZE;

    if (verdict == DNS_QUERY)
        size = dns_message_fail(message, question, rcode, answer);
    else
        dns_message_refuse(message, rcode, answer);
    send_message(connection->client, answer, size);
}

/* False: the connection is to end. */
static bool tcp_take_question(struct dns_connection *connection, const uint8_t *message, size_t size)
{
    struct dns_stub *stub = connection->server->stub;
    struct dns_counters *counters = &stub->dns->counters;
    struct dns_question question;
    enum dns_verdict verdict = dns_message_read(message, size, &question);
    uint8_t *answer = NULL;
    size_t answer_size = 0;
    int r = -ENOENT;

    if (verdict == DNS_DROP || verdict == DNS_BROKEN) {
        counters->malformed++;
        if (verdict == DNS_BROKEN)
            tcp_fail(connection, message, verdict, &question, DNS_FORMERR);
        return verdict == DNS_BROKEN;
    }
    if (verdict == DNS_QUERY)
        r = dns_stub_answer(stub, &question, false, &answer, &answer_size);
    if (r == 0) {
        counters->answered++;
        send_message(connection->client, answer, answer_size);
        free(answer);
    } else if (r == -ENOENT && !stub->task) {
        counters->refused++;
        tcp_fail(connection, message, verdict, &question, DNS_REFUSED);
    } else if (r == -ENOENT && tcp_open_upstream(connection) == 0) {
        counters->forwarded++;
        send_message(connection->upstream, message, size);
    } else {
        counters->refused++;
        tcp_fail(connection, message, verdict, &question, DNS_SERVFAIL);
    }
    return true;
}

static void on_client(struct bufferevent *client, void *user)
{
    struct dns_connection *connection = user;
    struct evbuffer *input = bufferevent_get_input(client);
    uint8_t *buffer = connection->server->stub->dns->buffer;
    size_t size;

    if (dns_hold(connection->server->stub))
        return;
    while ((size = whole_message(client)) > 0) {
        connection->used_ms = clock_monotonic_ms();
        (void)evbuffer_drain(input, sizeof(uint16_t));
        (void)evbuffer_remove(input, buffer, size);
        if (is_clogged(client) || is_clogged(connection->upstream) ||
            !tcp_take_question(connection, buffer, size)) {
            end_connection(connection);
            return;
        }
    }
    if (is_broken(client))
        end_connection(connection);
}

void dns_tcp_resume(struct dns_stub *stub)
{
    struct dns_connection *next;

    for (struct dns_connection *connection = stub->connections; connection; connection = next) {
        next = connection->next;
        on_client(connection->client, connection);
    }
}

/* All places are taken: of who has the most of them, the connection that has been idle longest gives way. */
static void tcp_make_room(struct dns_stub *stub)
{
    struct dns_asker askers[DNS_CONNECTIONS];
    struct dns_connection *idlest = NULL;
    const struct dns_asker *greediest;
    unsigned most;
    size_t n = 0;

    if (stub->n_connections < DNS_CONNECTIONS)
        return;
    /* The oldest first: of askers that have as many places as each other its is taken. */
    for (struct dns_connection *one = stub->connections; one && n < DNS_CONNECTIONS; one = one->next)
        askers[DNS_CONNECTIONS - ++n] = one->asker;
    greediest = dns_asker_greediest(askers + DNS_CONNECTIONS - n, n, sizeof(askers[0]), &most);
    /* The newest come first: of those used at the same time the oldest goes. */
    for (struct dns_connection *one = stub->connections; one; one = one->next)
        if (dns_asker_equal(&one->asker, greediest) && (!idlest || one->used_ms <= idlest->used_ms))
            idlest = one;
    end_connection(idlest);
}

void dns_tcp_accept(struct dns_server *server)
{
    struct dns_stub *stub = server->stub;
    struct sockaddr_storage client;
    socklen_t client_size = sizeof(client);
    int fd = accept4(server->tcp_fd, (struct sockaddr *)&client, &client_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct dns_connection *connection;
    struct dns_asker asker;

    if (fd < 0) {
        if (accept_pause_is_due(errno) && event_del(server->tcp_event) == 0)
            accept_pause_begin(&server->pause, errno);
        return;
    }
    if (dns_asker_find(server, false, &client, &asker) < 0) {
        stub->dns->counters.refused++;
        (void)close(fd);
        return;
    }
    tcp_make_room(stub);
    connection = calloc(1, sizeof(*connection));
    if (connection)
        connection->client = bufferevent_socket_new(stub->dns->settings.base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!connection || !connection->client) {
        free(connection);
        (void)close(fd);
        return;
    }
    connection->server = server;
    connection->asker = asker;
    connection->used_ms = clock_monotonic_ms();
    connection->next = stub->connections;
    stub->connections = connection;
    stub->n_connections++;
    bufferevent_setcb(connection->client, on_client, NULL, tcp_on_event, connection);
    (void)bufferevent_set_timeouts(connection->client, &stub->idle, &stub->idle);
    bufferevent_setwatermark(connection->client, EV_READ, 0, DNS_MESSAGE_MAX + sizeof(uint16_t));
    if (bufferevent_enable(connection->client, EV_READ | EV_WRITE) < 0)
        end_connection(connection);
}
