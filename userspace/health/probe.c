/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "health/probe.h"

#include <errno.h>
#include <string.h>

enum probe_outcome probe_judge_errno(int number)
{
    switch (number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
    case EADDRNOTAVAIL: /* no local port is left */
    case ESRCH:         /* a command that could not be waited for */
    case ECHILD:
        return PROBE_UNDECIDED;
    default:
        return PROBE_FAILED;
    }
}

const char *probe_errno_text(int number)
{
    switch (number) {
    case ECONNREFUSED:
        return "connection refused";
    case ECONNRESET:
        return "connection reset";
    case ETIMEDOUT:
        return "connection timed out";
    case EHOSTUNREACH:
        return "no route to the host";
    case ENETUNREACH:
        return "no route to the network";
    case EADDRNOTAVAIL:
        return "no local port is left";
    default: {
        const char *text = strerrordesc_np(number);

        return text ? text : "unknown error";
    }
    }
}

socklen_t probe_socket_address(const struct probe_request *request, struct sockaddr_storage *ret_address)
{
    *ret_address = (struct sockaddr_storage){0};
    if (ip_address_is_v4(&request->address)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;

        v4->sin_family = AF_INET;
        v4->sin_port = htons(request->port);
        v4->sin_addr.s_addr = htonl(ip_address_to_v4(&request->address));
        return sizeof(*v4);
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(request->port);
    memcpy(&v6->sin6_addr, request->address.bytes, sizeof(v6->sin6_addr));
    return sizeof(*v6);
}

struct timeval probe_time(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}
