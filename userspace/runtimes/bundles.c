/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One directory of containers, from its first look to the last. Long because what inotify tells, what a walk finds and what
 * is to be read again decide together when a container is looked at.
 */
#include "runtimes/bundles.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "runtimes/netns_addresses.h"

#define NAMESPACES_MAX  64
#define ID_MAX          160 /* bytes of NAMESPACE/ID */
#define NAME_LENGTH_MAX 128
/* containerd gives a directory another name before it removes it */
#define ENTRIES  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
#define AT_ONCE  16 /* containers that are read in one turn of the loop */
#define RESYNC_S 60
#define RETRY_S  2  /* until the directory is there */
#define SOON_MS  20 /* until a program begins that the runtime has made ready */
#define SOONS    100
#define LATER_MS 500

struct bundle {
    char id[ID_MAX];
    int watch; /* of its directory, until its program has begun; -1: none */
    unsigned n_soon;
    ino_t netns; /* 0: not known */
    pid_t pid;   /* that has it */
    bool is_due; /* to be read */
    bool is_seen;
    bool is_told;
    enum container_state state; /* as told */
    UT_hash_handle hh;          /* by id, in the order in which they came */
};

struct bundles_namespace {
    char name[ID_MAX];
    int watch;
};

struct bundles {
    struct bundles_settings settings;
    struct bundle *all;
    struct bundles_namespace namespaces[NAMESPACES_MAX];
    size_t n_namespaces;
    int inotify_fd;
    int root_watch;
    bool is_connected;
    bool is_settling;
    struct event *changed; /* inotify has something */
    struct event *work;    /* something is due */
    struct event *soon;    /* something will be */
    struct event *resync;
};

static int bundles_watch_fd(const struct bundles *bundles, int fd, uint32_t mask)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return inotify_add_watch(bundles->inotify_fd, path, mask);
}

static void bundle_unwatch(const struct bundles *bundles, struct bundle *bundle)
{
    if (bundle->watch >= 0)
        (void)inotify_rm_watch(bundles->inotify_fd, bundle->watch);
    bundle->watch = -1;
}

static void bundle_free(struct bundles *bundles, struct bundle *bundle)
{
    bundle_unwatch(bundles, bundle);
    HASH_DEL(bundles->all, bundle);
    free(bundle);
}

static void bundle_gone(struct bundles *bundles, struct bundle *bundle)
{
    if (bundle->is_told)
        bundles->settings.gone(bundle->id, bundles->settings.user);
    bundle_free(bundles, bundle);
}

static void bundle_set_due(struct bundles *bundles, struct bundle *bundle)
{
    bundle->is_due = true;
    event_active(bundles->work, 0, 0);
}

/* ---- one container ---- */

static int bundle_open(const struct bundles *bundles, const struct bundle *bundle, int *ret_fd)
{
    const char *slash = strchr(bundle->id, '/');
    _cleanup_close_ int root_fd = -1;
    _cleanup_close_ int middle_fd = -1;
    char name[ID_MAX];
    int r = bundle_open_directory(AT_FDCWD, bundles->settings.directory, &root_fd);

    if (r < 0 || !slash)
        return r < 0 ? r : bundle_open_directory(root_fd, bundle->id, ret_fd);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - bundle->id), bundle->id);
    r = bundle_open_directory(root_fd, name, &middle_fd);
    return r < 0 ? r : bundle_open_directory(middle_fd, slash + 1, ret_fd);
}

static bool bundle_has_network(const struct bundle *bundle, ino_t netns)
{
    char path[64];
    struct stat info;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)bundle->pid);
    return bundle->netns == netns && stat(path, &info) == 0 && info.st_ino == netns;
}

/* Whoever came first into a network namespace has it; the others share. */
static int bundle_find_network(const struct bundles *bundles, struct bundle *bundle,
                               struct container *container)
{
    int r = netns_addresses(container->pid, container, &bundle->netns);

    bundle->pid = container->pid;
    if (r < 0 || !bundle->netns || container->network_mode == CONTAINER_HOST_NETWORK)
        return r;
    for (const struct bundle *other = bundles->all; other && other != bundle; other = other->hh.next)
        if (bundle_has_network(other, bundle->netns)) {
            container->network_mode = CONTAINER_SHARED_NETWORK;
            container->shares_with = strdup(other->id);
            return container->shares_with ? 0 : -ENOMEM;
        }
    return 0;
}

static void bundles_come_again(struct bundles *bundles, struct bundle *bundle)
{
    uint32_t pause_ms = bundle->n_soon++ < SOONS ? SOON_MS : LATER_MS;
    const struct timeval pause = {.tv_usec = pause_ms * 1000};

    if (!event_pending(bundles->soon, EV_TIMEOUT, NULL))
        (void)event_add(bundles->soon, &pause);
}

static void bundle_tell(struct bundles *bundles, struct bundle *bundle, struct container *container)
{
    bundle->state = container->state;
    bundle->is_told = true;
    if (container->pid && container->state == CONTAINER_CREATED)
        bundles_come_again(bundles, bundle);
    else if (container->state != CONTAINER_CREATED)
        bundle_unwatch(bundles, bundle);
    bundles->settings.put(container, bundles->settings.user);
}

static void bundle_look(struct bundles *bundles, struct bundle *bundle)
{
    struct container *container = NULL;
    struct error error = {0};
    _cleanup_close_ int fd = -1;
    int r = bundle_open(bundles, bundle, &fd);

    if (r == -ENOENT) {
        bundle_gone(bundles, bundle);
        return;
    }
    if (r >= 0 && bundle->watch < 0 && !bundle->is_told)
        bundle->watch = bundles_watch_fd(bundles, fd, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
    if (r >= 0)
        r = bundle_read(bundles->settings.kind, fd, bundles->settings.runtime, bundle->id, &container,
                        &error);
    if (r >= 0 && container->pid && container->state == CONTAINER_RUNNING)
        r = bundle_find_network(bundles, bundle, container);
    if (r < 0) {
        log_debug("%s: container %s: %s", bundles->settings.runtime, bundle->id,
                  *error.message ? error.message : strerror(-r));
        container_free(&container);
        return; /* its file comes, or is whole, soon */
    }
    bundle_tell(bundles, bundle, container);
}

static void bundles_on_work(evutil_socket_t fd, short what, void *user)
{
    struct bundles *bundles = user;
    struct bundle *bundle;
    struct bundle *next;
    unsigned n = 0;

    (void)fd;
    (void)what;
    HASH_ITER (hh, bundles->all, bundle, next) {
        if (!bundle->is_due)
            continue;
        if (++n > AT_ONCE) {
            event_active(bundles->work, 0, 0);
            return;
        }
        bundle->is_due = false;
        bundle_look(bundles, bundle);
    }
    if (!bundles->is_settling)
        return;
    bundles->is_settling = false;
    bundles->settings.settled(bundles, bundles->settings.user);
}

static void bundles_on_soon(evutil_socket_t fd, short what, void *user)
{
    struct bundles *bundles = user;

    (void)fd;
    (void)what;
    for (struct bundle *bundle = bundles->all; bundle; bundle = bundle->hh.next)
        if (bundle->is_told && bundle->state == CONTAINER_CREATED)
            bundle_set_due(bundles, bundle);
}

/* ---- which there are ---- */

static bool is_bundle_name(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 0 && length < NAME_LENGTH_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+") == length;
}

static void bundles_found(struct bundles *bundles, const char *namespace_name, const char *name)
{
    struct bundle *bundle;
    char id[ID_MAX];
    int length = snprintf(id, sizeof(id), "%s%s%s", namespace_name ? namespace_name : "",
                          namespace_name ? "/" : "", name);

    if (!is_bundle_name(name) || length < 0 || (size_t)length >= sizeof(id))
        return;
    HASH_FIND_STR(bundles->all, id, bundle);
    if (!bundle) {
        if (HASH_COUNT(bundles->all) >= BUNDLES_MAX || !(bundle = calloc(1, sizeof(*bundle))))
            return;
        memcpy(bundle->id, id, sizeof(id));
        bundle->watch = -1;
        HASH_ADD_STR(bundles->all, id, bundle);
    }
    bundle->is_seen = true;
    bundle_set_due(bundles, bundle);
}

static void bundles_read_directory(struct bundles *bundles, int fd, const char *namespace_name,
                                   void (*found)(struct bundles *bundles, int fd, const char *namespace_name,
                                                 const char *name))
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (copy >= 0 && !dir)
        (void)close(copy);
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
            found(bundles, fd, namespace_name, entry->d_name);
}

static void bundles_found_container(struct bundles *bundles, int fd, const char *namespace_name,
                                    const char *name)
{
    (void)fd;
    bundles_found(bundles, namespace_name, name);
}

static void bundles_found_namespace(struct bundles *bundles, int fd, const char *above, const char *name)
{
    struct bundles_namespace *namespace_found = NULL;
    _cleanup_close_ int its_fd = -1;

    (void)above;
    if (!is_bundle_name(name) || strcmp(name, "moby") == 0 || bundle_open_directory(fd, name, &its_fd) < 0)
        return;
    for (size_t i = 0; i < bundles->n_namespaces && !namespace_found; i++)
        if (strcmp(bundles->namespaces[i].name, name) == 0)
            namespace_found = &bundles->namespaces[i];
    if (!namespace_found && bundles->n_namespaces == NAMESPACES_MAX)
        return;
    if (!namespace_found)
        namespace_found = &bundles->namespaces[bundles->n_namespaces++];
    (void)snprintf(namespace_found->name, sizeof(namespace_found->name), "%s", name);
    namespace_found->watch = bundles_watch_fd(bundles, its_fd, ENTRIES);
    bundles_read_directory(bundles, its_fd, name, bundles_found_container);
}

static void bundles_tell_connection(struct bundles *bundles, int r)
{
    bool is_connected = r >= 0;
    const char *reason = r == -EPERM ? "others than root may write into it" : strerror(-r);

    if (is_connected && bundles->is_connected)
        return;
    bundles->is_connected = is_connected;
    bundles->settings.connection(bundles, is_connected, is_connected ? "" : reason, bundles->settings.user);
}

/* The whole tree; what is not in it is gone. A directory that is not there says nothing. */
static void bundles_walk(struct bundles *bundles)
{
    struct bundle *bundle;
    struct bundle *next;
    _cleanup_close_ int fd = -1;
    int r = bundle_open_directory(AT_FDCWD, bundles->settings.directory, &fd);
    const struct timeval pause = {.tv_sec = r < 0 ? RETRY_S : RESYNC_S};

    (void)event_add(bundles->resync, &pause);
    bundles_tell_connection(bundles, r);
    if (r < 0)
        return;
    bundles->root_watch = bundles_watch_fd(bundles, fd, ENTRIES);
    for (bundle = bundles->all; bundle; bundle = bundle->hh.next)
        bundle->is_seen = false;
    bundles_read_directory(bundles, fd, NULL,
                           bundles->settings.kind == BUNDLE_RUNC ? bundles_found_container
                                                                 : bundles_found_namespace);
    HASH_ITER (hh, bundles->all, bundle, next)
        if (!bundle->is_seen)
            bundle_gone(bundles, bundle);
    bundles->is_settling = true;
    event_active(bundles->work, 0, 0);
}

static void bundles_on_resync(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    bundles_walk(user);
}

/* ---- what inotify tells ---- */

static void bundles_on_entry(struct bundles *bundles, const struct inotify_event *event,
                             const char *namespace_name)
{
    if (event->mask & ENTRIES && event->mask & IN_ISDIR)
        bundles_found(bundles, namespace_name, event->name); /* gone ones are found to be so */
}

static void bundles_take(struct bundles *bundles, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        bundles_walk(bundles);
        return;
    }
    if (event->len == 0)
        return;
    if (event->wd == bundles->root_watch) {
        if (bundles->settings.kind == BUNDLE_RUNC)
            bundles_on_entry(bundles, event, NULL);
        else
            bundles_walk(bundles); /* seldom */
        return;
    }
    for (size_t i = 0; i < bundles->n_namespaces; i++)
        if (bundles->namespaces[i].watch == event->wd) {
            bundles_on_entry(bundles, event, bundles->namespaces[i].name);
            return;
        }
    for (struct bundle *bundle = bundles->all; bundle; bundle = bundle->hh.next)
        if (bundle->watch == event->wd)
            bundle_set_due(bundles, bundle);
}

static void bundles_on_changed(evutil_socket_t fd, short what, void *user)
{
    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t n;

    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            bundles_take(user, event);
            at += (ssize_t)sizeof(*event) + event->len;
        }
}

void bundles_catch_up(struct bundles *bundles)
{
    bundles_on_changed(bundles->inotify_fd, 0, bundles);
    bundles_on_work(-1, 0, bundles);
}

/* ---- beginning and end ---- */

int bundles_new(const struct bundles_settings *settings, struct bundles **ret_bundles)
{
    const struct timeval now = {0};
    struct bundles *bundles = calloc(1, sizeof(*bundles));
    int r = -ENOMEM;

    if (!bundles)
        return -ENOMEM;
    bundles->settings = *settings;
    bundles->root_watch = -1;
    bundles->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (bundles->inotify_fd < 0)
        r = -errno;
    bundles->changed =
        event_new(settings->base, bundles->inotify_fd, EV_READ | EV_PERSIST, bundles_on_changed, bundles);
    bundles->work = event_new(settings->base, -1, 0, bundles_on_work, bundles);
    bundles->soon = event_new(settings->base, -1, 0, bundles_on_soon, bundles);
    bundles->resync = event_new(settings->base, -1, 0, bundles_on_resync, bundles);
    if (bundles->inotify_fd < 0 || !bundles->changed || !bundles->work || !bundles->soon ||
        !bundles->resync || event_add(bundles->changed, NULL) < 0 || event_add(bundles->resync, &now) < 0) {
        bundles_free(&bundles);
        return r;
    }
    *ret_bundles = bundles;
    return 0;
}

void bundles_free(struct bundles **bundles)
{
    struct bundles *old = *bundles;
    struct bundle *bundle;
    struct bundle *next;

    if (!old)
        return;
    HASH_ITER (hh, old->all, bundle, next)
        bundle_free(old, bundle);
    if (old->changed)
        event_free(old->changed);
    if (old->work)
        event_free(old->work);
    if (old->soon)
        event_free(old->soon);
    if (old->resync)
        event_free(old->resync);
    if (old->inotify_fd >= 0)
        (void)close(old->inotify_fd);
    free(old);
    *bundles = NULL;
}
