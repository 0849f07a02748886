/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One grace period at a time, told by a pipe that becomes readable. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "datapath/internal.h"

int datapath_grace_init(struct datapath *datapath)
{
    return pipe2(datapath->grace_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

void datapath_grace_wait(struct datapath *datapath)
{
    datapath->backend->grace_wait(datapath);
}

int datapath_grace_begin(struct datapath *datapath)
{
    int r;

    if (datapath->is_grace_running)
        return -EBUSY;
    r = datapath->backend->grace_start(datapath);
    if (r == 0)
        datapath->is_grace_running = true;
    return r;
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
    datapath->backend->grace_join(datapath);
    (void)!read(datapath->grace_pipe[0], &byte, 1);
    datapath->is_grace_running = false;
}

void datapath_grace_deinit(struct datapath *datapath)
{
    datapath_grace_end(datapath);
    for (int i = 0; i < 2; i++)
        if (datapath->grace_pipe[i] >= 0)
            (void)close(datapath->grace_pipe[i]);
}
