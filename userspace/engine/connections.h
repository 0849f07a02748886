/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs have counted of connections to endpoints. */
#pragma once

#include <stdint.h>

#include "model/catalog.h"

struct engine;

/* Open connections as the programs' counters have them. */
uint64_t endpoint_open(const struct engine *engine, uint32_t endpoint);

/* Of all its addresses, where the instance is a host name. */
uint64_t instance_open(const struct engine *engine, const struct instance *instance);

/*
 * What became of connects to the service's instances so far. A failure is a connect that was refused, or
 * whose first SYN was not answered in time: one that then timed out was counted by that already.
 */
struct canary_outcomes service_outcomes(const struct engine *engine, const char *namespace_name,
                                        const char *service);
