/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Private to http/: who may stay when there are too many. A connection is a stranger until the service has
 * admitted the head of a request of its; strangers give way, the one that came first before the others, and
 * of a peer (an IPv4 address, the first half of an IPv6 address) that has more than its share one of its own.
 * So whoever holds connections open, or sends slowly, loses them to those who come later, and a client that
 * has shown who it is keeps its connection.
 *
 * Bodies are taken of the admitted alone, and of all together up to a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct http_connection;
struct http_server;
struct sockaddr;

/* Of all connections that there can be: what a peer's strangers may be before they give way to each other. */
#define HTTP_PEER_SHARE 4

/* A connection that was just accepted: who it is, and its place among the server's. */
void http_guest_arrive(struct http_connection *connection, const struct sockaddr *address);
void http_guest_leave(struct http_connection *connection);

/* Before one more is taken: ends a stranger if it must be. False: there is none, and no room. */
bool http_guests_make_room(struct http_server *server, const struct sockaddr *address);

/* The head of its request was admitted. False: there is no room for so many bytes now. */
bool http_guest_admit(struct http_connection *connection, size_t length);
