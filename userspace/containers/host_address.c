/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "containers/host_address.h"

#include <errno.h>
#include <event2/event.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "containers/containers.h"

/* Hosts with many containers change addresses all the time: once for many changes. */
static const struct timeval settle = {.tv_usec = 200000};

struct host_address {
    bool has_any;
    struct ip_address address;
    const char *from;
    int fd; /* where the kernel tells of changes; -1: nobody tells */
    struct event *told;
    struct event *look;
    void (*changed)(void *user);
    void *user;
};

int containers_check_host_address(const char *field, const char *text, struct error *error)
{
    struct ip_address address;

    if (strcmp(text, "auto") == 0)
        return 0;
    if (ip_address_parse(text, &address) < 0 || ip_address_why_no_endpoint(&address))
        return error_input(error, field, text,
                           "auto, or an IP address of this host that others can connect to");
    return 0;
}

/* ---- which one ---- */

/* Of no use to others: this host alone, or one link. */
static bool is_near(const struct ip_address *address)
{
    return ip_address_is_loopback(address) ||
           (ip_address_is_v4(address) && ip_address_to_v4(address) >> 16 == 0xa9fe);
}

static bool take_sockaddr(const struct sockaddr *from, struct ip_address *ret_address)
{
    struct ip_address address;

    if (from->sa_family == AF_INET)
        address = ip_address_from_v4(ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr));
    else if (from->sa_family == AF_INET6)
        memcpy(&address, &((const struct sockaddr_in6 *)from)->sin6_addr, sizeof(address));
    else
        return false;
    if (ip_address_why_no_endpoint(&address) || is_near(&address))
        return false;
    *ret_address = address;
    return true;
}

/*
 * By a UDP socket, which sends nothing, to an address that is reserved and so nobody's here: relays for 6to4, which there are
 * none of any more (RFC 7526).
 */
static bool source_of_default_route(int family, struct ip_address *ret_address)
{
    const struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xc0586301u)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                    .sin6_port = htons(9),
                                    .sin6_addr.s6_addr = {0x20, 0x02, 0xc0, 0x58, 0x63, 0x01}};
    const struct sockaddr *there =
        family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    socklen_t length = family == AF_INET ? sizeof(v4) : sizeof(v6);
    struct sockaddr_storage here = {0};
    socklen_t size = sizeof(here);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_found = fd >= 0 && connect(fd, there, length) == 0 &&
                    getsockname(fd, (struct sockaddr *)&here, &size) == 0 &&
                    take_sockaddr((const struct sockaddr *)&here, ret_address);

    if (fd >= 0)
        (void)close(fd);
    return is_found;
}

static bool first_of_an_interface(int family, bool is_loopback, struct ip_address *ret_address)
{
    struct ifaddrs *all = NULL;
    bool is_found = false;

    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *item = all; !is_found && item; item = item->ifa_next)
        is_found = item->ifa_addr && item->ifa_addr->sa_family == family && (item->ifa_flags & IFF_UP) &&
                   !!(item->ifa_flags & IFF_LOOPBACK) == is_loopback &&
                   take_sockaddr(item->ifa_addr, ret_address);
    freeifaddrs(all);
    return is_found;
}

/* An address on `lo` comes last: routers announce services so. */
static bool find(struct ip_address *ret_address, const char **ret_from)
{
    static const int families[] = {AF_INET, AF_INET6};

    *ret_from = "source of the default route";
    for (size_t i = 0; i < 2; i++)
        if (source_of_default_route(families[i], ret_address))
            return true;
    *ret_from = "first address of an interface";
    for (size_t i = 0; i < 4; i++)
        if (first_of_an_interface(families[i % 2], i >= 2, ret_address))
            return true;
    return false;
}

static void look_for_address(struct host_address *host)
{
    struct ip_address address = {0};
    char text[IP_ADDRESS_TEXT_SIZE];
    const char *from;
    bool has_any = find(&address, &from);
    bool is_same = has_any == host->has_any && (!has_any || ip_address_equal(&address, &host->address));

    host->from = from;
    if (is_same)
        return;
    host->has_any = has_any;
    host->address = address;
    if (has_any)
        log_info("containers on this host's network are reached at %s (%s)",
                 ip_address_format(&address, text), from);
    else
        log_info("this host has no address at which containers on its network are reached");
    if (host->changed)
        host->changed(host->user);
}

/* ---- changes ---- */

static void host_on_told(evutil_socket_t fd, short what, void *user)
{
    struct host_address *host = user;
    char bytes[8192];

    (void)what;
    /* What is told does not matter, nor does what was lost (ENOBUFS): all of it is looked at. */
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
        ;
    if (!event_pending(host->look, EV_TIMEOUT, NULL))
        (void)event_add(host->look, &settle);
}

static void host_on_look(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    look_for_address(user);
}

static void follow_kernel(struct host_address *host, struct event_base *base)
{
    const struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                       .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                                    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_LINK};

    host->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (host->fd < 0 || bind(host->fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0) {
        log_warning("changes of this host's address are not followed: %s", strerror(errno));
        return;
    }
    host->told = event_new(base, host->fd, EV_READ | EV_PERSIST, host_on_told, host);
    if (!host->told || event_add(host->told, NULL) < 0)
        log_warning("changes of this host's address are not followed: no memory");
}

int host_address_begin(struct event_base *base, const char *text, void (*changed)(void *user), void *user,
                       struct host_address **ret_host)
{
    struct host_address *host = calloc(1, sizeof(*host));

    if (!host)
        return -ENOMEM;
    host->fd = -1;
    host->from = "";
    host->look = event_new(base, -1, 0, host_on_look, host);
    if (!host->look) {
        host_address_end(&host);
        return -ENOMEM;
    }
    if (strcmp(text, "auto") == 0) {
        follow_kernel(host, base);
        look_for_address(host);
    } else {
        host->has_any = ip_address_parse(text, &host->address) == 0;
        host->from = "setting hostAddress";
    }
    host->changed = changed;
    host->user = user;
    *ret_host = host;
    return 0;
}

void host_address_end(struct host_address **host)
{
    struct host_address *old = *host;

    if (!old)
        return;
    if (old->told)
        event_free(old->told);
    if (old->look)
        event_free(old->look);
    if (old->fd >= 0)
        (void)close(old->fd);
    free(old);
    *host = NULL;
}

bool host_address_get(const struct host_address *host, struct ip_address *ret_address, const char **ret_from)
{
    if (!host || !host->has_any)
        return false;
    *ret_address = host->address;
    *ret_from = host->from;
    return true;
}
