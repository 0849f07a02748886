/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets as all of dns/ makes them: none blocks, and each has an event of the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "dns/stub.h"

socklen_t dns_sockaddr(const struct ip_address *address, uint16_t port, struct sockaddr_storage *ret)
{
    *ret = (struct sockaddr_storage){0};
    if (ip_address_is_v4(address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr.s_addr = htonl(ip_address_to_v4(address));
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, address->bytes, sizeof(in6->sin6_addr));
    return sizeof(*in6);
}

void dns_sockaddr_set_zone(struct sockaddr_storage *at, uint32_t zone_index)
{
    if (at->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)at)->sin6_scope_id = zone_index;
}

socklen_t dns_server_sockaddr(const struct dns_server *server, struct sockaddr_storage *ret)
{
    socklen_t size = dns_sockaddr(&server->address, DNS_PORT, ret);

    dns_sockaddr_set_zone(ret, server->zone_index);
    return size;
}

bool dns_is_link_local(const struct ip_address *address)
{
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

const char *dns_server_format(const struct dns_server *server, char text[static DNS_SERVER_TEXT_SIZE])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    (void)snprintf(text, DNS_SERVER_TEXT_SIZE, "%s%s%s", ip_address_format(&server->address, address),
                   *server->zone ? "%" : "", server->zone);
    return text;
}

int dns_open(int family, int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ? -errno : fd;
}

struct event *dns_watch(struct event_base *base, int fd, event_callback_fn function, void *user)
{
    struct event *event = event_new(base, fd, EV_READ | EV_PERSIST, function, user);

    if (event && event_add(event, NULL) < 0) {
        event_free(event);
        return NULL;
    }
    return event;
}
