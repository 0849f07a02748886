/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/process_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ROUTES_MAX                                                                                           \
    65536 /* bytes that are read: whoever has more routes has its addresses first or not at all */

static int read_net(pid_t pid, const char *file, char text[static ROUTES_MAX])
{
    char path[64];
    size_t n = 0;
    ssize_t r;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    do {
        r = read(fd, text + n, ROUTES_MAX - 1 - n);
        n += r > 0 ? (size_t)r : 0;
    } while (r > 0 && n < ROUTES_MAX - 1);
    (void)close(fd);
    text[n] = '\0';
    return 0;
}

static bool is_for_others(const struct ip_address *address)
{
    return !ip_address_why_no_endpoint(address) && !ip_address_is_loopback(address) &&
           !(ip_address_is_v4(address) && ip_address_to_v4(address) >> 16 == 0xa9fe);
}

/* "|-- 10.0.0.5", and in the next line "/32 host LOCAL". */
static bool find_v4(char *text, struct ip_address *ret_address)
{
    struct ip_address address = {0};
    bool has_address = false;
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        line += strspn(line, " ");
        if (strncmp(line, "|-- ", 4) == 0)
            has_address = ip_address_parse(line + 4, &address) == 0;
        else if (has_address && strstr(line, "/32 host LOCAL") && is_for_others(&address)) {
            *ret_address = address;
            return true;
        }
    }
    return false;
}

/* "20010db8000000000000000000000001 02 40 00 80 eth0": the fourth is the scope, 00 global. */
static bool find_v6(char *text, struct ip_address *ret_address)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct ip_address address;
        unsigned scope;
        size_t n = 0;

        while (n < 16 && sscanf(line + 2 * n, "%2hhx", &address.bytes[n]) == 1)
            n++;
        if (n < 16 || sscanf(line + 32, " %*x %*x %x", &scope) != 1 || scope != 0 || !is_for_others(&address))
            continue;
        *ret_address = address;
        return true;
    }
    return false;
}

int process_address(pid_t pid, struct ip_address *ret_address)
{
    _cleanup_free_ char *text = malloc(ROUTES_MAX);
    int r = text ? read_net(pid, "fib_trie", text) : -ENOMEM;

    if (r == 0 && find_v4(text, ret_address))
        return 0;
    if (r == 0)
        r = read_net(pid, "if_inet6", text);
    if (r == 0 && find_v6(text, ret_address))
        return 0;
    return r < 0 ? r : -ENOENT;
}
