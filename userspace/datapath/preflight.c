/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What must be there before anything is touched; found out by trying, never by version. */
#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "datapath/kernel.h"

static bool has_capability(const struct __user_cap_data_struct data[2], unsigned capability)
{
    return data[capability / 32].effective & 1u << capability % 32;
}

static int check_capabilities(struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return error_errno(error, errno, "capabilities cannot be read");
    if (has_capability(data, CAP_SYS_ADMIN))
        return 0;
    if (!has_capability(data, CAP_BPF) || !has_capability(data, CAP_NET_ADMIN) ||
        !has_capability(data, CAP_PERFMON))
        return error_set(
            error, EPERM,
            "capability missing: loading and attaching the programs needs CAP_SYS_ADMIN, or CAP_BPF, "
            "CAP_NET_ADMIN and CAP_PERFMON; run svcconnectd as root");
    return 0;
}

static int check_bpffs(const char *path, struct error *error)
{
    _cleanup_free_ char *copy = strdup(path);
    struct stat info;

    if (!copy)
        return -ENOMEM;
    if (stat(copy, &info) == 0 && !S_ISDIR(info.st_mode))
        return error_set(error, ENOTDIR, "--bpffs %s is not a directory", path);
    /* The nearest directory that exists tells which file system the rest would be made on. */
    while (stat(copy, &info) < 0 && strcmp(copy, "/") != 0 && strcmp(copy, ".") != 0) {
        const char *parent = dirname(copy);

        memmove(copy, parent, strlen(parent) + 1);
    }
    if (!mounts_is_bpffs(copy))
        return error_set(
            error, ENODEV,
            "--bpffs %s is not on a BPF file system: mount one (mount -t bpf bpf /sys/fs/bpf) or name a "
            "directory on one; in a container give it the host's, -v /sys/fs/bpf:/sys/fs/bpf",
            path);
    return 0;
}

static int check_cgroup2(const char *path, struct error *error)
{
    if (!mounts_is_cgroup2(path))
        return error_set(
            error, ENODEV,
            "--cgroup-root %s is not a cgroup v2 mount: mount one (mount -t cgroup2 none DIR) or leave "
            "the option out to have it found",
            path);
    return 0;
}

/* Mapped arrays (5.5) are how tables are published. */
static int check_mapped_array(struct error *error)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    _cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "svc_probe", 4, 64, 1, &options);
    void *memory;

    if (fd < 0 && errno == EPERM)
        return error_set(error, EPERM,
                         "the bpf() system call is refused (a lockdown, seccomp or container policy)");
    if (fd < 0)
        return error_set(error, ENOTSUP, "kernel feature missing: mappable BPF arrays (Linux 5.5)");
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return error_set(error, ENOTSUP, "kernel feature missing: mapping a BPF array (Linux 5.5)");
    (void)munmap(memory, 4096);
    return 0;
}

static int check_features(struct error *error)
{
    static const struct {
        enum bpf_map_type type;
        const char *name;
    } maps[] = {
        {BPF_MAP_TYPE_HASH, "BPF hash maps"},
        {BPF_MAP_TYPE_PERCPU_HASH, "BPF per-CPU hash maps"},
        {BPF_MAP_TYPE_CGROUP_STORAGE, "BPF cgroup storage (CONFIG_CGROUP_BPF)"},
        {BPF_MAP_TYPE_ARRAY_OF_MAPS, "BPF maps in maps"},
        {BPF_MAP_TYPE_RINGBUF, "BPF ring buffers (Linux 5.8)"},
    };
    int r = check_mapped_array(error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
        if (libbpf_probe_bpf_map_type(maps[i].type, NULL) == 0)
            return error_set(error, ENOTSUP, "kernel feature missing: %s", maps[i].name);
    if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL) == 0)
        return error_set(
            error, ENOTSUP,
            "kernel feature missing: BPF programs on connect() of a cgroup (CONFIG_CGROUP_BPF, Linux "
            "4.17)");
    if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCK_OPS, NULL) == 0)
        return error_set(error, ENOTSUP,
                         "kernel feature missing: BPF programs on TCP events of a cgroup (Linux 4.13)");
    return 0;
}

int datapath_preflight(const struct datapath_config *config, struct error *error)
{
    int r = check_capabilities(error);

    if (r == 0)
        r = check_cgroup2(config->cgroup_root, error);
    if (r == 0)
        r = check_bpffs(config->bpffs, error);
    if (r == 0)
        r = check_features(error);
    return r;
}
