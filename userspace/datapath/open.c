/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening: what is pinned is adopted (kernel_adopt.c) or built anew beside: load, map, pin; later the swap. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/kernel.h"

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
        {MAP_ALIASES, config->aliases},
        {MAP_ALIAS_INDEX, datapath->alias_index.mask + 1},
        {MAP_PEER_INDEX, datapath->peer_index.mask + 1},
        {MAP_SERVICES, datapath->n_services},
        {MAP_SLOTS, datapath->n_slots},
        {MAP_ENDPOINTS, config->endpoints},
        {MAP_OUTLIERS, datapath->n_outliers},
        {MAP_ENDPOINT_STATS, config->endpoints},
        {MAP_PEERS, config->endpoints},
        {MAP_ATTEMPTS, shards * datapath->n_outliers},
        {MAP_TASKS, config->tasks},
        {MAP_RESOLVERS, datapath->n_resolvers},
        {MAP_ENDPOINT_NETWORKS, config->endpoints},
        {MAP_NEIGHBOURS, datapath->n_outliers},
        {MAP_LOCAL_ENDPOINTS, datapath->n_local_words},
        {MAP_POLICY_ADDRESSES, config->endpoints},
        {MAP_FIRST_BYTES, config->endpoints},
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int r = bpf_map__set_max_entries(kernel_skeleton_map(datapath, sizes[i].map), sizes[i].entries);

        if (r < 0)
            return r;
    }
    datapath->kernel->skeleton->rodata->alias_index_mask = datapath->alias_index.mask;
    datapath->kernel->skeleton->rodata->peer_index_mask = datapath->peer_index.mask;
    datapath->kernel->skeleton->rodata->attempts_mask = shards - 1;
    datapath->kernel->skeleton->rodata->attempts_stride = datapath->n_outliers;
    return 0;
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
static int pin_additions(struct datapath *datapath, struct error *error)
{
    char path[PATH_MAX];

    for (int map = 0; map < MAP_COUNT_; map++) {
        if (!kernel_is_addition(map) || datapath->kernel->old.fd[map] >= 0)
            continue;
        kernel_map_path(datapath, path, "maps", map);
        if (bpf_obj_pin(datapath->kernel->fd[map], path) < 0)
            return error_errno(error, errno, "pinning %s", path);
    }
    return 0;
}

/* 0: not known; no map has it. */
static uint32_t map_id(const struct datapath *datapath, enum map_index map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(datapath->kernel->fd[map], &info, &size) == 0 ? info.id : 0;
}

static void tell_facts(struct datapath *datapath)
{
    struct svcconnect_bpf__rodata *told = datapath->kernel->skeleton->rodata;
    struct kernel_facts facts;

    datapath->has_socket_facts = kernel_facts_find(&facts);
    memcpy(&told->fact_error, &facts.error, sizeof(facts.error));
    memcpy(&told->fact_ipv6_only, &facts.ipv6_only, sizeof(facts.ipv6_only));
    memcpy(&told->fact_defers_syn, &facts.defers_syn, sizeof(facts.defers_syn));
}

#define FADE_NS 8000000000ull

/* How many ticks, as a power of two, an average keeps half its weight for. */
static uint32_t fade_of(uint64_t tick_ns)
{
    uint32_t fade = 3; /* at least eight: see svc_is_time_due() */

    while (fade < 24 && (tick_ns << fade) * 4 < FADE_NS * 3)
        fade++;
    return fade;
}

static void tell_ticks(struct datapath *datapath)
{
    struct svcconnect_bpf__rodata *told = datapath->kernel->skeleton->rodata;
    struct timespec tick;

    if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 || tick.tv_nsec <= 0)
        return;
    told->tick_ns = (uint64_t)tick.tv_nsec;
    told->fade = fade_of((uint64_t)tick.tv_nsec);
}

static void tell_callers(struct datapath *datapath, const struct datapath_config *config)
{
    struct svcconnect_bpf__rodata *told = datapath->kernel->skeleton->rodata;

    told->counts_callers = config->counts_callers;
    told->connection_log = config->counts_callers ? config->connection_log : SVC_LOG_OFF;
    told->has_process_names =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_current_pid_tgid, NULL) == 1 &&
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_current_comm, NULL) == 1;
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
    kernel_drop_foreign(datapath, &datapath->kernel->old);
    r = kernel_choose_stock(datapath, config);
    if (r < 0)
        return error_errno(error, r, "setting map flags");
    datapath->origin = kernel_judge_pinned(datapath, &datapath->kernel->old);
    datapath->old_is_readable = datapath->origin == DATAPATH_MIGRATED &&
                                kernel_is_readable(kernel_pinned_version(&datapath->kernel->old));
    if (datapath->origin == DATAPATH_MIGRATED)
        kernel_remember_old(datapath, &datapath->kernel->old);
    r = kernel_reuse_pinned(datapath, &datapath->kernel->old);
    if (r < 0)
        return error_errno(error, r, "adopting pinned maps");
    datapath->has_set_retval =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL) == 1;
    datapath->kernel->skeleton->rodata->has_set_retval = datapath->has_set_retval;
    tell_facts(datapath);
    tell_callers(datapath, config);
    tell_ticks(datapath);
    memcpy(&datapath->kernel->skeleton->rodata->alias_ranges, &config->alias_ranges,
           sizeof(config->alias_ranges));
    r = svcconnect_bpf__load(datapath->kernel->skeleton);
    if (r < 0)
        return error_errno(error, r,
                           "the kernel refuses the BPF programs or maps (--log-level debug tells more)");
    for (int map = 0; map < MAP_COUNT_; map++)
        datapath->kernel->fd[map] = bpf_map__fd(kernel_skeleton_map(datapath, map));
    datapath->kernel->services_map_id = map_id(datapath, MAP_SERVICES);
    datapath->kernel->peers_map_id = map_id(datapath, MAP_PEER_INDEX);
    datapath->kernel->flows_map_id = map_id(datapath, MAP_FLOWS);
    r = kernel_map_arrays(datapath);
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
    return datapath->origin == DATAPATH_ADOPTED ? pin_additions(datapath, error) : pin_new(datapath, error);
}

static void kernel_close(struct datapath *datapath)
{
    struct kernel *kernel = datapath->kernel;

    kernel_grace_deinit(datapath);
    if (kernel->is_in_new) /* never activated: nobody's, and large */
        kernel_remove_directory(datapath, "maps_new");
    kernel_unmap_arrays(datapath);
    kernel_events_deinit(datapath);
    ring_buffer__free(kernel->connections);
    kernel_drop_all_links(kernel);
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
    return kernel_each_link(datapath, kernel_hold_pinned, datapath);
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
    .mend_directory = kernel_mend_directory,
    .mend = kernel_mend,
    .listen = kernel_listen,
    .events_fd = kernel_events_fd,
    .read_events = kernel_read_events,
    .read_connections = kernel_read_connections,
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
