/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Users' own runtimes (rootless). Whoever answers at such a socket says what he likes: of each of his containers the kernel has to
 * say that it is his, and what they serve is in a namespace that the configuration gave him.
 *
 *   first process   in a user namespace that he has made
 *   cgroup          his, and called as that container
 *   namespace       the configuration's, whatever labels say; no task shares one with a container of others
 *   how many        USER_CONTAINERS
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "cgroups/process_cgroup.h"
#include "containers/containers_internal.h"
#include "runtimes/container_cgroup.h"

#define USER_CONTAINERS 128
#define USERS_SOCKET    "podman/podman.sock"

/* ---- is it his? ---- */

static bool owns_process(uid_t uid, pid_t pid)
{
    char path[64];
    _cleanup_close_ int fd = -1;
    uid_t owner;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && ioctl(fd, NS_GET_OWNER_UID, &owner) == 0 && owner == uid;
}

static bool owns_cgroup(const struct containers *containers, uid_t uid, const char *cgroup)
{
    char directory[PATH_MAX];
    struct stat info;

    (void)snprintf(directory, sizeof(directory), "%s%s", containers->settings.cgroup_root, cgroup);
    return lstat(directory, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == uid;
}

bool containers_may_be_of(const struct runtime *runtime, const char *cgroup)
{
    return !runtime || !runtime->is_bounded || owns_cgroup(runtime->owner, runtime->uid, cgroup);
}

bool containers_may_attach(const struct held *held)
{
    const struct container *container = held->container;
    char id[CONTAINER_ID_SIZE];

    if (!held->from || !held->from->is_bounded)
        return true;
    return container->pid > 0 && owns_process(held->from->uid, container->pid) &&
           container_cgroup_id(strrchr(container->cgroup, '/') + 1, id) && strcmp(id, container->id) == 0 &&
           owns_cgroup(held->owner, held->from->uid, container->cgroup);
}

static size_t count_of(const struct runtime *runtime)
{
    size_t n = 0;

    for (const struct held *held = runtime->owner->all; held; held = held->hh.next)
        n += held->from == runtime;
    return n;
}

/* ECS's agent is root's: what he calls so makes no task of his one with others, and names no document. */
static void drop_labels_of_others(struct container *container)
{
    static const char prefix[] = "com.amazonaws.ecs.";

    for (size_t i = 0; i < container->n_labels;) {
        struct container_label *label = &container->labels[i];

        if (strncmp(label->name, prefix, strlen(prefix)) != 0) {
            i++;
            continue;
        }
        free(label->name);
        free(label->value);
        *label = container->labels[--container->n_labels];
    }
}

/* Without one it is left alone, and so it shall be. */
static bool has_label_of_ours(const struct container *container)
{
    for (size_t i = 0; i < container->n_labels; i++)
        if (strncmp(container->labels[i].name, "svcconnect.", 11) == 0)
            return true;
    return false;
}

/* Found here already, so that the gate is not told to watch whatever place he names: it watches his session's. */
static int find_users_cgroup(struct container *container)
{
    char path[SVC_CGROUP_SIZE];

    if (container->pid <= 0 || container->cgroup || process_cgroup(container->pid, path, sizeof(path)) < 0)
        return 0;
    (void)containers_cut_cgroup(path);
    container->cgroup = strdup(path);
    return container->cgroup ? 0 : -ENOMEM;
}

bool containers_bound(const struct runtime *runtime, struct container *container)
{
    const char *namespace_name;

    if (!runtime->is_bounded)
        return true;
    if (container->pid > 0 && !owns_process(runtime->uid, container->pid))
        return false;
    if (!containers_find(runtime->owner, container->id) && count_of(runtime) >= USER_CONTAINERS)
        return false;
    drop_labels_of_others(container);
    free(container->shares_with);
    container->shares_with = NULL;
    if (find_users_cgroup(container) < 0)
        return false;
    if (!has_label_of_ours(container))
        return true;
    if (container_add_label(container, "svcconnect.namespace", runtime->namespace_name) < 0)
        return false;
    namespace_name =
        container_label(container, "svcconnect.namespace"); /* there may have been no room for it */
    return namespace_name && strcmp(namespace_name, runtime->namespace_name) == 0;
}

/* ---- where they are ---- */

/* "user-%u": each has his own. */
static int name_namespace(const char *pattern, size_t length, uid_t uid, char *ret_name, size_t size)
{
    const char *number = memmem(pattern, length, "%u", 2);
    int n = number ? snprintf(ret_name, size, "%.*s%u%.*s", (int)(number - pattern), pattern, (unsigned)uid,
                              (int)(pattern + length - number - 2), number + 2)
                   : snprintf(ret_name, size, "%.*s", (int)length, pattern);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int add_users(struct containers *containers, const char *directory, uid_t uid, const char *pattern,
                     size_t length)
{
    size_t before = containers->n_runtimes;
    char socket[PATH_MAX + sizeof(USERS_SOCKET) + 1];
    struct runtime *runtime;
    struct stat info;
    int r;

    (void)snprintf(socket, sizeof(socket), "%s/" USERS_SOCKET, directory);
    if (lstat(socket, &info) < 0 || !S_ISSOCK(info.st_mode) || info.st_uid != uid)
        return 0;
    r = containers_add_runtime(containers, "podman", socket);
    if (r < 0 || containers->n_runtimes == before)
        return r;
    runtime = &containers->runtimes[before];
    runtime->is_bounded = true;
    runtime->uid = uid;
    r = name_namespace(pattern, length, uid, runtime->namespace_name, sizeof(runtime->namespace_name));
    if (r < 0) {
        free(runtime->socket);
        *runtime = (struct runtime){0};
        containers->n_runtimes--;
    }
    return 0;
}

int containers_find_users(struct containers *containers, const char *pattern, size_t length)
{
    char path[PATH_MAX];
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    int r = 0;

    (void)snprintf(path, sizeof(path), "%s/user", containers_run_directory(containers));
    dir = opendir(path);
    while (r == 0 && dir && containers->n_runtimes + ROOTS_RUNTIMES < RUNTIMES_MAX &&
           (entry = readdir(dir))) {
        char *end;
        unsigned long uid = strtoul(entry->d_name, &end, 10);
        char directory[PATH_MAX];
        struct stat info;

        if (snprintf(directory, sizeof(directory), "%s/%s", path, entry->d_name) < (int)sizeof(directory) &&
            !*end && uid != 0 && lstat(directory, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == uid)
            r = add_users(containers, directory, (uid_t)uid, pattern, length);
    }
    return r;
}
