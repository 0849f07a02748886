/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/socket_owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define RECEIVE_SIZE 4096
#define LOOPBACK     1 /* the interface's number in every network namespace */

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static void put_address(const struct ip_address *address, __be32 to[4])
{
    if (ip_address_is_v4(address))
        to[0] = htonl(ip_address_to_v4(address));
    else
        memcpy(to, address->bytes, sizeof(address->bytes));
}

/* UDP is asked for as a datagram comes to the socket, from its remote end to its local one. */
static void put_ends(const struct socket_ends *ends, bool is_udp, struct inet_diag_sockid *id)
{
    put_address(is_udp ? &ends->remote : &ends->local, id->idiag_src);
    put_address(is_udp ? &ends->local : &ends->remote, id->idiag_dst);
    id->idiag_sport = htons(is_udp ? ends->remote_port : ends->local_port);
    id->idiag_dport = htons(is_udp ? ends->local_port : ends->remote_port);
    id->idiag_if = ends->interface;
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

static int socket_owner_take_answer(const struct nlmsghdr *message, size_t size, uint16_t local_port,
                                    struct socket_owner *ret_owner)
{
    const struct inet_diag_msg *found = NLMSG_DATA(message);
    const struct rtattr *attribute;
    unsigned rest;

    if (!NLMSG_OK(message, size) || message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        message->nlmsg_len < NLMSG_LENGTH(sizeof(*found)) || ntohs(found->id.idiag_sport) != local_port)
        return -ENOENT;
    *ret_owner = (struct socket_owner){.uid = found->idiag_uid};
    attribute = (const struct rtattr *)(found + 1);
    rest = message->nlmsg_len - (unsigned)NLMSG_LENGTH(sizeof(*found));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
        if (attribute->rta_type == INET_DIAG_CGROUP_ID &&
            RTA_PAYLOAD(attribute) == sizeof(ret_owner->cgroup_id))
            memcpy(&ret_owner->cgroup_id, RTA_DATA(attribute), sizeof(ret_owner->cgroup_id));
    return 0;
}

static int socket_owner_ask(int fd, bool is_udp, const struct socket_ends *ends,
                            struct socket_owner *ret_owner)
{
    _Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
    struct request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = ip_address_is_v4(&ends->local) ? AF_INET : AF_INET6,
                    .sdiag_protocol = is_udp ? IPPROTO_UDP : IPPROTO_TCP,
                    .idiag_states = ~0u},
    };
    ssize_t size;

    put_ends(ends, is_udp, &request.request.id);
    /* The kernel answers while it is asked. What an earlier question left is not the answer to this one. */
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        ;
    if (send(fd, &request, sizeof(request), MSG_DONTWAIT) < 0)
        return -ENOENT;
    size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size < 0)
        return -ENOENT;
    return socket_owner_take_answer((const struct nlmsghdr *)buffer, (size_t)size, ends->local_port,
                                    ret_owner);
}

int socket_owner_find(int fd, bool is_udp, const struct socket_ends *ends, struct socket_owner *ret_owner)
{
    struct socket_ends bound = *ends;
    int r = socket_owner_ask(fd, is_udp, ends, ret_owner);

    if (r == 0 || ends->interface)
        return r;
    bound.interface = LOOPBACK; /* by the program itself */
    return socket_owner_ask(fd, is_udp, &bound, ret_owner);
}
