/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose socket a message has come from: the cgroup that it was made in, and its user. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

struct socket_owner {
    uint64_t cgroup_id; /* 0: a kernel (before 5.8) that does not tell */
    uint32_t uid;
};

/* As the socket has them. */
struct socket_ends {
    struct ip_address local, remote; /* of one family */
    uint16_t local_port, remote_port;
    uint32_t interface; /* that it is bound to, as one with a link-local peer is; 0: none */
};

/*
 * `fd`: of tcp_diag_open(), in whose network namespace it is looked for. Does not wait. -ENOENT: there is no
 * such socket, or no longer, or the kernel tells of none of its kind.
 */
int socket_owner_find(int fd, bool is_udp, const struct socket_ends *ends, struct socket_owner *ret_owner);
