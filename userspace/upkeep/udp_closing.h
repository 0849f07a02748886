/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connected UDP sockets outlive their endpoint: nothing tells them. When a UDP instance is deregistered,
 * those that tasks of its namespace have connected to its address are closed; the program's next call gives
 * ECONNABORTED, and a new connect() leads to another endpoint. Sockets that are not connected need nothing.
 */
#pragma once
#include "engine/follower.h"

#include <event2/event.h>
#include <stdint.h>

struct daemon;
struct udp_closed;
struct task_sockets;

struct udp_closing {
    struct udp_closed *waiting; /* the first of them is under way while there is a job */
    unsigned n;
    struct task_sockets *job;
    struct event *job_event;
};

/* Call while the endpoint is still in daemon->outliers; does nothing for TCP, nor where another endpoint of
 * the namespace has the same address. */
void udp_closing_add(struct daemon *daemon, const char *namespace_name, uint32_t endpoint);
void udp_closing_done(struct udp_closing *closing);

extern const struct engine_follower udp_closing_follower; /* `user`: the daemon */
