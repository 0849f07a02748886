/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What may stand for `containers.runtimes` in the configuration; where the sockets are is not looked at here. */
#include <string.h>
#include <sys/un.h>

#include "containers/containers_internal.h"

static bool is_known_runtime(const char *name, size_t length)
{
    static const char *const known[] = {"docker", "podman", "containerd", "runc"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strlen(known[i]) == length && strncmp(name, known[i], length) == 0)
            return true;
    return false;
}

bool containers_is_auto(const char *runtimes)
{
    return strcmp(runtimes, "auto") == 0 || strncmp(runtimes, "auto,", 5) == 0;
}

const char *containers_named_ones(const char *runtimes)
{
    return strncmp(runtimes, "auto,", 5) == 0 ? runtimes + 5 : runtimes;
}

bool containers_is_of_users(const char *entry, size_t length)
{
    return length > 9 && strncmp(entry, "rootless:", 9) == 0;
}

/* A namespace's name, in which %u may stand for the user's number. */
static bool is_pattern(const char *text, size_t length)
{
    const char *number = memmem(text, length, "%u", 2);
    size_t n = 0;

    if (length == 0 || length > USERS_NAMESPACE_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool is_good = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
                       (i > 0 && i + 1 < length && (text[i] == '-' || text[i] == '.'));

        if (number && (text + i == number || text + i == number + 1))
            n++;
        else if (!is_good)
            return false;
    }
    return !number || n == 2;
}

int containers_check_runtimes(const char *field, const char *runtimes, struct error *error)
{
    size_t n = 0;

    if (strcmp(runtimes, "none") == 0 || strcmp(runtimes, "auto") == 0)
        return 0;
    for (const char *rest = containers_named_ones(runtimes);; rest++) {
        size_t length = strcspn(rest, ",");
        const char *colon = memchr(rest, ':', length);

        if (containers_is_of_users(rest, length) && containers_is_auto(runtimes) &&
            is_pattern(colon + 1, length - (size_t)(colon + 1 - rest))) {
            rest += length;
            if (!*rest)
                return 0;
            continue;
        }
        if (!colon || !is_known_runtime(rest, (size_t)(colon - rest)) || colon[1] != '/' ||
            length - (size_t)(colon - rest) > sizeof(((struct sockaddr_un *)0)->sun_path) ||
            ++n > RUNTIMES_MAX)
            return error_input(error, field, runtimes,
                               "none, auto, or docker:SOCKET, podman:SOCKET, containerd:SOCKET and runc:ROOT "
                               "separated by commas, each a path, after auto or without it; after auto also "
                               "rootless:NAMESPACE");
        rest += length;
        if (!*rest)
            return 0;
    }
}
