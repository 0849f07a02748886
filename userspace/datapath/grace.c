/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Waiting for program runs to end. An update of a map in map ends in synchronize_rcu() before it returns, for
 * the very reason wanted here: so that the caller may take back what programs could see. membarrier(GLOBAL)
 * would do too, but is refused on nohz_full kernels and does nothing where one CPU is online.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "datapath/internal.h"

int datapath_grace_init(struct datapath *datapath)
{
    LIBBPF_OPTS(bpf_map_create_opts, options);

    datapath->grace_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "svc_grace_in", 4, 4, 1, NULL);
    if (datapath->grace_inner < 0)
        return -errno;
    options.inner_map_fd = (__u32)datapath->grace_inner;
    datapath->grace_outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "svc_grace_out", 4, 4, 1, &options);
    if (datapath->grace_outer < 0)
        return -errno;
    if (pipe2(datapath->grace_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

void datapath_grace_wait(struct datapath *datapath)
{
    static const struct timespec long_enough = {.tv_sec = 1};
    uint32_t zero = 0;

    /* A second is far beyond any program run; the fallback for a kernel that refuses the update for want of
     * memory. */
    if (bpf_map_update_elem(datapath->grace_outer, &zero, &datapath->grace_inner, BPF_ANY) < 0)
        (void)nanosleep(&long_enough, NULL);
}

static void *grace_thread(void *argument)
{
    struct datapath *datapath = argument;

    datapath_grace_wait(datapath);
    (void)!write(datapath->grace_pipe[1], "g", 1);
    return NULL;
}

int datapath_grace_begin(struct datapath *datapath)
{
    int r;

    if (datapath->is_grace_running)
        return -EBUSY;
    r = pthread_create(&datapath->grace_thread, NULL, grace_thread, datapath);
    if (r == 0)
        datapath->is_grace_running = true;
    return -r;
}

int datapath_grace_fd(const struct datapath *datapath)
{
    return datapath->grace_pipe[0];
}

void datapath_grace_end(struct datapath *datapath)
{
    char byte;

    if (!datapath->is_grace_running)
        return;
    (void)pthread_join(datapath->grace_thread, NULL);
    (void)!read(datapath->grace_pipe[0], &byte, 1);
    datapath->is_grace_running = false;
}

void datapath_grace_deinit(struct datapath *datapath)
{
    datapath_grace_end(datapath);
    for (int i = 0; i < 2; i++)
        if (datapath->grace_pipe[i] >= 0)
            (void)close(datapath->grace_pipe[i]);
    if (datapath->grace_outer >= 0)
        (void)close(datapath->grace_outer);
    if (datapath->grace_inner >= 0)
        (void)close(datapath->grace_inner);
}
