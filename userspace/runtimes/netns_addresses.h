/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The network that a process has, as the kernel tells it: for containers whose runtime says nothing of addresses. */
#pragma once

#include <sys/types.h>

#include "model/container.h"

/*
 * Which network namespace the process is in, and for one that is not this daemon's its addresses, as one network of
 * the container ("netns"): the first of each family that others can connect to. ret_netns is its inode number, 0: it
 * cannot be told (the process has gone, or a capability is missing), and nothing is changed. -ENOMEM.
 */
int netns_addresses(pid_t pid, struct container *container, ino_t *ret_netns);
