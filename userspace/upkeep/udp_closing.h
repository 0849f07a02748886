/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connected UDP sockets outlive their endpoint: nothing tells them. When a UDP instance is deregistered,
 * those that tasks of its namespace have connected to its address are closed; the program's next call gives
 * ECONNABORTED, and a new connect() leads to another endpoint. Sockets that are not connected need nothing.
 */
#pragma once

#include <stdint.h>

#include "engine/follower.h"
#include "upkeep/socket_look.h"

#define UDP_CLOSING_WAITING 4096

struct outliers;
struct udp_closed;

struct udp_closing {
    const struct outliers *outliers;
    struct socket_looks looks;
    struct udp_closed *waiting; /* the first of them is under way while there is a look */
    unsigned n;
    struct socket_look *look;
};

void udp_closing_init(struct udp_closing *closing, const struct outliers *outliers,
                      const struct socket_looks *looks);
void udp_closing_done(struct udp_closing *closing);

/*
 * `user`: the closing. It asks the outliers where an endpoint was that is removed, so it follows before they
 * do. Nothing happens for TCP, nor where another endpoint of the namespace has the same address.
 */
extern const struct engine_follower udp_closing_follower;
