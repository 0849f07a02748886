/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * program_stats: what the kernel says about the programs on a cgroup, with empty ones attached beside them.
 *
 *   program_stats CGROUP-DIRECTORY [MAPS-DIRECTORY SCOPE]
 *
 * Prints READY, then answers lines of its standard input with one line of JSON each, until that ends:
 *   sample         {"NAME": {"runs", "run_ns", "instructions", "bytes"}, ...}   of all programs on the cgroup
 *   count PID      {}       system calls of this process are counted from here on
 *   syscalls       {"syscalls": N}
 *
 * The kernel's run-time statistics are on while this runs, and the empty programs are attached; both end with
 * it. An empty program runs whenever its neighbour does, so that its time is what the clock and the call
 * cost. With pinned maps, the cgroup is nobody's task and gets the least that can be done with them for a
 * task of that scope (least.bpf.c), under the name of connect4.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.skel.h"
#include "least.skel.h"

#define MAX_PROGRAMS 64

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "program_stats: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void print_program(__u32 id, int *n_printed)
{
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(id);

    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
        printf("%s\"%s\": {\"runs\": %llu, \"run_ns\": %llu, \"instructions\": %u, \"bytes\": %u}",
               (*n_printed)++ ? ", " : "", info.name, info.run_cnt, info.run_time_ns,
               info.xlated_prog_len / 8, info.jited_prog_len);
    if (fd >= 0)
        (void)close(fd);
}

static void print_sample(int cgroup)
{
    int n_printed = 0;

    printf("{");
    for (int type = 0; type <= BPF_CGROUP_INET_SOCK_RELEASE; type++) {
        __u32 ids[MAX_PROGRAMS];
        __u32 n = MAX_PROGRAMS;

        /* Types of other kinds of target, and those that this kernel lacks, are refused. */
        if (bpf_prog_query(cgroup, (enum bpf_attach_type)type, 0, NULL, ids, &n) < 0)
            continue;
        for (__u32 i = 0; i < n; i++)
            print_program(ids[i], &n_printed);
    }
    printf("}\n");
}

static void count_process(struct bench_bpf *bench, __u64 pid)
{
    const __u32 process = 0, calls = 1;
    const __u64 none = 0;

    if (!bench->links.count_syscalls) {
        bench->links.count_syscalls = bpf_program__attach(bench->progs.count_syscalls);
        if (!bench->links.count_syscalls)
            die("attaching the counter of system calls");
    }
    (void)bpf_map_update_elem(bpf_map__fd(bench->maps.syscalls), &process, &pid, BPF_ANY);
    (void)bpf_map_update_elem(bpf_map__fd(bench->maps.syscalls), &calls, &none, BPF_ANY);
    printf("{}\n");
}

static void print_syscalls(const struct bench_bpf *bench)
{
    const __u32 calls = 1;
    __u64 counted = 0;

    (void)bpf_map_lookup_elem(bpf_map__fd(bench->maps.syscalls), &calls, &counted);
    printf("{\"syscalls\": %llu}\n", counted);
}

static int attach_empty(struct bench_bpf *bench, int cgroup)
{
    struct bpf_program *program;

    bpf_object__for_each_program(program, bench->obj)
    {
        if (program == bench->progs.count_syscalls)
            continue;
        /* The link stays until the process ends. */
        if (!bpf_program__attach_cgroup(program, cgroup))
            return -1;
    }
    return 0;
}

static int reuse(struct bpf_map *map, const char *directory)
{
    char path[4096];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, bpf_map__name(map));
    fd = bpf_obj_get(path);
    return fd < 0 ? -1 : bpf_map__reuse_fd(map, fd);
}

static int attach_least(int cgroup, const char *directory, __u32 scope)
{
    struct least_bpf *least = least_bpf__open();

    if (!least || reuse(least->maps.aliases, directory) < 0 || reuse(least->maps.services, directory) < 0 ||
        reuse(least->maps.slots, directory) < 0)
        return -1;
    least->rodata->scope = scope;
    /* Stays until the process ends. */
    return least_bpf__load(least) == 0 && bpf_program__attach_cgroup(least->progs.least_connect4, cgroup)
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    int cgroup = argc == 2 || argc == 4 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
    struct bench_bpf *bench;
    char line[128];

    if (argc != 2 && argc != 4) {
        (void)fprintf(stderr, "usage: program_stats CGROUP-DIRECTORY [MAPS-DIRECTORY SCOPE]\n");
        return 2;
    }
    if (cgroup < 0)
        die(argv[1]);
    if (statistics < 0)
        die("switching statistics on");
    if (argc == 4 && attach_least(cgroup, argv[2], (__u32)strtoul(argv[3], NULL, 10)) < 0)
        die(argv[2]);
    bench = bench_bpf__open_and_load();
    if (!bench || attach_empty(bench, cgroup) < 0)
        die("attaching empty programs");
    printf("READY\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "sample\n") == 0)
            print_sample(cgroup);
        else if (strncmp(line, "count ", 6) == 0)
            count_process(bench, strtoull(line + 6, NULL, 10));
        else if (strcmp(line, "syscalls\n") == 0)
            print_syscalls(bench);
        else
            printf("{\"error\": \"unknown request\"}\n");
        (void)fflush(stdout);
    }
    bench_bpf__destroy(bench);
    return 0;
}
