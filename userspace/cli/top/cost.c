/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/top/cost.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int cost_begin(struct cost *cost, const char *bpffs)
{
    char *links = NULL;
    int fd;

    if (asprintf(&links, "%s/links", bpffs) < 0)
        return -ENOMEM;
    fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
    if (fd < 0) {
        free(links);
        return fd;
    }
    *cost = (struct cost){.statistics = fd, .links = links};
    return 0;
}

void cost_end(struct cost *cost)
{
    if (cost->statistics >= 0)
        (void)close(cost->statistics);
    free(cost->links);
    *cost = (struct cost)COST_OFF;
}

void cost_feed(struct cost *cost, uint64_t now_ms, uint64_t runs, uint64_t run_ns)
{
    uint64_t ms = now_ms - cost->at_ms;

    /* Sums that have shrunk are of other programs, which have taken their place. */
    if (cost->at_ms && ms && runs >= cost->runs && run_ns >= cost->run_ns) {
        uint64_t more = runs - cost->runs;
        double ns = (double)(run_ns - cost->run_ns);

        (void)snprintf(
            cost->text, sizeof(cost->text), "programs: %.0f runs/s, %.0f ns each, %.2f %% of a processor",
            (double)more * 1000 / (double)ms, more ? ns / (double)more : 0, ns / 10000 / (double)ms);
    } else {
        cost->text[0] = '\0';
    }
    cost->at_ms = now_ms;
    cost->runs = runs;
    cost->run_ns = run_ns;
}

/* Adds what the program behind a pinned link has run so far. */
static bool add_program(int directory, const char *name, uint64_t *runs, uint64_t *run_ns)
{
    struct bpf_link_info link = {0};
    struct bpf_prog_info program = {0};
    __u32 size = sizeof(link);
    _cleanup_close_ int link_fd = -1;
    _cleanup_close_ int program_fd = -1;
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%.32s", directory, name);
    link_fd = bpf_obj_get(path);
    if (link_fd < 0 || bpf_obj_get_info_by_fd(link_fd, &link, &size) < 0)
        return false;
    program_fd = bpf_prog_get_fd_by_id(link.prog_id);
    size = sizeof(program);
    if (program_fd < 0 || bpf_obj_get_info_by_fd(program_fd, &program, &size) < 0)
        return false;
    *runs += program.run_cnt;
    *run_ns += program.run_time_ns;
    return true;
}

/* All tasks share the same programs: those of the first one that has any are all. */
static bool add_programs_of_task(const char *links, const char *task, uint64_t *runs, uint64_t *run_ns)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_closedir_ DIR *directory = NULL;
    const struct dirent *entry;
    bool has_any = false;

    if (asprintf(&path, "%s/%s", links, task) < 0)
        return false;
    directory = opendir(path);
    while (directory && (entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            has_any |= add_program(dirfd(directory), entry->d_name, runs, run_ns);
    return has_any;
}

void cost_look(struct cost *cost, uint64_t now_ms)
{
    _cleanup_closedir_ DIR *directory = opendir(cost->links);
    const struct dirent *entry;
    bool has_any = false;
    uint64_t runs = 0;
    uint64_t run_ns = 0;

    while (directory && !has_any && (entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            has_any = add_programs_of_task(cost->links, entry->d_name, &runs, &run_ns);
    if (has_any) {
        cost_feed(cost, now_ms, runs, run_ns);
    } else {
        (void)snprintf(cost->text, sizeof(cost->text), "programs: no task is attached");
        cost->at_ms = 0;
    }
}
