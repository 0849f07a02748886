/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints that have gone wait in order, and one after the other has its sockets looked for. */
#include "upkeep/udp_closing.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "upkeep/outliers.h"

struct udp_closed {
    struct udp_closed *next;
    char *namespace_name;
    struct ip_address address;
    uint16_t port;
};

static void begin_next(struct udp_closing *self);

static void free_closed(struct udp_closed *closed)
{
    free(closed->namespace_name);
    free(closed);
}

static void drop_first(struct udp_closing *self)
{
    struct udp_closed *first = self->waiting;

    self->waiting = first->next;
    self->n--;
    free_closed(first);
}

static void udp_closing_on_looked(int result, const struct task_sockets_result *found,
                                  const struct error *error, void *user)
{
    struct udp_closing *self = user;

    self->look = NULL;
    if (result < 0)
        log_warning("connected UDP sockets stay with an endpoint that has gone: %s", error->message);
    else if (found->open > 0)
        log_info("closed %llu of %llu UDP sockets that were connected to an endpoint that has gone",
                 (unsigned long long)found->destroyed, (unsigned long long)found->open);
    drop_first(self);
    begin_next(self);
}

static void begin_next(struct udp_closing *self)
{
    while (self->waiting && !self->look) {
        const struct task_sockets_request request = {
            .address = self->waiting->address, .port = self->waiting->port, .is_udp = true, .kill = true};
        struct error error = {0};

        if (socket_look_begin(&self->looks, self->waiting->namespace_name, &request, udp_closing_on_looked,
                              self, &self->look, &error) < 0)
            drop_first(self);
    }
}

static void udp_closing_follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct udp_closing *self = user;
    const struct svc_peer_key *key = outliers_alone_at(self->outliers, number);
    struct udp_closed **end = &self->waiting;
    struct udp_closed *closed;

    /* By itself at its address: nobody before it, and nobody after. */
    if (!key || key->protocol != UDP || self->n >= UDP_CLOSING_WAITING)
        return;
    closed = calloc(1, sizeof(*closed));
    if (closed)
        closed->namespace_name = strdup(namespace_name);
    if (!closed || !closed->namespace_name) {
        free(closed);
        return;
    }
    memcpy(closed->address.bytes, key->address, sizeof(closed->address.bytes));
    closed->port = ntohs(key->port_be);
    while (*end)
        end = &(*end)->next;
    *end = closed;
    self->n++;
    begin_next(self);
}

const struct engine_follower udp_closing_follower = {
    .removed = udp_closing_follow_removed,
};

void udp_closing_init(struct udp_closing *closing, const struct outliers *outliers,
                      const struct socket_looks *looks)
{
    *closing = (struct udp_closing){.outliers = outliers, .looks = *looks};
}

void udp_closing_done(struct udp_closing *closing)
{
    socket_look_cancel(&closing->look);
    while (closing->waiting)
        drop_first(closing);
}
