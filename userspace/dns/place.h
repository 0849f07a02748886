/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a stub's sockets are: at a port below 1024, which nobody takes who may not, on an address that nobody
 * else has.
 */
#pragma once

#include <stdint.h>

#include "base/address.h"

struct dns_server;

/*
 * In a thread of the task's network namespace: the stub's UDP and TCP sockets, at `before` and `port` if there
 * was such a place and it is free. -errno.
 */
int dns_place_open(struct dns_server *server, const struct ip_address *before, uint16_t port);

/* UDP and TCP at one place. */
int dns_place_bind(struct dns_server *server, const struct ip_address *address, uint16_t port);
