/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whether the places of instances take connections: asked all at once, and the first yes will do. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "registry/etcd/etcd_watch_internal.h"

#define MOST_ASKED 8
#define WAIT_MS    1000

static socklen_t sockaddr_of_place(const struct ip_address *address, uint16_t port,
                                   struct sockaddr_storage *ret_place)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_v4 = ip_address_is_v4(address);

    if (is_v4)
        in.sin_addr.s_addr = htonl(ip_address_to_v4(address));
    else
        memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
    memcpy(ret_place, is_v4 ? (const void *)&in : (const void *)&in6, is_v4 ? sizeof(in) : sizeof(in6));
    return is_v4 ? sizeof(in) : sizeof(in6);
}

/* -1: it is none that can be asked. */
static int begin_to_ask(const char *value, bool *ret_answers)
{
    _cleanup_json_ cJSON *json = cJSON_Parse(value);
    const char *address = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "address"));
    const char *protocol = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "protocol"));
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(json, "port");
    struct ip_address parsed;
    struct sockaddr_storage place;
    socklen_t size;
    int fd;

    if (!address || !cJSON_IsNumber(port) || port->valueint < 1 || port->valueint > 65535 ||
        (protocol && strcmp(protocol, "tcp") != 0) || ip_address_parse(address, &parsed) < 0)
        return -1;
    size = sockaddr_of_place(&parsed, (uint16_t)port->valueint, &place);
    fd = socket(place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    *ret_answers = connect(fd, (const struct sockaddr *)&place, size) == 0;
    if (*ret_answers || errno == EINPROGRESS)
        return fd;
    (void)close(fd);
    return -1;
}

static bool has_connected(int fd)
{
    int failure = 0;
    socklen_t size = sizeof(failure);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

static bool wait_for_any(struct pollfd *asked, size_t n)
{
    uint64_t end = clock_monotonic_ms() + WAIT_MS;
    size_t n_open = n;

    while (n_open > 0) {
        uint64_t now = clock_monotonic_ms();

        if (now >= end || poll(asked, n, (int)(end - now)) <= 0)
            return false;
        for (size_t i = 0; i < n; i++) {
            if (asked[i].fd < 0 || !asked[i].revents)
                continue;
            if (has_connected(asked[i].fd))
                return true;
            (void)close(asked[i].fd);
            asked[i].fd = -1;
            n_open--;
        }
    }
    return false;
}

bool etcd_any_answers(char *const *values, size_t n)
{
    struct pollfd asked[MOST_ASKED];
    bool answers = false;
    size_t n_asked = 0;

    for (size_t i = 0; i < n && n_asked < MOST_ASKED && !answers; i++) {
        int fd = begin_to_ask(values[i], &answers);

        if (fd >= 0)
            asked[n_asked++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    }
    answers = answers || wait_for_any(asked, n_asked);
    for (size_t i = 0; i < n_asked; i++)
        if (asked[i].fd >= 0)
            (void)close(asked[i].fd);
    return answers;
}
