/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The parts of a plan, in their order. Private to workloads/. */
#pragma once

#include "base/hash.h"
#include "workloads/plan.h"

/* How many tasks of a namespace are on a network. */
struct network_use {
    const char *namespace_name;
    const char *network;
    size_t n_tasks;
    UT_hash_handle hh; /* by "NAMESPACE\nNETWORK" */
    char key[];
};

struct planning {
    const struct workload_settings *settings;
    struct workload_plan *plan;
    struct network_use *uses;
};

/* Groups: which containers are one task. -ENOMEM. */
int plan_groups(struct workload_plan *plan);

/* The use of a network by a namespace, made if it is not there. NULL: no memory. */
struct network_use *plan_network_use(struct planning *planning, const char *namespace_name,
                                     const char *network, bool may_make);

/* Addresses and instances of one task. -ENOMEM. */
int plan_instances(struct planning *planning, struct workload *workload);

/* Tells containers whose names are hidden from tasks on their networks. */
void plan_hidden_names(struct planning *planning);

/* Adds a sentence to a workload's note, as far as there is room. */
void plan_note(struct workload *workload, const char *format, ...) __attribute__((format(printf, 2, 3)));
