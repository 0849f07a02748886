/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening: find what is pinned, adopt it or build anew beside it, load, map, pin; later the swap. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/internal.h"

const char *const datapath_map_names[MAP_COUNT_] = {
    [MAP_ALIASES] = "aliases",     [MAP_SERVICES] = "services",     [MAP_SLOTS] = "slots",
    [MAP_ENDPOINTS] = "endpoints", [MAP_TASKS] = "tasks",           [MAP_ENDPOINT_STATS] = "endpoint_stats",
    [MAP_COUNTERS] = "counters",   [MAP_TASK_SCOPE] = "task_scope", [MAP_LAYOUT] = "layout",
    [MAP_FLOWS] = "flows",         [MAP_RESOLVERS] = "resolvers",   [MAP_PEERS] = "peers",
    [MAP_OUTLIERS] = "outliers",   [MAP_EVENTS] = "events",         [MAP_ATTEMPTS] = "attempts",
};

static void map_path(const struct datapath *datapath, char path[PATH_MAX], const char *directory, int map)
{
    (void)snprintf(path, PATH_MAX, "%s/%s%s%s", datapath->bpffs, directory, map >= 0 ? "/" : "",
                   map >= 0 ? datapath_map_names[map] : "");
}

static bool directory_exists(const struct datapath *datapath, const char *directory)
{
    char path[PATH_MAX];
    struct stat info;

    map_path(datapath, path, directory, -1);
    return stat(path, &info) == 0;
}

static void remove_directory(const struct datapath *datapath, const char *directory)
{
    char path[PATH_MAX];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    map_path(datapath, path, directory, -1);
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)rmdir(path);
}

static int rename_directory(const struct datapath *datapath, const char *from, const char *to)
{
    char old_path[PATH_MAX];
    char new_path[PATH_MAX];

    map_path(datapath, old_path, from, -1);
    map_path(datapath, new_path, to, -1);
    return rename(old_path, new_path) < 0 ? -errno : 0;
}

/* Puts right what a run that died during the swap left: see datapath_activate() for the order it works in. */
static int recover_directories(const struct datapath *datapath)
{
    /* bpffs takes no dot in a name ("reserved for future extension"), so the directories are maps_new,
     * maps_old. */
    if (!directory_exists(datapath, "maps") && directory_exists(datapath, "maps_old") &&
        directory_exists(datapath, "maps_new")) {
        int r = rename_directory(datapath, "maps_new", "maps");

        if (r < 0)
            return r;
    }
    remove_directory(datapath, "maps_new");
    remove_directory(datapath, "maps_old");
    return 0;
}

static void open_pinned(const struct datapath *datapath, struct datapath_fds *fds)
{
    for (int map = 0; map < MAP_COUNT_; map++) {
        char path[PATH_MAX];

        map_path(datapath, path, "maps", map);
        fds->fd[map] = bpf_obj_get(path);
    }
}

static void close_pinned(struct datapath_fds *fds)
{
    for (int map = 0; map < MAP_COUNT_; map++) {
        if (fds->fd[map] >= 0)
            (void)close(fds->fd[map]);
        fds->fd[map] = -1;
    }
}

static struct bpf_map *skeleton_map(const struct datapath *datapath, int map)
{
    return bpf_object__find_map_by_name(datapath->skeleton->obj, datapath_map_names[map]);
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

static enum datapath_origin judge_pinned(const struct datapath *datapath, const struct datapath_fds *fds)
{
    if (!directory_exists(datapath, "maps"))
        return DATAPATH_NEW;
    if (pinned_version(fds) != SVC_ABI_VERSION)
        return DATAPATH_MIGRATED;
    for (int map = 0; map < MAP_COUNT_; map++)
        if (!has_wanted_layout(datapath, map, fds->fd[map]))
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
    uint32_t shards = attempt_shards(datapath->n_cpus);
    const struct {
        int map;
        uint32_t entries;
    } sizes[] = {
        {MAP_ALIASES, config->aliases},
        {MAP_SERVICES, datapath_services(config->aliases)},
        {MAP_SLOTS, config->slots},
        {MAP_ENDPOINTS, config->endpoints},
        {MAP_ENDPOINT_STATS, config->endpoints},
        {MAP_PEERS, config->endpoints},
        {MAP_OUTLIERS, config->endpoints + 1}, /* numbers begin at 1 */
        {MAP_ATTEMPTS, shards * (config->endpoints + 1)},
        {MAP_TASKS, config->tasks},
        {MAP_RESOLVERS, config->tasks * 2 + 1}, /* numbers begin at 1; some tasks have several */
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int r = bpf_map__set_max_entries(skeleton_map(datapath, sizes[i].map), sizes[i].entries);

        if (r < 0)
            return r;
    }
    datapath->n_services = datapath_services(config->aliases);
    datapath->n_slots = config->slots;
    datapath->n_outliers = config->endpoints + 1;
    datapath->n_shards = shards;
    datapath->skeleton->rodata->attempts_mask = shards - 1;
    datapath->skeleton->rodata->attempts_stride = datapath->n_outliers;
    datapath->n_resolvers = config->tasks * 2 + 1;
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
    int pinned = datapath->old.fd[MAP_ENDPOINT_STATS];
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
        if (datapath->origin == DATAPATH_ADOPTED ||
            (map == MAP_TASK_SCOPE && has_wanted_layout(datapath, map, fds->fd[map])))
            r = bpf_map__reuse_fd(skeleton_map(datapath, map), fds->fd[map]);
    return r;
}

static int map_array(const struct datapath *datapath, int map, size_t size, void **ret_memory)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, datapath->fd[map], 0);

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
    return r;
}

static int pin_new(struct datapath *datapath, struct error *error)
{
    struct svc_layout layout = {.abi_version = SVC_ABI_VERSION};
    uint32_t zero = 0;
    char path[PATH_MAX];
    int r;

    map_path(datapath, path, "maps_new", -1);
    r = directory_make(path, 0700);
    if (r < 0)
        return error_errno(error, r, "%s", path);
    if (bpf_map_update_elem(datapath->fd[MAP_LAYOUT], &zero, &layout, BPF_ANY) < 0)
        return error_errno(error, errno, "writing the layout version");
    for (int map = 0; map < MAP_COUNT_; map++) {
        map_path(datapath, path, "maps_new", map);
        if (bpf_obj_pin(datapath->fd[map], path) < 0)
            return error_errno(error, errno, "pinning %s", path);
    }
    datapath->is_in_new = true;
    return 0;
}

/* 0: not known; no map has it. */
static uint32_t map_id(const struct datapath *datapath, enum map_index map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(datapath->fd[map], &info, &size) == 0 ? info.id : 0;
}

static int load(struct datapath *datapath, const struct datapath_config *config, struct error *error)
{
    int r;

    datapath->skeleton = svcconnect_bpf__open();
    if (!datapath->skeleton)
        return error_errno(error, errno, "opening the BPF object");
    r = set_sizes(datapath, config);
    if (r < 0)
        return error_errno(error, r, "setting map sizes");
    open_pinned(datapath, &datapath->old);
    r = choose_stock(datapath, config);
    if (r < 0)
        return error_errno(error, r, "setting map flags");
    datapath->origin = judge_pinned(datapath, &datapath->old);
    datapath->old_is_readable =
        datapath->origin == DATAPATH_MIGRATED && pinned_version(&datapath->old) == SVC_ABI_VERSION;
    r = reuse_pinned(datapath, &datapath->old);
    if (r < 0)
        return error_errno(error, r, "adopting pinned maps");
    datapath->has_set_retval =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL) == 1;
    datapath->skeleton->rodata->has_set_retval = datapath->has_set_retval;
    r = svcconnect_bpf__load(datapath->skeleton);
    if (r < 0)
        return error_errno(error, r,
                           "the kernel refuses the BPF programs or maps (--log-level debug tells more)");
    for (int map = 0; map < MAP_COUNT_; map++)
        datapath->fd[map] = bpf_map__fd(skeleton_map(datapath, map));
    datapath->services_map_id = map_id(datapath, MAP_SERVICES);
    datapath->peers_map_id = map_id(datapath, MAP_PEERS);
    datapath->flows_map_id = map_id(datapath, MAP_FLOWS);
    r = map_memory(datapath);
    return r < 0 ? error_errno(error, r, "mapping the tables") : 0;
}

int datapath_open(const struct datapath_config *config, struct datapath **ret_datapath, struct error *error)
{
    struct datapath *datapath = calloc(1, sizeof(*datapath));
    int r;

    if (!datapath)
        return error_set(error, ENOMEM, "out of memory");
    datapath->grace_outer = datapath->grace_inner = datapath->grace_pipe[0] = datapath->grace_pipe[1] = -1;
    memset(datapath->old.fd, 0xff, sizeof(datapath->old.fd));
    datapath->n_cpus = libbpf_num_possible_cpus();
    if (strlen(config->bpffs) >= sizeof(datapath->bpffs)) {
        free(datapath);
        return error_input(error, "--bpffs", config->bpffs, "a shorter path");
    }
    strcpy(datapath->bpffs, config->bpffs);
    r = directory_make(config->bpffs, 0700);
    if (r < 0)
        r = error_errno(error, r, "%s", config->bpffs);
    else if ((r = recover_directories(datapath)) < 0)
        r = error_errno(error, r, "%s: putting pinned maps in place", config->bpffs);
    if (r == 0)
        r = load(datapath, config, error);
    if (r == 0 && (r = datapath_grace_init(datapath)) < 0)
        r = error_errno(error, r, "preparing grace periods");
    if (r == 0 && datapath->origin != DATAPATH_ADOPTED)
        r = pin_new(datapath, error);
    if (r < 0) {
        datapath_close(&datapath);
        return r;
    }
    if (datapath->origin != DATAPATH_MIGRATED)
        close_pinned(&datapath->old);
    *ret_datapath = datapath;
    return 0;
}

void datapath_close(struct datapath **datapath)
{
    struct datapath *self = *datapath;

    if (!self)
        return;
    datapath_grace_deinit(self);
    if (self->is_in_new) /* never activated: nobody's, and large */
        remove_directory(self, "maps_new");
    if (self->services)
        (void)munmap(self->services, self->n_services * sizeof(struct svc_service));
    if (self->slots)
        (void)munmap(self->slots, self->n_slots * sizeof(struct svc_slot));
    if (self->outliers)
        (void)munmap(self->outliers, self->n_outliers * sizeof(struct svc_outlier));
    if (self->attempts)
        (void)munmap(self->attempts, (size_t)self->n_shards * self->n_outliers * sizeof(struct svc_attempts));
    if (self->resolvers)
        (void)munmap(self->resolvers, self->n_resolvers * sizeof(struct svc_resolver));
    datapath_events_deinit(self);
    close_pinned(&self->old);
    svcconnect_bpf__destroy(self->skeleton);
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

uint64_t datapath_writes(const struct datapath *datapath)
{
    return datapath->writes;
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
        bpf_map_lookup_elem(datapath->old.fd[MAP_COUNTERS], &zero, values) == 0)
        (void)bpf_map_update_elem(datapath->fd[MAP_COUNTERS], &zero, values, BPF_ANY);
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
 * between the renames is put right by recover_directories().
 */
int datapath_activate(struct datapath *datapath, unsigned *ret_swapped, struct error *error)
{
    struct swap swap = {.datapath = datapath};
    int r;

    carry_counters(datapath);
    r = datapath_each_link(datapath, swap_link, &swap);

    if (r < 0)
        return error_errno(error, r, "swapping the programs of a running task");
    if (datapath->is_in_new) {
        if (directory_exists(datapath, "maps"))
            r = rename_directory(datapath, "maps", "maps_old");
        if (r == 0)
            r = rename_directory(datapath, "maps_new", "maps");
        if (r < 0)
            return error_errno(error, r, "%s: putting the new maps in place", datapath->bpffs);
        remove_directory(datapath, "maps_old");
        datapath->is_in_new = false;
    }
    close_pinned(&datapath->old);
    datapath->old_is_readable = false;
    datapath->origin = datapath->origin == DATAPATH_MIGRATED ? DATAPATH_ADOPTED : datapath->origin;
    *ret_swapped = swap.swapped;
    return 0;
}
