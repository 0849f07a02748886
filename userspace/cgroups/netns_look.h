/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which network namespaces there are behind cgroups, which addresses they have, and what one calls another. All of
 * it is read from the kernel and takes its time: for a thread, not for the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"

#define NETNS_LOOK_NAMESPACES 1024 /* at most */
#define NETNS_LOOK_ADDRESSES  1024 /* of one of them */

struct netns_seen {
    ino_t inode;
    uint64_t cookie;
    pid_t pid;                    /* a process in it; 0: the caller's own */
    bool is_asked;                /* addresses are known */
    struct ip_address *addresses; /* without loopback and what cannot be an endpoint */
    size_t n_addresses;
};

struct netns_look {
    struct netns_seen *all; /* the caller's own first */
    size_t n;
    bool is_cut; /* there was more than the limits allow, or something could not be entered */
};

/*
 * Namespaces of the processes in these cgroups (full paths) and below, and the caller's own, with their addresses. A
 * cgroup that has gone is none. -ENOMEM; -ENOTSUP: this kernel does not tell what programs know namespaces by
 * (before 5.14). The caller frees what *ret_look holds with netns_look_done().
 */
int netns_look(const char *const *cgroups, size_t n_cgroups, struct netns_look *ret_look);
void netns_look_done(struct netns_look *look);

/*
 * The number by which programs whose sockets are in `caller` reach `target`; it is given one if it has none. A number stays
 * for as long as both live. Negative errno: -ESRCH (one has gone), -EPERM (it takes CAP_NET_ADMIN in the caller's).
 */
int netns_number(const struct netns_seen *caller, const struct netns_seen *target);
