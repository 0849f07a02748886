/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What either form answers alike, and what it leaves to its backend whole. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "datapath/internal.h"

const char *const datapath_map_names[MAP_COUNT_] = {
    [MAP_ALIASES] = "aliases",
    [MAP_ALIAS_INDEX] = "alias_index",
    [MAP_SERVICES] = "services",
    [MAP_SLOTS] = "slots",
    [MAP_ENDPOINTS] = "endpoints",
    [MAP_TASKS] = "tasks",
    [MAP_ENDPOINT_STATS] = "endpoint_stats",
    [MAP_COUNTERS] = "counters",
    [MAP_TASK_SCOPE] = "task_scope",
    [MAP_LAYOUT] = "layout",
    [MAP_FLOWS] = "flows",
    [MAP_RESOLVERS] = "resolvers",
    [MAP_PEERS] = "peers",
    [MAP_PEER_INDEX] = "peer_index",
    [MAP_OUTLIERS] = "outliers",
    [MAP_EVENTS] = "events",
    [MAP_ATTEMPTS] = "attempts",
    [MAP_REGISTRY_SEEN] = "registry_seen",
    [MAP_REFUSALS] = "refusals",
    [MAP_PATIENCE] = "patience",
    [MAP_ENDPOINT_NETWORKS] = "endpoint_networks",
    [MAP_LOCAL_ENDPOINTS] = "local_endpoints",
    [MAP_NEIGHBOURS] = "neighbours",
    [MAP_NETNS_IDS] = "netns_ids",
    [MAP_CALLERS] = "callers",
    [MAP_CALLER_NAMES] = "caller_names",
    [MAP_CALLERS_LOCK] = "callers_lock",
    [MAP_DIALLED] = "dialled",
    [MAP_NOTES] = "notes",
    [MAP_CONNECTIONS] = "connections",
    [MAP_POLICIES] = "policies",
    [MAP_POLICY_PAIRS] = "policy_pairs",
    [MAP_POLICY_ADDRESSES] = "policy_addresses",
    [MAP_FIRST_BYTES] = "first_bytes",
    [MAP_FIRST_BYTE_WAITS] = "first_byte_waits",
    [MAP_CALLER_FIRST_BYTES] = "caller_first_bytes",
};

void datapath_set_sizes(struct datapath *datapath, const struct datapath_config *config, uint32_t n_shards)
{
    datapath->n_services = datapath_services(config->aliases);
    datapath->alias_index.mask = open_index_buckets(config->aliases) - 1;
    datapath->peer_index.mask = open_index_buckets(config->endpoints) - 1;
    datapath->n_slots = config->slots;
    datapath->n_outliers = config->endpoints + 1; /* numbers begin at 1 */
    datapath->n_local_words = config->endpoints / SVC_ENDPOINTS_PER_WORD + 1;
    datapath->n_shards = n_shards;
    datapath->n_resolvers = config->tasks * 2 + 1; /* numbers begin at 1; some tasks have several */
}

void datapath_close(struct datapath **datapath)
{
    struct datapath *self = *datapath;

    if (!self)
        return;
    datapath_grace_deinit(self);
    self->backend->close(self);
    free(self);
    *datapath = NULL;
}

enum datapath_origin datapath_origin(const struct datapath *datapath)
{
    return datapath->origin;
}

bool datapath_has_set_retval(const struct datapath *datapath)
{
    return datapath->has_set_retval;
}

bool datapath_has_socket_facts(const struct datapath *datapath)
{
    return datapath->has_socket_facts;
}

uint64_t datapath_writes(const struct datapath *datapath)
{
    return datapath->writes;
}

void datapath_wrote(struct datapath *datapath, const char *what, uint32_t number, uint32_t count)
{
    datapath->writes++;
    if (datapath->backend->note)
        datapath->backend->note(datapath, what, number, count);
}

/*
 * What the old programs have counted goes on counting: the totals move to the new map while nothing counts
 * there yet. Connects during the swap itself are counted by whoever handles them.
 */
static void carry_counters(struct datapath *datapath)
{
    _cleanup_free_ struct svc_counters *values = calloc((size_t)datapath->n_cpus, sizeof(*values));
    uint32_t zero = 0;

    if (values && datapath->old_is_readable &&
        datapath->backend->get(datapath, MAPS_OLD, MAP_COUNTERS, &zero, values) == 0)
        (void)datapath->backend->put(datapath, MAP_COUNTERS, &zero, values, false);
}

int datapath_activate(struct datapath *datapath, unsigned *ret_swapped, struct error *error)
{
    int r;

    carry_counters(datapath);
    r = datapath->backend->activate(datapath, ret_swapped, error);
    if (r < 0)
        return r;
    datapath->old_is_readable = false;
    datapath->origin = datapath->origin == DATAPATH_MIGRATED ? DATAPATH_ADOPTED : datapath->origin;
    return 0;
}

/* ---- links, and the scope that a task with links has ---- */

int datapath_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                    struct error *error)
{
    return datapath->backend->attach(datapath, name, cgroup_path, cgroup_id, error);
}

int datapath_detach(struct datapath *datapath, const char *name)
{
    return datapath->backend->detach(datapath, name);
}

bool datapath_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id)
{
    return datapath->backend->is_attached(datapath, name, cgroup_id);
}

int datapath_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user)
{
    return datapath->backend->each_link(datapath, on_link, user);
}

int datapath_mend_directory(struct datapath *datapath, struct error *error)
{
    return datapath->backend->mend_directory(datapath, error);
}

int datapath_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                  struct error *error)
{
    *ret_mended = (struct datapath_mended){0};
    return datapath->backend->mend(datapath, tasks, ret_mended, error);
}

static int get_scope(const struct datapath *datapath, uint64_t cgroup_id, struct svc_task_scope *ret_value)
{
    return datapath->backend->get(datapath, MAPS_IN_USE, MAP_TASK_SCOPE, &cgroup_id, ret_value);
}

int datapath_set_scope(struct datapath *datapath, uint64_t cgroup_id, uint32_t scope,
                       uint32_t namespace_scope)
{
    struct svc_task_scope value = {0};

    (void)get_scope(datapath, cgroup_id, &value);
    value.scope = scope;
    value.namespace_scope = namespace_scope;
    value.cgroup_id = cgroup_id;
    return datapath_write_entry(datapath, MAP_TASK_SCOPE, &cgroup_id, &value, false);
}

int datapath_set_networks(struct datapath *datapath, uint64_t cgroup_id, uint32_t networks)
{
    struct svc_task_scope value;
    int r = get_scope(datapath, cgroup_id, &value);

    if (r < 0 || value.networks == networks)
        return r;
    value.networks = networks;
    return datapath_write_entry(datapath, MAP_TASK_SCOPE, &cgroup_id, &value, false);
}

uint32_t datapath_networks(const struct datapath *datapath, uint64_t cgroup_id)
{
    struct svc_task_scope value;

    return get_scope(datapath, cgroup_id, &value) < 0 ? 0 : value.networks;
}

uint64_t datapath_task_connects(const struct datapath *datapath, uint64_t cgroup_id)
{
    struct svc_task_scope value;

    if (get_scope(datapath, cgroup_id, &value) < 0)
        return 0;
    return (value.reached & ((1ull << SVC_REACHED_CALLER_SHIFT) - 1)) / SVC_REACHED_ONE_CONNECT;
}

int datapath_set_resolver(struct datapath *datapath, uint64_t cgroup_id, uint32_t number)
{
    struct svc_task_scope value;
    int r = get_scope(datapath, cgroup_id, &value);

    if (r < 0)
        return r;
    if (value.resolver == number && value.cgroup_id == cgroup_id)
        return 0;
    value.resolver = number;
    value.cgroup_id = cgroup_id;
    return datapath_write_entry(datapath, MAP_TASK_SCOPE, &cgroup_id, &value, false);
}

int datapath_get_scope(struct datapath *datapath, uint64_t cgroup_id, uint32_t *ret_scope,
                       uint32_t *ret_namespace_scope)
{
    struct svc_task_scope value;
    int r = get_scope(datapath, cgroup_id, &value);

    if (r < 0)
        return r;
    if ((!value.scope && !value.namespace_scope) || value.cgroup_id != cgroup_id)
        return -ENOENT;
    *ret_scope = value.scope;
    *ret_namespace_scope = value.namespace_scope;
    return 0;
}

/* ---- events ---- */

int datapath_listen(struct datapath *datapath, void (*on_event)(const struct svc_event *event, void *user),
                    void *user)
{
    return datapath->backend->listen(datapath, on_event, user);
}

int datapath_events_fd(const struct datapath *datapath)
{
    return datapath->backend->events_fd(datapath);
}

void datapath_read_events(struct datapath *datapath)
{
    datapath->backend->read_events(datapath);
}
