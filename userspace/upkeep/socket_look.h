/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Looking at the sockets that a namespace's tasks have to one endpoint, and closing them, on the loop: the
 * job of cgroups/task_sockets with the tasks that it is to ask. Who the tasks are is told by a function that
 * is handed in.
 */
#pragma once

#include <stddef.h>

#include "cgroups/task_sockets.h"

struct event_base;
struct socket_look;

/* Full paths of the cgroup directories of the namespace's tasks: *ret_n of them, each malloc'd as is the
 * array. -ENOMEM. */
typedef int (*task_directories_fn)(void *user, const char *namespace_name, char ***ret_directories,
                                   size_t *ret_n);

struct socket_looks {
    struct event_base *base;
    task_directories_fn directories;
    void *user; /* of `directories` */
};

/* Once, from the loop; the look is over. `error` says why where the result is negative. */
typedef void (*socket_look_done_fn)(int result, const struct task_sockets_result *found,
                                    const struct error *error, void *user);

/*
 * The request's cgroups are filled in here. -ENOENT: the namespace has no task, so nobody can be connected;
 * else what `directories` or task_sockets_begin() returned, with the error set by the latter only.
 */
int socket_look_begin(const struct socket_looks *looks, const char *namespace_name,
                      const struct task_sockets_request *wanted, socket_look_done_fn done, void *user,
                      struct socket_look **ret_look, struct error *error);

/* NULL-safe; sets to NULL. `done` is not called any more. */
void socket_look_cancel(struct socket_look **look);
