/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Waiting for program runs to end. An update of a map in map ends in synchronize_rcu() before it returns, for
 * the very reason wanted here: so that the caller may take back what programs could see. membarrier(GLOBAL)
 * would do too, but is refused on nohz_full kernels and does nothing where one CPU is online.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "datapath/kernel.h"

int kernel_grace_init(struct datapath *datapath)
{
    struct kernel *kernel = datapath->kernel;
    LIBBPF_OPTS(bpf_map_create_opts, options);

    kernel->grace_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "svc_grace_in", 4, 4, 1, NULL);
    if (kernel->grace_inner < 0)
        return -errno;
    options.inner_map_fd = (__u32)kernel->grace_inner;
    kernel->grace_outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "svc_grace_out", 4, 4, 1, &options);
    return kernel->grace_outer < 0 ? -errno : 0;
}

void kernel_grace_wait(struct datapath *datapath)
{
    static const struct timespec long_enough = {.tv_sec = 1};
    struct kernel *kernel = datapath->kernel;
    uint32_t zero = 0;

    /* A second is far beyond any program run; the fallback for a kernel that refuses the update for want of
     * memory. */
    if (bpf_map_update_elem(kernel->grace_outer, &zero, &kernel->grace_inner, BPF_ANY) < 0)
        (void)nanosleep(&long_enough, NULL);
}

static void *grace_thread(void *argument)
{
    struct datapath *datapath = argument;

    kernel_grace_wait(datapath);
    (void)!write(datapath->grace_pipe[1], "g", 1);
    return NULL;
}

int kernel_grace_start(struct datapath *datapath)
{
    return -pthread_create(&datapath->kernel->grace_thread, NULL, grace_thread, datapath);
}

void kernel_grace_join(struct datapath *datapath)
{
    (void)pthread_join(datapath->kernel->grace_thread, NULL);
}

void kernel_grace_deinit(struct datapath *datapath)
{
    if (datapath->kernel->grace_outer >= 0)
        (void)close(datapath->kernel->grace_outer);
    if (datapath->kernel->grace_inner >= 0)
        (void)close(datapath->kernel->grace_inner);
}
