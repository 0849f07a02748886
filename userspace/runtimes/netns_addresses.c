/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/netns_addresses.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/netns.h"

static void take_address(struct container_network *network, const struct sockaddr *socket_address)
{
    struct ip_address address;

    if (socket_address->sa_family == AF_INET && !network->has_v4) {
        address = ip_address_from_v4(ntohl(((const struct sockaddr_in *)socket_address)->sin_addr.s_addr));
        network->has_v4 = !ip_address_why_no_endpoint(&address);
        network->v4 = address;
    } else if (socket_address->sa_family == AF_INET6 && !network->has_v6) {
        memcpy(address.bytes, &((const struct sockaddr_in6 *)socket_address)->sin6_addr,
               sizeof(address.bytes));
        network->has_v6 = !ip_address_why_no_endpoint(&address);
        network->v6 = address;
    }
}

static int read_addresses(void *user)
{
    struct container_network *network = user;
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return 0; /* it has none that can be told */
    for (const struct ifaddrs *one = all; one; one = one->ifa_next)
        if (one->ifa_addr && one->ifa_flags & IFF_UP && !(one->ifa_flags & IFF_LOOPBACK))
            take_address(network, one->ifa_addr);
    freeifaddrs(all);
    return 0;
}

int netns_addresses(pid_t pid, struct container *container, ino_t *ret_netns)
{
    struct container_network network = {.name = (char[]){"netns"}};
    char path[64];
    struct stat its;
    struct stat ours;
    _cleanup_close_ int fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_netns = 0;
    if (fd < 0 || fstat(fd, &its) < 0 || stat("/proc/self/ns/net", &ours) < 0)
        return 0;
    if (its.st_dev == ours.st_dev && its.st_ino == ours.st_ino) {
        container->network_mode = CONTAINER_HOST_NETWORK;
        *ret_netns = its.st_ino;
        return 0;
    }
    if (netns_run(fd, read_addresses, &network) < 0)
        return 0;
    container->network_mode = network.has_v4 || network.has_v6 ? CONTAINER_OWN_NETWORK : CONTAINER_NO_NETWORK;
    *ret_netns = its.st_ino;
    return network.has_v4 || network.has_v6 ? container_add_network(container, &network) : 0;
}
