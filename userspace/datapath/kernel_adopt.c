/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is pinned: is it what this version would make, is it taken over, and what is remembered of the rest. */
#include "base/cleanup.h"
#include "datapath/kernel.h"

struct bpf_map *kernel_skeleton_map(const struct datapath *datapath, int map)
{
    return bpf_object__find_map_by_name(datapath->kernel->skeleton->obj, datapath_map_names[map]);
}

/* Is it such a map, of whatever size? Then its entries are as long as ours. */
static bool has_our_form(const struct datapath *datapath, int map, int fd, struct bpf_map_info *info)
{
    const struct bpf_map *wanted = kernel_skeleton_map(datapath, map);
    __u32 size = sizeof(*info);

    *info = (struct bpf_map_info){0};
    return fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size) == 0 && info->type == bpf_map__type(wanted) &&
           info->key_size == bpf_map__key_size(wanted) && info->value_size == bpf_map__value_size(wanted);
}

static bool has_wanted_layout(const struct datapath *datapath, int map, int fd)
{
    const struct bpf_map *wanted = kernel_skeleton_map(datapath, map);
    struct bpf_map_info info;

    return has_our_form(datapath, map, fd, &info) && info.max_entries == bpf_map__max_entries(wanted) &&
           info.map_flags == bpf_map__map_flags(wanted);
}

/* Any version's `tasks`: its entries may be longer or shorter. */
static bool kernel_adopt_is_tasks(const struct datapath *datapath, int fd)
{
    const struct bpf_map *wanted = kernel_skeleton_map(datapath, MAP_TASKS);
    struct bpf_map_info info;

    (void)has_our_form(datapath, MAP_TASKS, fd, &info);
    return info.type == bpf_map__type(wanted) && info.key_size == bpf_map__key_size(wanted);
}

/* Of a version that is read, and had less in them. */
static bool is_shorter_outliers(const struct datapath *datapath, int fd)
{
    struct bpf_map_info info;

    (void)has_our_form(datapath, MAP_OUTLIERS, fd, &info);
    return info.type == BPF_MAP_TYPE_ARRAY && info.key_size == sizeof(uint32_t) &&
           info.value_size == SVC_OUTLIER_SIZE_BEFORE;
}

void kernel_drop_foreign(const struct datapath *datapath, struct datapath_fds *fds)
{
    struct bpf_map_info info;
    bool is_our_version;

    if (!has_our_form(datapath, MAP_LAYOUT, fds->fd[MAP_LAYOUT], &info))
        kernel_close_one(fds, MAP_LAYOUT);
    is_our_version = kernel_is_readable(kernel_pinned_version(fds));
    for (int map = 0; map < MAP_COUNT_; map++) {
        bool is_ours = is_our_version ? has_our_form(datapath, map, fds->fd[map], &info)
                                      : map != MAP_TASKS || kernel_adopt_is_tasks(datapath, fds->fd[map]);

        if (map == MAP_OUTLIERS && is_our_version)
            is_ours = is_ours || is_shorter_outliers(datapath, fds->fd[map]);
        if (!is_ours && !kernel_is_addition(map)) /* a set without those is adopted */
            kernel_close_one(fds, map);
    }
}

uint32_t kernel_pinned_version(const struct datapath_fds *fds)
{
    struct svc_layout layout = {0};
    uint32_t zero = 0;

    if (fds->fd[MAP_LAYOUT] >= 0)
        (void)bpf_map_lookup_elem(fds->fd[MAP_LAYOUT], &zero, &layout);
    return layout.abi_version;
}

/* Empty at first: a set from before there were these takes them in. */
static const enum map_index additions[] = {
    MAP_REGISTRY_SEEN,    MAP_REFUSALS,    MAP_PATIENCE,         MAP_ENDPOINT_NETWORKS, MAP_LOCAL_ENDPOINTS,
    MAP_NEIGHBOURS,       MAP_NETNS_IDS,   MAP_CALLERS,          MAP_CALLER_NAMES,      MAP_CALLERS_LOCK,
    MAP_DIALLED,          MAP_NOTES,       MAP_CONNECTIONS,      MAP_POLICIES,          MAP_POLICY_PAIRS,
    MAP_POLICY_ADDRESSES, MAP_FIRST_BYTES, MAP_FIRST_BYTE_WAITS, MAP_CALLER_FIRST_BYTES};

bool kernel_is_addition(int map)
{
    for (size_t i = 0; i < ARRAY_SIZE(additions); i++)
        if (map == (int)additions[i])
            return true;
    return false;
}

static bool is_missing_addition(int map, int fd)
{
    return kernel_is_addition(map) && fd < 0;
}

bool kernel_is_readable(uint32_t version)
{
    return version == SVC_ABI_VERSION || version == SVC_ABI_READABLE_BEFORE;
}

enum datapath_origin kernel_judge_pinned(const struct datapath *datapath, const struct datapath_fds *fds)
{
    if (!kernel_has_directory(datapath, "maps"))
        return DATAPATH_NEW;
    if (kernel_pinned_version(fds) != SVC_ABI_VERSION)
        return DATAPATH_MIGRATED;
    for (int map = 0; map < MAP_COUNT_; map++)
        if (!is_missing_addition(map, fds->fd[map]) && !has_wanted_layout(datapath, map, fds->fd[map]))
            return DATAPATH_MIGRATED;
    return DATAPATH_ADOPTED;
}

#define MAX_STOCK_BYTES (256u << 20) /* on a machine of many CPUs the time is the better price */

/*
 * Counters per CPU, taken from the kernel one by one, cost 18 us each; taken all at once with the map, 1 us.
 * That is the memory of every endpoint that would fit, so it is for hosts that will use a good part of it.
 * What is pinned stays.
 */
int kernel_choose_stock(const struct datapath *datapath, const struct datapath_config *config)
{
    struct bpf_map *wanted = kernel_skeleton_map(datapath, MAP_ENDPOINT_STATS);
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    int pinned = datapath->kernel->old.fd[MAP_ENDPOINT_STATS];
    uint64_t bytes =
        (uint64_t)config->endpoints * sizeof(struct svc_endpoint_stats) * (uint64_t)datapath->n_cpus;
    bool is_large = config->expected_endpoints >= config->endpoints / 4 && bytes <= MAX_STOCK_BYTES;

    if (pinned >= 0 && bpf_obj_get_info_by_fd(pinned, &info, &size) == 0 &&
        (info.map_flags & ~(__u32)BPF_F_NO_PREALLOC) == 0)
        is_large = info.map_flags == 0;
    return bpf_map__set_map_flags(wanted, is_large ? 0 : BPF_F_NO_PREALLOC);
}

int kernel_reuse_pinned(struct datapath *datapath, const struct datapath_fds *fds)
{
    int r = 0;

    for (int map = 0; map < MAP_COUNT_ && r == 0; map++)
        /* The scopes of running tasks outlive every swap: that one map is always the same (see abi.h). */
        if ((datapath->origin == DATAPATH_ADOPTED && !is_missing_addition(map, fds->fd[map])) ||
            (map == MAP_TASK_SCOPE && has_wanted_layout(datapath, map, fds->fd[map])))
            r = bpf_map__reuse_fd(kernel_skeleton_map(datapath, map), fds->fd[map]);
    return r;
}

static uint32_t pinned_entries(const struct datapath_fds *fds, enum map_index map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(fds->fd[map], &info, &size) == 0 ? info.max_entries : 0;
}

/* What is asked of the old maps of a migration. */
void kernel_remember_old(struct datapath *datapath, const struct datapath_fds *fds)
{
    struct svc_registry_seen seen = {0};
    struct bpf_map_info info;
    uint32_t zero = 0;
    int fd = fds->fd[MAP_REGISTRY_SEEN];

    if (has_our_form(datapath, MAP_REGISTRY_SEEN, fd, &info))
        (void)bpf_map_lookup_elem(fd, &zero, &seen);
    datapath->old_registry_seen = seen;
    datapath->old_sizes = (struct datapath_config){
        .aliases = pinned_entries(fds, MAP_ALIASES),
        .slots = pinned_entries(fds, MAP_SLOTS),
        .endpoints = pinned_entries(fds, MAP_ENDPOINTS),
        .tasks = pinned_entries(fds, MAP_TASKS),
    };
}
