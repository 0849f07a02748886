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

int containers_add_runtime(struct containers *containers, const char *name, const char *socket)
{
    return add_runtime(containers, name, strlen(name), socket);
}

const char *containers_run_directory(const struct containers *containers)
{
    return containers->settings.run_directory ? containers->settings.run_directory : "/run";
}

/* A link to a socket that is followed already: podman's may be called as Docker's. */
static bool is_followed_as_another(const struct containers *containers, const struct stat *info)
{
    struct stat other;

    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (stat(containers->runtimes[i].socket, &other) == 0 && other.st_dev == info->st_dev &&
            other.st_ino == info->st_ino)
            return true;
    return false;
}

static int add_where_found(struct containers *containers, const char *name, const char *below)
{
    char socket[PATH_MAX];
    struct stat info;

    (void)snprintf(socket, sizeof(socket), "%s%s", containers_run_directory(containers), below);
    if (stat(socket, &info) < 0 || !S_ISSOCK(info.st_mode) || info.st_uid != 0 ||
        is_followed_as_another(containers, &info))
        return 0;
    return add_runtime(containers, name, strlen(name), socket);
}

/*
 * Those of root only. A user's own runtime says what that user likes, also that somebody else's process is a container, or
 * that a service of somebody else's is there: whoever trusts one names its socket.
 */
static int find_usual_ones(struct containers *containers)
{
    int r = add_where_found(containers, "podman", "/podman/podman.sock");

    if (r == 0)
        r = add_where_found(containers, "docker", "/docker.sock");
    return r < 0 ? r : add_where_found(containers, "containerd", "/containerd/containerd.sock");
}

static int find_named_ones(struct containers *containers, const char *rest)
{
    int r = 0;

    while (r == 0 && *rest) {
        size_t length = strcspn(rest, ",");
        const char *colon = memchr(rest, ':', length);
        _cleanup_free_ char *socket = strndup(colon + 1, length - (size_t)(colon + 1 - rest));

        if (containers_is_of_users(rest, length))
            r = 0; /* after root's */
        else
            r = socket ? add_runtime(containers, rest, (size_t)(colon - rest), socket) : -ENOMEM;
        rest += length + (rest[length] == ',');
    }
    return r;
}

int containers_find_sockets(struct containers *containers)
{
    const char *runtimes = containers->settings.runtimes;
    int r = 0;

    if (strcmp(runtimes, "none") == 0)
        return 0;
    if (strcmp(runtimes, "auto") != 0)
        r = find_named_ones(containers, containers_named_ones(runtimes));
    if (r == 0 && containers_is_auto(runtimes))
        r = find_usual_ones(containers);
    for (const char *rest = containers_named_ones(runtimes); r == 0 && *rest;) {
        size_t length = strcspn(rest, ",");

        if (containers_is_of_users(rest, length))
            r = containers_find_users(containers, rest + 9, length - 9);
        rest += length + (rest[length] == ',');
    }
    return r;
}
