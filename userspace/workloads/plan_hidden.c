/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names that a runtime's own DNS gives to containers on one network, and that tasks there do not get any more
 * because one of ours goes first.
 */
#include <string.h>

#include "workloads/plan_internal.h"

static bool serves(const struct workload *workload, const char *namespace_name, const char *name)
{
    return workload->is_task && workload->wish.service && strcmp(workload->wish.service, name) == 0 &&
           strcmp(workload->namespace_name, namespace_name) == 0;
}

static void tell_hidden(struct planning *planning, struct workload *workload, const char *name)
{
    const struct workload_settings *settings = planning->settings;
    const struct network_use *use;

    for (use = planning->uses; use; use = use->hh.next) {
        bool is_there = false;

        for (size_t i = 0; !is_there && i < workload->container->n_networks; i++)
            is_there = strcmp(workload->container->networks[i].name, use->network) == 0;
        if (!is_there || serves(workload, use->namespace_name, name) ||
            !settings->has_name(use->namespace_name, name, settings->user))
            continue;
        plan_note(workload,
                  "tasks of namespace \"%s\" on network \"%s\" reach the service \"%s\" by this name",
                  use->namespace_name, use->network, name);
        return;
    }
}

void plan_hidden_names(struct planning *planning)
{
    struct workload_plan *plan = planning->plan;

    if (!planning->settings->has_name)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        struct workload *workload = &plan->items[i];
        const char *service = container_label(workload->container, "com.docker.compose.service");

        if (workload->container->state == CONTAINER_ENDED)
            continue;
        tell_hidden(planning, workload, workload->container->name);
        if (service && strcmp(service, workload->container->name) != 0)
            tell_hidden(planning, workload, service);
    }
}
