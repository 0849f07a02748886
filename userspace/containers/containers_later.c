/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Runtimes whose sockets come after the daemon's start, where they are to be found by themselves ("auto"). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "containers/containers_internal.h"

#define LOOK_S 60 /* also without inotify's word */

struct socket_watch {
    struct containers *owner;
    int inotify_fd;        /* -1: none is to be had, and time alone tells */
    struct event *changed; /* NULL: the same */
    struct event *timer;
};

/* Those of the directories that are there; the same one twice is once. */
static void socket_watch_add(const struct socket_watch *watch)
{
    static const char *const directories[] = {"", "/podman", "/containerd"};
    char path[PATH_MAX];

    for (size_t i = 0; watch->inotify_fd >= 0 && i < ARRAY_SIZE(directories); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", containers_run_directory(watch->owner), directories[i]);
        (void)inotify_add_watch(watch->inotify_fd, path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
    }
}

static void socket_watch_look(struct socket_watch *watch)
{
    struct containers *containers = watch->owner;
    size_t before = containers->n_runtimes;

    socket_watch_add(watch); /* first, so that nothing comes between */
    if (containers_find_sockets(containers) < 0)
        return; /* the next look has more memory */
    for (size_t i = before; i < containers->n_runtimes; i++) {
        log_info("%s at %s is there, and followed from now on", containers->runtimes[i].name,
                 containers->runtimes[i].socket);
        if (containers_begin_runtime(containers, &containers->runtimes[i]) < 0)
            log_warning("%s at %s is not followed: no memory", containers->runtimes[i].name,
                        containers->runtimes[i].socket);
    }
}

static bool is_of_a_runtime(const char *name)
{
    static const char *const names[] = {"docker.sock", "podman",          "podman.sock",
                                        "containerd",  "containerd.sock", ""};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void on_changed(evutil_socket_t fd, short what, void *user)
{
    _Alignas(struct inotify_event) char buffer[4096];
    bool is_due = false;
    ssize_t n;

    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            is_due = is_due || is_of_a_runtime(event->len ? event->name : "");
            at += (ssize_t)sizeof(*event) + event->len;
        }
    if (is_due)
        socket_watch_look(user);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    socket_watch_look(user);
}

int containers_watch_sockets(struct containers *containers)
{
    const struct timeval pause = {.tv_sec = LOOK_S};
    struct socket_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return -ENOMEM;
    containers->watch = watch;
    watch->owner = containers;
    watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    watch->timer = event_new(containers->settings.base, -1, EV_PERSIST, on_timer, watch);
    if (!watch->timer || event_add(watch->timer, &pause) < 0)
        return -ENOMEM;
    if (watch->inotify_fd < 0)
        return 0;
    watch->changed =
        event_new(containers->settings.base, watch->inotify_fd, EV_READ | EV_PERSIST, on_changed, watch);
    if (!watch->changed || event_add(watch->changed, NULL) < 0)
        return -ENOMEM;
    socket_watch_look(watch);
    return 0;
}

void containers_forget_sockets(struct containers *containers)
{
    struct socket_watch *watch = containers->watch;

    if (!watch)
        return;
    if (watch->changed)
        event_free(watch->changed);
    if (watch->timer)
        event_free(watch->timer);
    if (watch->inotify_fd >= 0)
        (void)close(watch->inotify_fd);
    free(watch);
    containers->watch = NULL;
}
