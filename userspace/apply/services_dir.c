/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When the directory is scanned, and what is told of it. */
#include "apply/services_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "apply/services_scan.h"
#include "base/log.h"
#include "engine/engine.h"

static const struct timeval burst = {.tv_usec = 50000};

static void add_watch(struct services_dir *dir)
{
    dir->watch = inotify_add_watch(dir->inotify_fd, dir->path,
                                   IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                                       IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

static void on_events(evutil_socket_t fd, short what, void *user)
{
    struct services_dir *dir = user;
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
                dir->watch = -1;
            at += sizeof(*event) + event->len;
        }
    (void)event_add(dir->timer, &burst);
}

void services_dir_scan_soon(struct services_dir *dir)
{
    (void)event_add(dir->timer, &burst);
}

static void services_dir_on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    services_scan(user);
}

void services_dir_start(struct services_dir *dir)
{
    dir->timer = evtimer_new(dir->base, services_dir_on_timer, dir);
    dir->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (dir->timer && dir->inotify_fd >= 0)
        dir->event = event_new(dir->base, dir->inotify_fd, EV_READ | EV_PERSIST, on_events, dir);
    if (!dir->event || event_add(dir->event, NULL) < 0) {
        log_warning("%s is not watched: %s", dir->path, strerror(errno));
        return;
    }
    /* The watch first: a file that comes during the scan is seen by one or the other. */
    add_watch(dir);
    services_scan(dir);
}

/* Forgets what the refused files looked like, so that a scan takes them for changed. */
static bool reset_refused(struct services_dir *dir)
{
    struct services_file *file;
    bool is_any = false;

    for (file = dir->files; file; file = file->hh.next)
        if (file->failure) {
            file->inode = 0;
            is_any = true;
        }
    return is_any;
}

void services_dir_sweep(struct services_dir *dir)
{
    if (!dir->event || dir->state != SERVICES_IDLE)
        return;
    if (dir->watch < 0) {
        add_watch(dir);
        if (dir->watch >= 0)
            services_scan(dir);
    } else if (engine_figures(dir->engine).revision != dir->revision && reset_refused(dir)) {
        services_scan(dir);
    }
}

void services_dir_apply_again(struct services_dir *dir)
{
    for (struct services_file *file = dir->files; file; file = file->hh.next)
        file->inode = 0;
    if (dir->event)
        services_dir_scan_soon(dir);
}

void services_dir_describe(const struct services_dir *dir, cJSON *object)
{
    const struct services_file *file;
    cJSON *list;

    (void)cJSON_AddNumberToObject(object, "count", (double)engine_catalog(dir->engine)->n_documents);
    list = cJSON_AddArrayToObject(object, "failed");
    for (file = dir->files; file; file = file->hh.next)
        if (file->failure) {
            cJSON *item = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(item, "source", file->path);
            (void)cJSON_AddStringToObject(item, "message", file->failure);
            (void)cJSON_AddItemToArray(list, item);
        }
}

void services_dir_done(struct services_dir *dir)
{
    services_scan_done(dir);
    if (dir->event) {
        event_free(dir->event);
        (void)close(dir->inotify_fd);
    }
    if (dir->timer)
        event_free(dir->timer);
}
