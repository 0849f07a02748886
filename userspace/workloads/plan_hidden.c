/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names that a runtime's own DNS gives to containers on one network, and that tasks there do not get any more
 * because one of ours goes first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workloads/plan_internal.h"

/* A service of this plan, which may not be registered yet: nothing makes another plan when it is. */
struct planned_name {
    UT_hash_handle hh; /* by "NAMESPACE\nNAME" */
    char key[];
};

static struct planned_name *planned_find(struct planned_name *names, const char *namespace_name,
                                         const char *name, struct planned_name **ret_made)
{
    size_t size = strlen(namespace_name) + strlen(name) + 2;
    struct planned_name *made = malloc(sizeof(*made) + size);
    struct planned_name *found;

    *ret_made = NULL;
    if (!made)
        return NULL;
    (void)snprintf(made->key, size, "%s\n%s", namespace_name, name);
    HASH_FIND_STR(names, made->key, found);
    if (found)
        free(made);
    else
        *ret_made = made;
    return found;
}

/* Without memory for one only what is registered hides names until the next plan. */
static struct planned_name *planned_names(const struct workload_plan *plan)
{
    struct planned_name *names = NULL;

    for (size_t i = 0; i < plan->n; i++)
        for (size_t k = 0; k < plan->items[i].n_instances; k++) {
            struct planned_name *made;

            (void)planned_find(names, plan->items[i].namespace_name, plan->items[i].instances[k].service,
                               &made);
            if (made)
                HASH_ADD_KEYPTR(hh, names, made->key, strlen(made->key), made);
        }
    return names;
}

static void planned_free(struct planned_name *names)
{
    struct planned_name *name;
    struct planned_name *next;

    HASH_ITER (hh, names, name, next) {
        HASH_DEL(names, name);
        free(name);
    }
}

static bool is_planned(struct planned_name *names, const char *namespace_name, const char *name)
{
    struct planned_name *made;
    bool is_there = planned_find(names, namespace_name, name, &made) != NULL;

    free(made);
    return is_there;
}

static bool serves(const struct workload *workload, const char *namespace_name, const char *name)
{
    return workload->is_task && workload->wish.service && strcmp(workload->wish.service, name) == 0 &&
           strcmp(workload->namespace_name, namespace_name) == 0;
}

static bool is_ours(const struct planning *planning, struct planned_name *names, const char *namespace_name,
                    const char *name)
{
    return planning->settings->has_name(namespace_name, name, planning->settings->user) ||
           is_planned(names, namespace_name, name);
}

static void tell_hidden(struct planning *planning, struct planned_name *names, struct workload *workload,
                        const char *name)
{
    const struct network_use *use;

    for (use = planning->uses; use; use = use->hh.next) {
        bool is_there = false;

        for (size_t i = 0; !is_there && i < workload->container->n_networks; i++)
            is_there = strcmp(workload->container->networks[i].name, use->network) == 0;
        if (!is_there || serves(workload, use->namespace_name, name) ||
            !is_ours(planning, names, use->namespace_name, name))
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
    struct planned_name *names;

    if (!planning->settings->has_name)
        return;
    names = planned_names(plan);
    for (size_t i = 0; i < plan->n; i++) {
        struct workload *workload = &plan->items[i];
        const char *service = container_label(workload->container, "com.docker.compose.service");

        if (workload->container->state == CONTAINER_ENDED)
            continue;
        tell_hidden(planning, names, workload, workload->container->name);
        if (service && strcmp(service, workload->container->name) != 0)
            tell_hidden(planning, names, workload, service);
    }
    planned_free(names);
}
