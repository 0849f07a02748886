/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How much the keys of one namespace may have and do, so that none of them fills the maps or the disk for all. Keys
 * for all namespaces, the control socket and services.d are the operator's and have no quota.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws_api/call/scope.h"

/* Of one namespace, and of one key; 0: none. */
struct aws_quotas {
    uint32_t instances;
    uint32_t services;
    uint32_t definitions; /* task definitions */
    uint32_t writes_per_second;
};

#define AWS_QUOTA_BURST_S 10 /* so many seconds' writes may come at once */

struct aws_usage {
    uint64_t instances, services, definitions;
};

/* What the namespace of the call's key has by now; nothing for a key of all. */
struct aws_usage aws_usage_of(struct aws_call *call);

/* After a change: -EINVAL with the call's error, of the type that its API has for it, where something has grown
 * beyond its quota; what is beyond it already may stay and shrink. */
int aws_check_quotas(struct aws_call *call, const struct aws_quotas *quotas, const struct aws_usage *before,
                     bool is_ecs);

/* May the key write now? Takes it from what it may yet. `now_ms`: monotonic. */
bool aws_take_write(struct aws_credential *who, const struct aws_quotas *quotas, uint64_t now_ms);
