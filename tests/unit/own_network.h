/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A network namespace of the test's own: port 53 is free there, and nothing leaves it. */
#pragma once

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
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

/* While the process has a single thread; `more`: other namespaces that it takes. False: there is none to be
 * had, neither by root nor by a user namespace. */
static inline bool own_network_enter(int more)
{
    if (unshare(CLONE_NEWNET | more) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET | more) < 0)
        return false;
    return own_network_raise_loopback();
}
