/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where runtimes are asked: named by the configuration, or where they are known to have their sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "containers/containers_internal.h"

static bool is_known_runtime(const char *name, size_t length)
{
    static const char *const known[] = {"docker", "podman", "containerd", "runc"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strlen(known[i]) == length && strncmp(name, known[i], length) == 0)
            return true;
    return false;
}

int containers_check_runtimes(const char *field, const char *runtimes, struct error *error)
{
    size_t n = 0;

    if (strcmp(runtimes, "none") == 0 || strcmp(runtimes, "auto") == 0)
        return 0;
    for (const char *rest = runtimes;; rest++) {
        size_t length = strcspn(rest, ",");
        const char *colon = memchr(rest, ':', length);

        if (!colon || !is_known_runtime(rest, (size_t)(colon - rest)) || colon[1] != '/' ||
            length - (size_t)(colon - rest) > sizeof(((struct sockaddr_un *)0)->sun_path) ||
            ++n > RUNTIMES_MAX)
            return error_input(error, field, runtimes,
                               "none, auto, or docker:SOCKET, podman:SOCKET, containerd:SOCKET and runc:ROOT "
                               "separated by commas, each a path");
        rest += length;
        if (!*rest)
            return 0;
    }
}

static int add_runtime(struct containers *containers, const char *name, size_t length, const char *socket)
{
    struct runtime *runtime = &containers->runtimes[containers->n_runtimes];

    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (strcmp(containers->runtimes[i].socket, socket) == 0)
            return 0;
    if (containers->n_runtimes == RUNTIMES_MAX)
        return 0;
    (void)snprintf(runtime->name, sizeof(runtime->name), "%.*s", (int)length, name);
    runtime->socket = strdup(socket);
    if (!runtime->socket)
        return -ENOMEM;
    containers->n_runtimes++;
    return 0;
}

static int add_where_found(struct containers *containers, const char *name, const char *socket)
{
    struct stat info;

    if (stat(socket, &info) < 0 || !S_ISSOCK(info.st_mode) || info.st_uid != 0)
        return 0;
    return add_runtime(containers, name, strlen(name), socket);
}

/*
 * Those of root only. A user's own runtime says what that user likes, also that somebody else's process is a container, or
 * that a service of somebody else's is there: whoever trusts one names its socket.
 */
static int find_usual_ones(struct containers *containers)
{
    int r = add_where_found(containers, "docker", "/run/docker.sock");

    if (r == 0)
        r = add_where_found(containers, "podman", "/run/podman/podman.sock");
    return r < 0 ? r : add_where_found(containers, "containerd", "/run/containerd/containerd.sock");
}

int containers_find_sockets(struct containers *containers)
{
    const char *rest = containers->settings.runtimes;
    int r = 0;

    if (strcmp(rest, "none") == 0)
        return 0;
    if (strcmp(rest, "auto") == 0)
        return find_usual_ones(containers);
    while (r == 0 && *rest) {
        size_t length = strcspn(rest, ",");
        const char *colon = memchr(rest, ':', length);
        _cleanup_free_ char *socket = strndup(colon + 1, length - (size_t)(colon + 1 - rest));

        r = socket ? add_runtime(containers, rest, (size_t)(colon - rest), socket) : -ENOMEM;
        rest += length + (rest[length] == ',');
    }
    return r;
}
