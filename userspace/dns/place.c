/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * IPv4 has a whole network of loopback addresses, so each stub gets one of its own. IPv6 has a single one,
 * there the ports tell stubs apart. A name server that is link-local is asked with its interface, which the
 * programs cannot change: its stub has an address of that interface.
 */
#include "dns/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/random.h"
#include "dns/stub.h"

#define NETWORK      0x7f350000u /* 127.53.0.0/16 */
#define HOSTS        65535       /* 127.53.0.1 to 127.53.255.255 */
#define TRIES        64
#define RECEIVE_ROOM (1 << 20)

/* Ports below 1024 that hardly anybody asks for: those from 512 on are drawn by who needs any (NFS, RPC), and
 * 323, 366, 371, 383, 389, 427, 443 to 445, 464, 465, 497 and 500 are somebody's. */
static const struct {
    uint16_t first, last;
} ports[] = {{325, 365}, {373, 382}, {390, 426}, {447, 463}, {466, 496}};

static uint16_t random_port(void)
{
    unsigned n = 0, drawn;

    for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
        n += ports[i].last - ports[i].first + 1u;
    drawn = random_below(n);
    for (size_t i = 0;; i++) {
        unsigned size = ports[i].last - ports[i].first + 1u;

        if (drawn < size)
            return (uint16_t)(ports[i].first + drawn);
        drawn -= size;
    }
}

static uint32_t zone_of(const struct dns_server *server)
{
    return dns_is_link_local(&server->stub_address) ? server->zone_index : 0;
}

int dns_place_bind(struct dns_server *server, const struct ip_address *address, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t size = dns_sockaddr(address, port, &at);
    _cleanup_close_ int udp = dns_open(at.ss_family, SOCK_DGRAM);
    _cleanup_close_ int tcp = dns_open(at.ss_family, SOCK_STREAM);
    const int on = 1;
    const int room = RECEIVE_ROOM;

    if (udp < 0 || tcp < 0)
        return udp < 0 ? udp : tcp;
    server->stub_address = *address;
    dns_sockaddr_set_zone(&at, zone_of(server));
    /* A burst waits rather than gets lost; the forced one needs CAP_NET_ADMIN over the namespace. */
    if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
        (void)setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    (void)setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (dns_is_link_local(address)) {
        /* An address that the interface has just got may not be sure yet. */
        (void)setsockopt(udp, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
        (void)setsockopt(tcp, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
    }
    if (bind(udp, (struct sockaddr *)&at, size) < 0 || getsockname(udp, (struct sockaddr *)&at, &size) < 0 ||
        bind(tcp, (struct sockaddr *)&at, size) < 0 || listen(tcp, DNS_CONNECTIONS) < 0)
        return -errno;
    server->port = ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                                 : ((struct sockaddr_in6 *)&at)->sin6_port);
    server->udp_fd = TAKE_FD(udp);
    server->tcp_fd = TAKE_FD(tcp);
    return 0;
}

/* An interface's name, or its number. */
static uint32_t find_zone(const char *zone)
{
    uint64_t number = 0;
    uint32_t index = *zone ? if_nametoindex(zone) : 0;

    if (!index && *zone && parse_number(zone, 1, INT32_MAX, &number) == 0)
        index = (uint32_t)number;
    return index;
}

static int find_link_local(uint32_t zone_index, struct ip_address *ret_address)
{
    struct ifaddrs *all = NULL;
    int r = -EADDRNOTAVAIL;

    if (getifaddrs(&all) < 0)
        return -errno;
    for (const struct ifaddrs *one = all; one && r < 0; one = one->ifa_next) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)one->ifa_addr;
        struct ip_address address;

        if (!in6 || in6->sin6_family != AF_INET6 || in6->sin6_scope_id != zone_index)
            continue;
        memcpy(address.bytes, &in6->sin6_addr, sizeof(address.bytes));
        if (!dns_is_link_local(&address))
            continue;
        *ret_address = address;
        r = 0;
    }
    freeifaddrs(all);
    return r;
}

/* By the family: a datagram cannot change it on its way. */
static struct ip_address draw_address(const struct dns_server *server)
{
    struct ip_address address = {{[15] = 1}};

    if (ip_address_is_v4(&server->address))
        return ip_address_from_v4(NETWORK + 1 + random_below(HOSTS));
    if (server->zone_index)
        (void)find_link_local(server->zone_index, &address);
    return address;
}

/* Is this a place as it would be drawn today? */
static bool place_is_good(const struct dns_server *server, const struct ip_address *address, uint16_t port)
{
    struct ip_address drawn = draw_address(server);

    if (port == 0 || port >= IPPORT_RESERVED || ip_address_is_v4(&drawn) != ip_address_is_v4(address))
        return false;
    return ip_address_is_v4(address) ? (ip_address_to_v4(address) & 0xffff0000u) == NETWORK
                                     : ip_address_equal(address, &drawn);
}

int dns_place_open(struct dns_server *server, const struct ip_address *before, uint16_t port)
{
    int r = -EADDRINUSE;

    if (dns_is_link_local(&server->address))
        server->zone_index = find_zone(server->zone);
    if (place_is_good(server, before, port))
        r = dns_place_bind(server, before, port);
    for (int i = 0; i < TRIES && r == -EADDRINUSE; i++) {
        struct ip_address address = draw_address(server);

        r = dns_place_bind(server, &address, random_port());
    }
    /* All are taken, or this process may not have one: better there than nowhere. */
    for (int i = 0; i < TRIES && (r == -EADDRINUSE || r == -EACCES); i++) {
        struct ip_address address = draw_address(server);

        r = dns_place_bind(server, &address, 0);
    }
    return r;
}
