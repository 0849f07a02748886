/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Is an address one of this host's, in the network namespace of the caller? */
#pragma once

#include <stdbool.h>

#include "base/address.h"

/* By the kernel's routes, as they are now: what it would send to the address would come back from that same one. No
 * packet is sent. False also where there is no route. */
bool own_address_is(const struct ip_address *address);
