/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may stay when there are too many connections, and how many bytes of bodies are held. */
#include "http/guests.h"

#include <netinet/in.h>
#include <string.h>

#include "http/connection.h"

static struct http_peer peer_of(const struct sockaddr *address)
{
    struct http_peer peer = {0};

    if (address->sa_family == AF_INET6)
        memcpy(peer.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
               sizeof(peer.bytes));
    else
        memcpy(peer.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
               sizeof(struct in_addr));
    return peer;
}

static bool guests_is_same(const struct http_peer *a, const struct http_peer *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void http_guest_arrive(struct http_connection *connection, const struct sockaddr *address)
{
    struct http_server *server = connection->server;

    connection->peer = peer_of(address);
    connection->next = server->first;
    if (server->first)
        server->first->previous = connection;
    else
        server->last = connection;
    server->first = connection;
    server->n++;
}

void http_guest_leave(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        server->last = connection->previous;
    server->n--;
    server->n_admitted -= connection->is_admitted;
    server->n_bytes -= connection->n_bytes;
}

bool http_guests_make_room(struct http_server *server, const struct sockaddr *address)
{
    const struct http_peer peer = peer_of(address);
    struct http_connection *oldest = NULL;
    struct http_connection *oldest_of_peer = NULL;
    unsigned n_of_peer = 0;

    if (server->n < server->limit)
        return true;
    for (struct http_connection *one = server->last; one; one = one->previous) {
        if (one->is_admitted)
            continue;
        if (!oldest)
            oldest = one;
        if (!guests_is_same(&one->peer, &peer))
            continue;
        if (!oldest_of_peer)
            oldest_of_peer = one;
        n_of_peer++;
    }
    if (n_of_peer > server->limit / HTTP_PEER_SHARE)
        oldest = oldest_of_peer;
    if (!oldest)
        return false;
    http_connection_free(oldest);
    return true;
}

bool http_guest_admit(struct http_connection *connection, size_t length)
{
    struct http_server *server = connection->server;

    if (!connection->is_admitted)
        server->n_admitted++;
    connection->is_admitted = true;
    if (length > server->limits.body_bytes - server->n_bytes)
        return false;
    server->n_bytes += length;
    connection->n_bytes = length;
    return true;
}
