/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How many TCP connections tasks have to one endpoint, asked of the kernel's socket tables, and closing them:
 * for draining. A job runs in a thread of its own, which enters the network namespaces of the tasks'
 * processes one by one; the calling thread stays where it is and does not wait.
 *
 * Counted are sockets that were made in one of the cgroups or below it, whoever holds them now, and that are
 * not closed: not LISTEN, CLOSE, TIME_WAIT, nor FIN_WAIT2 once its process has let go of it: then everything
 * has been delivered and nobody wants an answer. An orphan that still has to deliver counts.
 *
 * Left out as well: sockets in a network namespace that no process of the cgroups is in any more (or only a
 * thread that is not its process's first); half-open requests, which have no cgroup; what is made while the
 * job runs. A kernel that tells no cgroups at all (before 5.9, or without CONFIG_CGROUP_BPF) counts nothing;
 * the programs do not run there either.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct task_sockets_request {
    const char *const *cgroups; /* full paths of their directories; those that do not exist count nothing */
    size_t n_cgroups;
    struct ip_address address; /* the remote end; IPv4 also as what IPv6 sockets have mapped */
    uint16_t port;             /* host order, not 0 */
    bool is_udp;               /* connected UDP sockets instead of TCP connections */
    bool kill;                 /* closes those that are found */
};

struct task_sockets_result {
    uint64_t open;      /* found, before any were closed */
    uint64_t destroyed; /* of these closed by this job */
    uint64_t subflows;  /* of those: of Multipath TCP, above which a connection goes on for a while */
    unsigned namespaces;
    int incomplete; /* 0, or -errno of the first thing that could not be looked at or closed; -E2BIG: limits
                     */
};

struct task_sockets;

/* Starts a job; copies the request. -EINVAL, -ENOMEM, -EAGAIN (no thread), -EMFILE. */
int task_sockets_begin(const struct task_sockets_request *request, struct task_sockets **ret_job,
                       struct error *error);

/* Readable when the job has ended; the job's. For an event loop. */
int task_sockets_fd(const struct task_sockets *job);

/*
 * Waits if the job has not ended, gives it back and sets *job to NULL, in every case. -EOPNOTSUPP: the kernel
 * cannot list sockets, or was asked to close some and cannot (none is closed then). -ENOMEM.
 */
int task_sockets_end(struct task_sockets **job, struct task_sockets_result *ret_result, struct error *error);

/* Gives a job back without its result, ending it between two sockets. NULL-safe; sets *job to NULL. */
void task_sockets_cancel(struct task_sockets **job);

/* Begin and end in one; blocks. */
int task_sockets_count(const struct task_sockets_request *request, struct task_sockets_result *ret_result,
                       struct error *error);

#define _cleanup_task_sockets_ _cleanup_(task_sockets_cancel)
