/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The address by which others reach this host, and with it the containers on its network: what the configuration says, else
 * the source address of the default route, else the first address of an interface. IPv4 goes first. It is looked for again
 * when the kernel tells of an address or a route that has come or gone.
 */
#pragma once

#include <stdbool.h>

#include "base/address.h"
#include "base/error.h"

struct event_base;
struct host_address;

/* `changed` at a later turn of the loop, when it is another one. `text` was checked. -ENOMEM. */
int host_address_begin(struct event_base *base, const char *text, void (*changed)(void *user), void *user,
                       struct host_address **ret_host);
void host_address_end(struct host_address **host); /* NULL-safe; sets to NULL */

/* false: this host has none. `ret_from`: where it is from, for people. NULL: has none. */
bool host_address_get(const struct host_address *host, struct ip_address *ret_address, const char **ret_from);
