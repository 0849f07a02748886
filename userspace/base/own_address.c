/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/own_address.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define ANY_PORT 9 /* connecting a UDP socket only looks the route up */

static bool is_own_v4(uint32_t host)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(ANY_PORT), .sin_addr = {.s_addr = htonl(host)}};
    struct sockaddr_in from = {0};
    socklen_t length = sizeof(from);
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
           getsockname(fd, (struct sockaddr *)&from, &length) == 0 &&
           from.sin_addr.s_addr == to.sin_addr.s_addr;
}

static bool is_own_v6(const struct ip_address *address)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(ANY_PORT)};
    struct sockaddr_in6 from = {0};
    socklen_t length = sizeof(from);
    _cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(&to.sin6_addr, address->bytes, sizeof(to.sin6_addr));
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
           getsockname(fd, (struct sockaddr *)&from, &length) == 0 &&
           memcmp(&from.sin6_addr, &to.sin6_addr, sizeof(to.sin6_addr)) == 0;
}

bool own_address_is(const struct ip_address *address)
{
    return ip_address_is_v4(address) ? is_own_v4(ip_address_to_v4(address)) : is_own_v6(address);
}
