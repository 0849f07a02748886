/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A network namespace of the test's own: port 53 is free there, and nothing leaves it. */
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool own_network_raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    if (fd >= 0)
        (void)close(fd);
    return is_up;
}

static inline bool own_network_write(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && write(fd, text, size) == (ssize_t)size;

    if (fd >= 0)
        (void)close(fd);
    return is_written;
}

/* A user namespace whose root is this user, who may make all the others in it. */
static inline bool own_network_be_root(int namespaces)
{
    char users[32], groups[32];
    size_t n_users = (size_t)snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    size_t n_groups = (size_t)snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());

    return unshare(CLONE_NEWUSER | namespaces) == 0 && own_network_write("/proc/self/setgroups", "deny", 4) &&
           own_network_write("/proc/self/uid_map", users, n_users) &&
           own_network_write("/proc/self/gid_map", groups, n_groups);
}

/* While the process has a single thread; `more`: other namespaces that it takes. False: there is none to be
 * had, neither by root nor by a user namespace. */
static inline bool own_network_enter(int more)
{
    if (unshare(CLONE_NEWNET | more) < 0 && !own_network_be_root(CLONE_NEWNET | more))
        return false;
    return own_network_raise_loopback();
}
