/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A data path of either form for one test, and what the world does to it: restarts, cgroups, what programs
 * would have counted.
 *
 * The kernel's form is made below /sys/fs/bpf, over which a bpffs of this process alone is mounted: whatever
 * becomes of the test, its pins and so its links go with it. Cgroups are removed by a process that waits for
 * the one with the tests. Without root or a kernel that plays along these tests are skipped, and say why.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mounts.h"
#include "cgroups/cgroup.h"
#include "datapath/log_bridge.h"
#include "datapath/memory.h"

#define LAB_BPFFS "/sys/fs/bpf"
#define LAB_PINS  LAB_BPFFS "/svcconnect-unit"

/* What must happen happens within this time; what takes so long is lost. */
#define LAB_PATIENCE_MS 20000

struct lab {
    bool is_kernel;
    struct datapath_config config;
    struct datapath *datapath; /* NULL: closed, or not to be had here */
    unsigned cgroups;
};

struct lab_cgroup {
    struct cgroup cgroup;
    char directory[SVC_CGROUP_SIZE + 128];
    char link[192];
};

/* Of this process; the text says why the kernel's form cannot be had. */
static char lab_why_not[1024];
static char *lab_cgroup_root;
static char lab_parent[64];

/* ---- before and after all tests ---- */

/* The rest of main() goes on in a child; this process cleans up after it, and ends as it did. */
static inline void lab_guard(void)
{
    pid_t child;
    int status;

    if (mounts_find_cgroup2(&lab_cgroup_root) < 0)
        lab_cgroup_root = NULL;
    (void)snprintf(lab_parent, sizeof(lab_parent), "/svcconnect-unit-%d", (int)getpid());
    child = fork();
    if (child == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would clean up after it, or end it */
    if (child <= 0)
        return;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (lab_cgroup_root)
        (void)cgroup_remove(lab_cgroup_root, lab_parent);
    free(lab_cgroup_root);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static inline void lab_cannot(const char *what, int number)
{
    (void)snprintf(lab_why_not, sizeof(lab_why_not), "%.600s: %.200s", what, strerror(number));
}

static inline struct datapath_config lab_config(void)
{
    return (struct datapath_config){.bpffs = LAB_PINS,
                                    .cgroup_root = lab_cgroup_root ? lab_cgroup_root : "/sys/fs/cgroup",
                                    .aliases = 8,
                                    .slots = 16,
                                    .endpoints = 6,
                                    .tasks = 4};
}

/* Does a data path open here? Only a refusal by the kernel or its policy is no failure. */
static inline void lab_try_kernel(void)
{
    struct datapath_config config = lab_config();
    struct datapath *datapath = NULL;
    struct error error = {0};
    int r = datapath_open(&config, &datapath, &error);

    datapath_close(&datapath);
    if (r == -EPERM || r == -ENOSYS || r == -EACCES)
        (void)snprintf(lab_why_not, sizeof(lab_why_not), "%s", error.message);
    else if (r < 0)
        fail_msg("%s", error.message);
}

/* Group setup. */
static inline int lab_begin(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    datapath_bridge_log();
    if (geteuid() != 0)
        lab_cannot("the kernel's form needs root", EPERM);
    else if (!lab_cgroup_root)
        lab_cannot("no cgroup v2 mount", ENOENT);
    else if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        lab_cannot("no mount namespace", errno);
    else if (mount("bpf", LAB_BPFFS, "bpf", 0, NULL) < 0)
        lab_cannot("no bpffs at " LAB_BPFFS, errno);
    else
        lab_try_kernel();
    return 0;
}

static inline int lab_end(void **state)
{
    (void)state;
    free(lab_cgroup_root);
    lab_cgroup_root = NULL;
    return 0;
}

/* ---- before and after one ---- */

static inline int lab_unlink(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

static inline void lab_remove_pins(void)
{
    (void)nftw(LAB_PINS, lab_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void lab_open(struct lab *lab)
{
    struct error error = {0};

    if (datapath_open(&lab->config, &lab->datapath, &error) < 0)
        fail_msg("%s", error.message);
}

/* The kernel's form is opened by the test, which may want something to be there before. */
static inline int lab_setup_closed(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    if (!lab)
        return -1;
    lab->is_kernel = true;
    lab->config = lab_config();
    lab_remove_pins();
    return 0;
}

static inline int lab_setup_kernel(void **state)
{
    if (lab_setup_closed(state) < 0)
        return -1;
    if (!*lab_why_not)
        lab_open(*state);
    return 0;
}

static inline int lab_setup_memory(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    if (!lab)
        return -1;
    lab->config = lab_config();
    return datapath_new_in_memory(&lab->config, &lab->datapath);
}

static inline int lab_teardown(void **state)
{
    struct lab *lab = *state;

    datapath_close(&lab->datapath);
    if (lab->is_kernel && !*lab_why_not) {
        lab_remove_pins();
        (void)cgroup_remove(lab_cgroup_root, lab_parent);
    }
    free(lab);
    return 0;
}

/* The lab of a test, which ends here where it cannot be run. */
static inline struct lab *lab_of(void **state)
{
    struct lab *lab = *state;

    if (lab->is_kernel && *lab_why_not) {
        print_message("[  SKIP    ] %s\n", lab_why_not);
        skip();
    }
    return lab;
}

#define IN_MEMORY(name)                                                                                      \
    {                                                                                                        \
        "memory: " #name, name, lab_setup_memory, lab_teardown, NULL                                         \
    }
#define IN_KERNEL(name)                                                                                      \
    {                                                                                                        \
        "kernel: " #name, name, lab_setup_kernel, lab_teardown, NULL                                         \
    }
#define BOTH_FORMS(name) IN_MEMORY(name), IN_KERNEL(name)
#define KERNEL_CLOSED(name)                                                                                  \
    {                                                                                                        \
        "kernel: " #name, name, lab_setup_closed, lab_teardown, NULL                                         \
    }

/* ---- what happens to it ---- */

/* The next run, which finds the same sizes or others, and has not activated yet. */
static inline void lab_restart(struct lab *lab, enum datapath_origin origin)
{
    if (lab->is_kernel) {
        datapath_close(&lab->datapath);
        if (origin == DATAPATH_MIGRATED)
            lab->config.slots *= 2;
        lab_open(lab);
    } else {
        assert_int_equal(memory_datapath_restart(lab->datapath, origin), 0);
    }
    assert_int_equal(datapath_origin(lab->datapath), origin);
}

static inline unsigned lab_activate(struct lab *lab)
{
    struct error error = {0};
    unsigned swapped = 0;

    if (datapath_activate(lab->datapath, &swapped, &error) < 0)
        fail_msg("%s", error.message);
    return swapped;
}

/* In the memory's form a cgroup is a number. */
static inline struct lab_cgroup lab_make_cgroup(struct lab *lab, const char *name)
{
    struct lab_cgroup made = {.cgroup.id = 1000 + ++lab->cgroups};
    char parent[sizeof(made.directory)];
    struct stat info;

    (void)snprintf(made.cgroup.path, sizeof(made.cgroup.path), "%s/%s", lab_parent, name);
    cgroup_directory(lab->config.cgroup_root, made.cgroup.path, made.directory, sizeof(made.directory));
    if (lab->is_kernel) {
        cgroup_directory(lab->config.cgroup_root, lab_parent, parent, sizeof(parent));
        assert_true(mkdir(parent, 0755) == 0 || errno == EEXIST);
        assert_int_equal(mkdir(made.directory, 0755), 0);
        assert_int_equal(stat(made.directory, &info), 0);
        made.cgroup.id = info.st_ino;
    }
    cgroup_link_name(&made.cgroup, made.link, sizeof(made.link));
    return made;
}

static inline void lab_lose_cgroup(struct lab *lab, const struct lab_cgroup *cgroup)
{
    if (!lab->is_kernel)
        memory_datapath_lose_cgroup(lab->datapath, cgroup->cgroup.id);
    else
        assert_int_equal(cgroup_remove(lab->config.cgroup_root, cgroup->cgroup.path), 0);
}

static inline void lab_attach(struct lab *lab, const struct lab_cgroup *cgroup)
{
    struct error error = {0};

    if (datapath_attach(lab->datapath, cgroup->link, cgroup->directory, cgroup->cgroup.id, &error) < 0)
        fail_msg("%s", error.message);
}

/* The pinned map, as anybody could open it. */
static inline int lab_pinned(const char *directory, const char *map)
{
    char path[256];
    int fd;

    (void)snprintf(path, sizeof(path), LAB_PINS "/%s/%s", directory, map);
    fd = bpf_obj_get(path);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    return fd;
}

static inline void *lab_per_cpu(const void *value, size_t size)
{
    int n = libbpf_num_possible_cpus();
    char *all = calloc((size_t)n, size);

    assert_non_null(all);
    for (int i = 0; i < n; i++)
        memcpy(all + (size_t)i * size, value, size);
    return all;
}

/* What programs would have counted, of which the kernel has one per CPU: all of them the same. Returns how
 * many. */
static inline uint64_t lab_count(struct lab *lab, uint32_t endpoint, uint64_t connections, uint64_t hits)
{
    const struct svc_endpoint_stats stats = {.connections = connections, .ejections = 1};
    const struct svc_counters counters = {.hit = hits};
    const char *directory = access(LAB_PINS "/maps_new", F_OK) == 0 ? "maps_new" : "maps";
    _cleanup_free_ void *all_stats = lab_per_cpu(&stats, sizeof(stats));
    _cleanup_free_ void *all_counters = lab_per_cpu(&counters, sizeof(counters));
    _cleanup_close_ int stats_fd = -1;
    _cleanup_close_ int counters_fd = -1;
    uint32_t zero = 0;

    if (!lab->is_kernel) {
        assert_int_equal(memory_datapath_set_stats(lab->datapath, endpoint, &stats), 0);
        memory_datapath_set_counters(lab->datapath, &counters);
        return 1;
    }
    stats_fd = lab_pinned(directory, "endpoint_stats");
    counters_fd = lab_pinned(directory, "counters");
    assert_int_equal(bpf_map_update_elem(stats_fd, &endpoint, all_stats, BPF_EXIST), 0);
    assert_int_equal(bpf_map_update_elem(counters_fd, &zero, all_counters, BPF_ANY), 0);
    return (uint64_t)libbpf_num_possible_cpus();
}

static inline bool lab_is_readable(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    return poll(&wanted, 1, 0) == 1;
}

/* What the kernel does when it gets to it. */
static inline void lab_until(bool (*is_true)(void *user), void *user, const char *what)
{
    uint64_t end = clock_monotonic_ms() + LAB_PATIENCE_MS;

    while (!is_true(user)) {
        if (clock_monotonic_ms() >= end)
            fail_msg("waited in vain for: %s", what);
        (void)usleep(1000);
    }
}
