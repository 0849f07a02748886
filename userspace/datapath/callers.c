/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rows of who calls whom, which programs make and fill, and the numbers that clients have. */
#include <errno.h>

#include "datapath/internal.h"

const struct svc_caller *datapath_caller(const struct datapath *datapath, uint32_t number)
{
    return number <= SVC_CALLERS ? &datapath->callers[number] : NULL;
}

const struct svc_first_byte *datapath_caller_first_byte(const struct datapath *datapath, uint32_t number)
{
    return number <= SVC_CALLERS ? &datapath->caller_first_bytes[number] : NULL;
}

/* What was there goes over whole: nothing that is added meanwhile is counted twice. */
static void move_count(__u64 *to, __u64 *from)
{
    __atomic_fetch_add(to, __atomic_exchange_n(from, 0, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static void move_small_count(__u32 *to, __u32 *from)
{
    __atomic_fetch_add(to, __atomic_exchange_n(from, 0, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static void move_first_byte(struct svc_first_byte *to, struct svc_first_byte *from)
{
    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        move_small_count(&to->buckets[i], &from->buckets[i]);
    move_count(&to->sum_us, &from->sum_us);
}

void datapath_drop_caller(struct datapath *datapath, uint32_t number)
{
    struct svc_caller *row, *rest = &datapath->callers[0];

    if (number == 0 || number > SVC_CALLERS)
        return;
    row = &datapath->callers[number];
    move_count(&rest->connections, &row->connections);
    move_count(&rest->closed, &row->closed);
    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++)
        move_small_count(&rest->rtt[i], &row->rtt[i]);
    for (unsigned i = 0; i < SVC_OUTCOMES; i++)
        move_count(&rest->failed[i], &row->failed[i]);
    move_count(&rest->bytes_sent, &row->bytes_sent);
    move_count(&rest->bytes_received, &row->bytes_received);
    move_first_byte(&datapath->caller_first_bytes[0], &datapath->caller_first_bytes[number]);
    __atomic_store_n(&row->caller, 0, __ATOMIC_RELEASE);
}

int datapath_set_caller(struct datapath *datapath, uint64_t cgroup_id, uint32_t caller)
{
    struct svc_task_scope value;
    int r = datapath->backend->get(datapath, MAPS_IN_USE, MAP_TASK_SCOPE, &cgroup_id, &value);

    if (r < 0 || svc_caller_of_scope(&value) == caller)
        return r;
    value.reached &= (1ull << SVC_REACHED_CALLER_SHIFT) - 1;
    value.reached |= (__u64)caller << SVC_REACHED_CALLER_SHIFT;
    return datapath->backend->put(datapath, MAP_TASK_SCOPE, &cgroup_id, &value, false);
}

uint32_t datapath_task_caller(const struct datapath *datapath, uint64_t cgroup_id)
{
    struct svc_task_scope value;

    return datapath->backend->get(datapath, MAPS_IN_USE, MAP_TASK_SCOPE, &cgroup_id, &value) < 0
               ? 0
               : svc_caller_of_scope(&value);
}

int datapath_put_caller_name(struct datapath *datapath, uint32_t caller, const struct svc_caller_name *name)
{
    return datapath->backend->put(datapath, MAP_CALLER_NAMES, &caller, name, false);
}

int datapath_delete_caller_name(struct datapath *datapath, uint32_t caller)
{
    int r = datapath->backend->remove(datapath, MAP_CALLER_NAMES, &caller);

    return r == -ENOENT ? 0 : r;
}

unsigned datapath_read_connections(struct datapath *datapath, unsigned most, connection_fn on_connection,
                                   void *user)
{
    return datapath->backend->read_connections(datapath, most, on_connection, user);
}

struct caller_walk {
    int (*on_name)(uint32_t, const struct svc_caller_name *, void *);
    void *user;
};

static int walk_caller_name(const void *key, const void *value, void *context)
{
    const struct caller_walk *walk = context;
    struct svc_caller_name name = *(const struct svc_caller_name *)value;

    name.namespace[SVC_NAMESPACE_SIZE - 1] = '\0';
    name.service[SVC_SERVICE_SIZE - 1] = '\0';
    name.cgroup[SVC_CGROUP_SIZE - 1] = '\0';
    return walk->on_name(*(const uint32_t *)key, &name, walk->user);
}

int datapath_each_caller_name(struct datapath *datapath,
                              int (*on_name)(uint32_t, const struct svc_caller_name *, void *), void *user)
{
    struct caller_walk walk = {on_name, user};

    return datapath->backend->each(datapath, MAPS_IN_USE, MAP_CALLER_NAMES, sizeof(struct svc_caller_name),
                                   walk_caller_name, &walk);
}
