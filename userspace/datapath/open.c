/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening: find what is pinned, adopt it or build anew beside it, load, map, pin; later the swap. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/kernel.h"

static struct bpf_map *skeleton_map(const struct datapath *datapath, int map)
{
    return bpf_object__find_map_by_name(datapath->kernel->skeleton->obj, datapath_map_names[map]);
}

static bool has_wanted_layout(const struct datapath *datapath, int map, int fd)
{
    const struct bpf_map *wanted = skeleton_map(datapath, map);
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == bpf_map__type(wanted) &&
           info.key_size == bpf_map__key_size(wanted) && info.value_size == bpf_map__value_size(wanted) &&
           info.max_entries == bpf_map__max_entries(wanted) && info.map_flags == bpf_map__map_flags(wanted);
}

static uint32_t pinned_version(const struct datapath_fds *fds)
{
    struct svc_layout layout = {0};
    uint32_t zero = 0;

    if (fds->fd[MAP_LAYOUT] >= 0)
        (void)bpf_map_lookup_elem(fds->fd[MAP_LAYOUT], &zero, &layout);
    return layout.abi_version;
}

/* No program knows this map, so a set from before there was one takes it in as it is. */
static bool is_missing_addition(int map, int fd)
{
    return map == MAP_REGISTRY_SEEN && fd < 0;
}

static enum datapath_origin judge_pinned(const struct datapath *datapath, const struct datapath_fds *fds)
{
    if (!kernel_has_directory(datapath, "maps"))
        return DATAPATH_NEW;
    if (pinned_version(fds) != SVC_ABI_VERSION)
        return DATAPATH_MIGRATED;
    for (int map = 0; map < MAP_COUNT_; map++)
        if (!is_missing_addition(map, fds->fd[map]) && !has_wanted_layout(datapath, map, fds->fd[map]))
            return DATAPATH_MIGRATED;
    return DATAPATH_ADOPTED;
}

/* One for each CPU, if that is not too many. */
static uint32_t attempt_shards(int n_cpus)
{
    uint32_t shards = 1;

    while (shards < (uint32_t)n_cpus && shards < SVC_MAX_ATTEMPT_SHARDS)
        shards *= 2;
    return shards;
}

static int set_sizes(struct datapath *datapath, const struct datapath_config *config)
{
    uint32_t shards = datapath->n_shards;
    const struct {
        int map;
        uint32_t entries;
    } sizes[] = {
        {MAP_ALIASES, config->aliases},       {MAP_SERVICES, datapath->n_services},
        {MAP_SLOTS, datapath->n_slots},       {MAP_ENDPOINTS, config->endpoints},
        {MAP_OUTLIERS, datapath->n_outliers}, {MAP_ENDPOINT_STATS, config->endpoints},
        {MAP_PEERS, config->endpoints},       {MAP_ATTEMPTS, shards * datapath->n_outliers},
        {MAP_TASKS, config->tasks},           {MAP_RESOLVERS, datapath->n_resolvers},
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int r = bpf_map__set_max_entries(skeleton_map(datapath, sizes[i].map), sizes[i].entries);

        if (r < 0)
            return r;
    }
    datapath->kernel->skeleton->rodata->attempts_mask = shards - 1;
    datapath->kernel->skeleton->rodata->attempts_stride = datapath->n_outliers;
    return 0;
}

#define MAX_STOCK_BYTES (256u << 20) /* on a machine of many CPUs the time is the better price */

/*
 * Counters per CPU, taken from the kernel one by one, cost 18 us each; taken all at once with the map, 1 us.
 * That is the memory of every endpoint that would fit, so it is for hosts that will use a good part of it.
 * What is pinned stays.
 */
static int choose_stock(const struct datapath *datapath, const struct datapath_config *config)
{
    struct bpf_map *wanted = skeleton_map(datapath, MAP_ENDPOINT_STATS);
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

static int reuse_pinned(struct datapath *datapath, const struct datapath_fds *fds)
{
    int r = 0;

    for (int map = 0; map < MAP_COUNT_ && r == 0; map++)
        /* The scopes of running tasks outlive every swap: that one map is always the same (see abi.h). */
        if ((datapath->origin == DATAPATH_ADOPTED && !is_missing_addition(map, fds->fd[map])) ||
            (map == MAP_TASK_SCOPE && has_wanted_layout(datapath, map, fds->fd[map])))
            r = bpf_map__reuse_fd(skeleton_map(datapath, map), fds->fd[map]);
    return r;
}

static int map_array(const struct datapath *datapath, int map, size_t size, void **ret_memory)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, datapath->kernel->fd[map], 0);

    if (memory == MAP_FAILED)
        return -errno;
    *ret_memory = memory;
    return 0;
}

static int map_memory(struct datapath *datapath)
{
    int r = map_array(datapath, MAP_SERVICES, datapath->n_services * sizeof(struct svc_service),
                      (void **)&datapath->services);

    if (r == 0)
        r = map_array(datapath, MAP_SLOTS, datapath->n_slots * sizeof(struct svc_slot),
                      (void **)&datapath->slots);
    if (r == 0)
        r = map_array(datapath, MAP_OUTLIERS, datapath->n_outliers * sizeof(struct svc_outlier),
                      (void **)&datapath->outliers);
    if (r == 0)
        r = map_array(datapath, MAP_ATTEMPTS,
                      (size_t)datapath->n_shards * datapath->n_outliers * sizeof(struct svc_attempts),
                      (void **)&datapath->attempts);
    if (r == 0)
        r = map_array(datapath, MAP_RESOLVERS, datapath->n_resolvers * sizeof(struct svc_resolver),
                      (void **)&datapath->resolvers);
    if (r == 0)
        r = map_array(datapath, MAP_REGISTRY_SEEN, sizeof(*datapath->registry_seen),
                      (void **)&datapath->registry_seen);
    return r;
}

static int pin_new(struct datapath *datapath, struct error *error)
{
    struct svc_layout layout = {.abi_version = SVC_ABI_VERSION};
    uint32_t zero = 0;
    char path[PATH_MAX];
    int r;

    kernel_map_path(datapath, path, "maps_new", -1);
    r = directory_make(path, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", path);
    if (bpf_map_update_elem(datapath->kernel->fd[MAP_LAYOUT], &zero, &layout, BPF_ANY) < 0)
        return error_errno(error, errno, "writing the layout version");
    for (int map = 0; map < MAP_COUNT_; map++) {
        kernel_map_path(datapath, path, "maps_new", map);
        if (bpf_obj_pin(datapath->kernel->fd[map], path) < 0)
            return error_errno(error, errno, "pinning %s", path);
    }
    datapath->kernel->is_in_new = true;
    return 0;
}

/* Beside the others of an adopted set. */
static int pin_addition(struct datapath *datapath, struct error *error)
{
    char path[PATH_MAX];

    if (datapath->kernel->old.fd[MAP_REGISTRY_SEEN] >= 0)
        return 0;
    kernel_map_path(datapath, path, "maps", MAP_REGISTRY_SEEN);
    if (bpf_obj_pin(datapath->kernel->fd[MAP_REGISTRY_SEEN], path) < 0)
        return error_errno(error, errno, "pinning %s", path);
    return 0;
}

static uint32_t pinned_entries(const struct datapath_fds *fds, enum map_index map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(fds->fd[map], &info, &size) == 0 ? info.max_entries : 0;
}

/* What is asked of the old maps of a migration. */
static void remember_old(struct datapath *datapath, const struct datapath_fds *fds)
{
    struct svc_registry_seen seen = {0};
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    uint32_t zero = 0;
    int fd = fds->fd[MAP_REGISTRY_SEEN];

    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.value_size == sizeof(seen))
        (void)bpf_map_lookup_elem(fd, &zero, &seen);
    datapath->old_registry_seen = seen;
    datapath->old_sizes = (struct datapath_config){
        .aliases = pinned_entries(fds, MAP_ALIASES),
        .slots = pinned_entries(fds, MAP_SLOTS),
        .endpoints = pinned_entries(fds, MAP_ENDPOINTS),
        .tasks = pinned_entries(fds, MAP_TASKS),
    };
}

/* 0: not known; no map has it. */
static uint32_t map_id(const struct datapath *datapath, enum map_index map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(datapath->kernel->fd[map], &info, &size) == 0 ? info.id : 0;
}

static int load(struct datapath *datapath, const struct datapath_config *config, struct error *error)
{
    int r;

    datapath->kernel->skeleton = svcconnect_bpf__open();
    if (!datapath->kernel->skeleton)
        return error_errno(error, errno, "opening the BPF object");
    datapath_set_sizes(datapath, config, attempt_shards(datapath->n_cpus));
    r = set_sizes(datapath, config);
    if (r < 0)
        return error_errno(error, r, "setting map sizes");
    kernel_open_pinned(datapath, &datapath->kernel->old);
    r = choose_stock(datapath, config);
    if (r < 0)
        return error_errno(error, r, "setting map flags");
    datapath->origin = judge_pinned(datapath, &datapath->kernel->old);
    datapath->old_is_readable =
        datapath->origin == DATAPATH_MIGRATED && pinned_version(&datapath->kernel->old) == SVC_ABI_VERSION;
    if (datapath->origin == DATAPATH_MIGRATED)
        remember_old(datapath, &datapath->kernel->old);
    r = reuse_pinned(datapath, &datapath->kernel->old);
    if (r < 0)
        return error_errno(error, r, "adopting pinned maps");
    datapath->has_set_retval =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL) == 1;
    datapath->kernel->skeleton->rodata->has_set_retval = datapath->has_set_retval;
    r = svcconnect_bpf__load(datapath->kernel->skeleton);
    if (r < 0)
        return error_errno(error, r,
                           "the kernel refuses the BPF programs or maps (--log-level debug tells more)");
    for (int map = 0; map < MAP_COUNT_; map++)
        datapath->kernel->fd[map] = bpf_map__fd(skeleton_map(datapath, map));
    datapath->kernel->services_map_id = map_id(datapath, MAP_SERVICES);
    datapath->kernel->peers_map_id = map_id(datapath, MAP_PEERS);
    datapath->kernel->flows_map_id = map_id(datapath, MAP_FLOWS);
    r = map_memory(datapath);
    return r < 0 ? error_errno(error, r, "mapping the tables") : 0;
}

static int open_kernel(struct datapath *datapath, const struct datapath_config *config, struct error *error)
{
    int r;

    if (strlen(config->bpffs) >= sizeof(datapath->kernel->bpffs))
        return error_input(error, "--bpffs", config->bpffs, "a shorter path");
    strcpy(datapath->kernel->bpffs, config->bpffs);
    r = directory_make(config->bpffs, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", config->bpffs);
    r = kernel_recover_directories(datapath);
    if (r < 0)
        return error_errno(error, r, "%s: putting pinned maps in place", config->bpffs);
    r = load(datapath, config, error);
    if (r < 0)
        return r;
    r = datapath_grace_init(datapath);
    if (r == 0)
        r = kernel_grace_init(datapath);
    if (r < 0)
        return error_errno(error, r, "preparing grace periods");
    return datapath->origin == DATAPATH_ADOPTED ? pin_addition(datapath, error) : pin_new(datapath, error);
}

static void kernel_close(struct datapath *datapath)
{
    struct kernel *kernel = datapath->kernel;

    kernel_grace_deinit(datapath);
    if (kernel->is_in_new) /* never activated: nobody's, and large */
        kernel_remove_directory(datapath, "maps_new");
    if (datapath->services)
        (void)munmap(datapath->services, datapath->n_services * sizeof(struct svc_service));
    if (datapath->slots)
        (void)munmap(datapath->slots, datapath->n_slots * sizeof(struct svc_slot));
    if (datapath->outliers)
        (void)munmap(datapath->outliers, datapath->n_outliers * sizeof(struct svc_outlier));
    if (datapath->registry_seen)
        (void)munmap(datapath->registry_seen, sizeof(*datapath->registry_seen));
    if (datapath->attempts)
        (void)munmap(datapath->attempts,
                     (size_t)datapath->n_shards * datapath->n_outliers * sizeof(struct svc_attempts));
    if (datapath->resolvers)
        (void)munmap(datapath->resolvers, datapath->n_resolvers * sizeof(struct svc_resolver));
    kernel_events_deinit(datapath);
    kernel_close_pinned(&kernel->old);
    svcconnect_bpf__destroy(kernel->skeleton);
    free(kernel);
}

struct swap {
    struct datapath *datapath;
    unsigned swapped;
};

static int swap_link(const char *name, void *user)
{
    struct swap *swap = user;

    return datapath_refresh_link(swap->datapath, name, &swap->swapped);
}

/*
 * Order: every link to programs on the new maps; then maps away, maps_new to maps, maps_old removed. A death
 * before the first rename leaves the old maps in charge of the next start, which fills and swaps again; one
 * between the renames is put right by kernel_recover_directories().
 */
static int kernel_activate(struct datapath *datapath, unsigned *ret_swapped, struct error *error)
{
    struct swap swap = {.datapath = datapath};
    int r = kernel_each_link(datapath, swap_link, &swap);

    if (r < 0)
        return error_errno(error, r, "swapping the programs of a running task");
    if (datapath->kernel->is_in_new) {
        if (kernel_has_directory(datapath, "maps"))
            r = kernel_rename_directory(datapath, "maps", "maps_old");
        if (r == 0)
            r = kernel_rename_directory(datapath, "maps_new", "maps");
        if (r < 0)
            return error_errno(error, r, "%s: putting the new maps in place", datapath->kernel->bpffs);
        kernel_remove_directory(datapath, "maps_old");
        datapath->kernel->is_in_new = false;
    }
    kernel_close_pinned(&datapath->kernel->old);
    *ret_swapped = swap.swapped;
    return 0;
}

static const struct datapath_backend kernel_backend = {
    .put = kernel_put,
    .put_many = kernel_put_many,
    .remove = kernel_remove,
    .get = kernel_get,
    .each = kernel_each,
    .activate = kernel_activate,
    .attach = kernel_attach,
    .detach = kernel_detach,
    .is_attached = kernel_is_attached,
    .each_link = kernel_each_link,
    .listen = kernel_listen,
    .events_fd = kernel_events_fd,
    .read_events = kernel_read_events,
    .grace_start = kernel_grace_start,
    .grace_join = kernel_grace_join,
    .grace_wait = kernel_grace_wait,
    .close = kernel_close,
};

int datapath_open(const struct datapath_config *config, struct datapath **ret_datapath, struct error *error)
{
    _cleanup_(datapath_close) struct datapath *datapath = calloc(1, sizeof(*datapath));
    struct kernel *kernel = calloc(1, sizeof(*kernel));
    int r;

    if (!datapath || !kernel) {
        free(TAKE_PTR(datapath));
        free(kernel);
        return error_set(error, ENOMEM, "out of memory");
    }
    datapath->backend = &kernel_backend;
    datapath->kernel = kernel;
    datapath->grace_pipe[0] = datapath->grace_pipe[1] = -1;
    kernel->grace_outer = kernel->grace_inner = -1;
    memset(kernel->old.fd, 0xff, sizeof(kernel->old.fd));
    datapath->n_cpus = libbpf_num_possible_cpus();
    r = open_kernel(datapath, config, error);
    if (r < 0)
        return r;
    if (datapath->origin != DATAPATH_MIGRATED)
        kernel_close_pinned(&kernel->old);
    *ret_datapath = TAKE_PTR(datapath);
    return 0;
}
