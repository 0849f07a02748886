/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At which address a process is reached, by its own network namespace: for what no runtime has an address of. */
#pragma once

#include <sys/types.h>

#include "base/address.h"

/*
 * The lowest IPv4 address that is neither loopback's nor of one link alone (ECS gives each task 169.254.172.x beside its own),
 * else an IPv6 one of global scope. -ESRCH: it has gone; -ENOENT: there is none.
 */
int process_address(pid_t pid, struct ip_address *ret_address);
