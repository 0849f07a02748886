/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the hosts of a fleet have in etcd, and taking away what one left behind that never comes back. Waits for etcd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/etcd/etcd_settings.h"

struct etcd_leaving {
    char host[ETCD_HOST_SIZE];
    bool is_there;        /* it keeps its lease alive */
    uint64_t n_instances; /* that belong to it */
    uint64_t n_own;       /* its numbers and history */
};

/* By their names; `hosts` is the caller's to free. -ENOTCONN, -EACCES and what else etcd says. */
int etcd_forget_list(const struct etcd_settings *settings, struct etcd_leaving **ret_hosts, size_t *ret_n,
                     struct error *error);

/*
 * Takes away the host's instances, some at a time, then what it kept for itself.
 *   -EBUSY   it is there: nothing was taken away
 *   -ENOENT  nothing of it is there
 *   -ENOTCONN, -EAGAIN: some may have been; the same call goes on
 */
int etcd_forget(const struct etcd_settings *settings, const char *host, struct etcd_leaving *ret_gone,
                struct error *error);
