/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Closing, where somebody asks for it, the connections of tasks that may not call a service any more: a policy itself asks only
 * who connects. Requests wait in order; one after the other the endpoints of each have their sockets looked for, and those
 * of the tasks named are closed: their owners get ECONNABORTED, the servers a reset. How many it were is an event of the service.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "upkeep/socket_look.h"

#define POLICY_CLOSING_WAITING 16u

struct event_log;
struct policy_closed;

struct policy_closing_place {
    struct ip_address address;
    uint16_t port; /* host order */
    bool is_udp;
};

struct policy_closing_request {
    const char *namespace_name;
    const char *service;
    char *const *directories; /* full paths of the cgroups of those who may not */
    size_t n_directories;
    const struct policy_closing_place *places; /* of the service's endpoints */
    size_t n_places;
};

struct policy_closing {
    struct socket_looks looks;
    struct event_log *events;
    struct policy_closed *waiting; /* the first is under way while there is a look */
    unsigned n;
    struct socket_look *look;
};

void policy_closing_init(struct policy_closing *closing, struct event_base *base, struct event_log *events);
void policy_closing_done(struct policy_closing *closing); /* what is under way ends between two sockets */

/* Copies the request and begins. -EBUSY: so many are waiting already; -ENOMEM. */
int policy_closing_begin(struct policy_closing *closing, const struct policy_closing_request *request);
