/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Networks of Docker's have no way to each other: which of them a task is on, and which an instance's address is on, goes to
 * the programs as a bit for each. podman's have one, and a container on the host's network or on none of the runtime's is
 * told nothing of. Bits are this run's: a start begins with none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "containers/containers_internal.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "tasks/task_list.h"

#define NETWORK_BITS 32u

struct network_bit {
    unsigned bit;
    UT_hash_handle hh;
    char name[];
};

/* The last bit is that of all networks for which there is none. */
static uint32_t network_mask(struct containers *containers, const char *name)
{
    struct network_bit *found;
    unsigned n;

    HASH_FIND_STR(containers->networks, name, found);
    if (found)
        return 1u << found->bit;
    n = HASH_COUNT(containers->networks);
    found = n < NETWORK_BITS - 1 ? calloc(1, sizeof(*found) + strlen(name) + 1) : NULL;
    if (!found)
        return 1u << (NETWORK_BITS - 1);
    found->bit = n;
    memcpy(found->name, name, strlen(name) + 1);
    HASH_ADD_KEYPTR(hh, containers->networks, found->name, strlen(found->name), found);
    return 1u << found->bit;
}

void containers_take_networks(struct containers *containers, struct held *held,
                              const struct workload *workload)
{
    const struct container *of = workload->network_owner;

    held->task_networks = held->address_networks = 0;
    if (!of || of->network_mode != CONTAINER_OWN_NETWORK || strcmp(of->runtime, "docker") != 0)
        return;
    for (size_t i = 0; i < of->n_networks; i++)
        if (of->networks[i].has_v4 || of->networks[i].has_v6)
            held->task_networks |= network_mask(containers, of->networks[i].name);
    if (workload->network)
        held->address_networks = network_mask(containers, workload->network);
}

void containers_tell_networks(struct containers *containers, struct held *held)
{
    if (!held->is_attached || held->told_networks == held->task_networks)
        return;
    task_set_networks(containers->settings.tasks, held->cgroup_id, held->task_networks);
    held->told_networks = held->task_networks;
}

/* ---- instances: with the tables that lead to them ---- */

/* By the digits of its id that the creator has. */
static const struct held *held_of_instance(const struct containers *containers,
                                           const struct instance *instance)
{
    const char *id = strrchr(instance->creator, ':') + 1;
    const struct held *held;

    HASH_FIND(hh_short, containers->by_short_id, id, strlen(id), held);
    return held;
}

void containers_plan_instance(void *user, struct instance *instance)
{
    const struct containers *containers = *(struct containers **)user;
    const struct held *held =
        containers && instance_is_of_container(instance) ? held_of_instance(containers, instance) : NULL;

    if (held)
        instance->networks = held->address_networks;
}

struct moving {
    struct containers *owner; /* NULL: it has ended */
};

static const struct instance *moved_instance(const struct containers *containers,
                                             const struct wanted_instance *wanted)
{
    const struct service *service = catalog_service(engine_catalog(containers->settings.engine),
                                                    wanted->namespace_name, wanted->instance.service);
    const struct instance *instance = service ? catalog_instance(service, wanted->instance.id) : NULL;
    const struct held *held =
        instance && instance_is_of_container(instance) ? held_of_instance(containers, instance) : NULL;

    return held && held->address_networks != instance->networks ? instance : NULL;
}

static int run_moved(struct transaction *transaction, void *user, struct error *error)
{
    const struct moving *moving = user;
    const struct registering *registered = moving->owner ? moving->owner->registered : NULL;
    int r = 0;

    for (const struct wanted_instance *wanted = registered ? registered->items : NULL; r == 0 && wanted;
         wanted = wanted->hh.next) {
        const struct instance *instance = moved_instance(moving->owner, wanted);

        if (instance)
            r = transaction_touch_instance(transaction, instance);
    }
    return r < 0 ? error_errno(error, r, "networks of containers") : 0;
}

static void on_moved(int result, uint64_t revision, const struct error *error, void *user)
{
    struct moving *moving = user;

    (void)revision;
    if (moving->owner)
        moving->owner->moving = NULL;
    if (result < 0 && result != -ECANCELED)
        log_warning("containers: %s", error->message); /* the next plan tries again */
    free(moving);
}

/* Another network is no change of a row. */
void containers_move_instances(struct containers *containers)
{
    const struct registering *registered = containers->registered;
    bool is_due = false;

    if (containers->moving || !engine_is_steady(containers->settings.engine))
        return;
    for (const struct wanted_instance *wanted = registered ? registered->items : NULL; !is_due && wanted;
         wanted = wanted->hh.next)
        is_due = moved_instance(containers, wanted) != NULL;
    containers->moving = is_due ? calloc(1, sizeof(*containers->moving)) : NULL;
    if (!containers->moving)
        return;
    containers->moving->owner = containers;
    if (engine_submit_finding(containers->settings.engine,
                              &(struct job){.run = run_moved, .done = on_moved, .user = containers->moving}) <
        0) {
        free(containers->moving);
        containers->moving = NULL;
    }
}

void containers_forget_networks(struct containers *containers)
{
    struct network_bit *bit;
    struct network_bit *next;

    if (containers->moving)
        containers->moving->owner = NULL;
    containers->moving = NULL;
    HASH_ITER (hh, containers->networks, bit, next) {
        HASH_DEL(containers->networks, bit);
        free(bit);
    }
}
