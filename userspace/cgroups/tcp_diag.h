/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* TCP sockets of the network namespace the calling thread is in, by NETLINK_SOCK_DIAG. Blocks, briefly. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <linux/inet_diag.h>

#include "base/address.h"

struct tcp_diag_socket {
    uint8_t family;
    uint8_t state;  /* TCP_... of <netinet/tcp.h> */
    bool is_orphan; /* no process has it any more */
    bool is_udp;
    bool is_subflow; /* of a Multipath TCP connection that both ends speak; tcp_diag_each_to_close() tells */
    struct inet_diag_sockid id; /* as the kernel gave it: addresses and ports in network order, the cookie */
    uint64_t cgroup_id; /* of the cgroup it was made in; 0: a remnant without one (see tcp_diag_each) */
};

/* A descriptor for the functions below, bound to the thread's network namespace; the caller closes it.
 * -errno. */
int tcp_diag_open(void);

/* Not 0 ends tcp_diag_each() with that. */
typedef int (*tcp_diag_fn)(const struct tcp_diag_socket *socket, void *user);

/*
 * Every connection to `address` and `port` (host order) that is made, being made or being closed; an IPv4
 * address also by IPv6 sockets, in mapped form. Not those in LISTEN, CLOSE and TIME_WAIT. A socket has a
 * cgroup unless it is a half-open request or what little the kernel may keep of an orphan in FIN_WAIT2
 * (Linux 5.9 and newer with CONFIG_CGROUP_BPF).
 *
 * -EOPNOTSUPP: the kernel has no CONFIG_INET_DIAG. After another result than 0 the descriptor is of no use.
 */
int tcp_diag_each(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket, void *user);

/* The same, which also says what is a subflow: the kernel locks every socket for that. */
int tcp_diag_each_to_close(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket,
                           void *user);

/* The same for UDP sockets that are connected to there. */
int tcp_diag_each_udp(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket,
                      void *user);

/*
 * Closes a socket that tcp_diag_each() gave, by no means another in its place; its owner gets ECONNABORTED,
 * the other end a reset. -ENOENT: it has gone. -EOPNOTSUPP: the kernel has no CONFIG_INET_DIAG_DESTROY.
 * -EPERM.
 */
int tcp_diag_destroy(int fd, const struct tcp_diag_socket *socket);
