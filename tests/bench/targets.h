/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses of the benchmark's clients: ADDRESS:PORT with IPv4 or [IPv6]. */
#ifndef TARGETS_H
#define TARGETS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct target {
    struct sockaddr_storage address;
    socklen_t length;
};

/* `is_mapped`: an IPv4 address becomes ::ffff:A, for an AF_INET6 socket. False: not an address. */
static inline bool target_parse(const char *text, bool is_mapped, struct target *ret_target)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret_target->address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret_target->address;
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    char host[INET6_ADDRSTRLEN + 8];
    bool is_v6 = text[0] == '[';
    char *begin = host;

    if (length < 2 || length >= sizeof(host) - 7)
        return false;
    memset(ret_target, 0, sizeof(*ret_target));
    if (is_v6) {
        memcpy(host, text + 1, length - 2);
        host[length - 2] = '\0';
    } else {
        memcpy(host, "::ffff:", 7);
        memcpy(host + 7, text, length);
        host[7 + length] = '\0';
        begin = is_mapped ? host : host + 7;
    }
    if (is_v6 || is_mapped) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(colon + 1));
        ret_target->length = sizeof(*v6);
        return inet_pton(AF_INET6, begin, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)atoi(colon + 1));
    ret_target->length = sizeof(*v4);
    return inet_pton(AF_INET, begin, &v4->sin_addr) == 1;
}

#endif
