/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/services_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "apply/apply.h"
#include "daemon/daemon.h"

#define MAX_FILES 10000

static const struct timeval burst = {.tv_usec = 50000};

/* ---- one file ---- */

static void set_failure(struct services_file *file, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && (!file->failure || strcmp(file->failure, text) != 0))
        log_warning("%s: not applied, its last good version stays in force: %s", file->path, text);
    else if (!text && file->failure)
        log_info("%s: applied again", file->path);
    free(file->failure);
    file->failure = copy;
}

static void apply_file(struct daemon *daemon, struct services_file *file)
{
    _cleanup_(document_list_done) struct document_list documents = {0};
    _cleanup_(findings_done) struct findings findings = {0};
    struct documents_options options = apply_options("default", engine_host_rights(daemon->engine));
    struct apply_request request = {.documents = &documents, .owned_source = file->path};
    _cleanup_free_ char *text = NULL;
    struct error error = {0};
    uint64_t revision;
    size_t length = 0;
    int r = file_read(file->path, DOCUMENTS_MAX_BYTES, &text, &length);

    if (r < 0)
        (void)error_errno(&error, r, "reading it");
    else
        r = documents_parse(file->path, text, length, &options, &documents, &findings);
    if (r == 0)
        r = apply_documents(daemon->engine, &request, &findings, NULL, &revision, &error);
    for (size_t i = 0; i < findings.n; i++) {
        if (findings.items[i].severity == FINDING_WARNING)
            log_debug("%s: %s", file->path, findings.items[i].error.message);
        else if (!error.number)
            error = findings.items[i].error;
    }
    set_failure(file, r < 0 ? error.message[0] ? error.message : strerror(-r) : NULL);
}

/* ---- the directory ---- */

static struct services_file *find_file(struct services_dir *dir, const char *path)
{
    struct services_file *file;

    HASH_FIND_STR(dir->files, path, file);
    if (file)
        return file;
    file = calloc(1, sizeof(*file));
    if (file)
        file->path = strdup(path);
    if (!file || !file->path) {
        free(file);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, dir->files, file->path, strlen(file->path), file);
    return file;
}

static void forget_file(struct services_dir *dir, struct services_file *file)
{
    HASH_DEL(dir->files, file);
    free(file->path);
    free(file->failure);
    free(file);
}

static void look_at(struct daemon *daemon, const char *path)
{
    struct services_file *file = find_file(&daemon->services_dir, path);
    struct stat info;

    if (!file)
        return;
    file->is_seen = true;
    if (stat(path, &info) < 0) {
        set_failure(file, strerror(errno));
        return;
    }
    if (file->inode == info.st_ino && file->size == info.st_size &&
        file->changed.tv_sec == info.st_ctim.tv_sec && file->changed.tv_nsec == info.st_ctim.tv_nsec)
        return;
    file->inode = info.st_ino;
    file->size = info.st_size;
    file->changed = info.st_ctim;
    if (S_ISREG(info.st_mode))
        apply_file(daemon, file);
    else
        set_failure(file, "it is not a regular file");
}

static bool is_gone(const struct daemon *daemon, const char *source)
{
    size_t length = strlen(daemon->config.services_dir);
    const struct services_file *file;

    if (strncmp(source, daemon->config.services_dir, length) != 0 || source[length] != '/')
        return false;
    HASH_FIND_STR(daemon->services_dir.files, source, file);
    return !file;
}

static void remove_source(struct daemon *daemon, const char *source)
{
    _cleanup_(findings_done) struct findings findings = {0};
    const struct document_list none = {0};
    const struct apply_request request = {.documents = &none, .owned_source = source};
    struct error error = {0};
    uint64_t revision;

    log_info("%s has gone, removing what it published", source);
    if (apply_documents(daemon->engine, &request, &findings, NULL, &revision, &error) < 0)
        log_warning("%s: its documents stay: %s", source, error.message);
}

static int sources_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * What was applied from files that are not there any more, also before this daemon started. The sources are
 * noted before the first is removed: that changes what is walked here. They are sorted because several
 * documents may be of one source, which is removed once.
 */
static void remove_gone(struct daemon *daemon)
{
    _cleanup_free_ char **gone = calloc(engine_catalog(daemon->engine)->n_documents + 1, sizeof(*gone));
    struct model_namespace *parent;
    struct services_file *file, *next_file;
    size_t n = 0;

    HASH_ITER (hh, daemon->services_dir.files, file, next_file) {
        if (!file->is_seen)
            forget_file(&daemon->services_dir, file);
    }
    for (parent = gone ? engine_catalog(daemon->engine)->namespaces : NULL; parent;
         parent = parent->hh.next) {
        const struct stored_document *document;

        for (document = parent->documents; document; document = document->hh.next)
            if (is_gone(daemon, document->source) && (gone[n] = strdup(document->source)))
                n++;
    }
    if (n > 0)
        qsort(gone, n, sizeof(*gone), sources_by_name);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(gone[i], gone[i - 1]) != 0)
            remove_source(daemon, gone[i]);
        if (i > 0)
            free(gone[i - 1]);
    }
    if (n > 0)
        free(gone[n - 1]);
}

static int is_document(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static void scan(struct daemon *daemon)
{
    struct dirent **entries = NULL;
    struct services_file *file;
    int n = scandir(daemon->config.services_dir, &entries, is_document, alphasort);

    if (n < 0) {
        if (errno != ENOENT)
            log_warning("%s cannot be read, what came from it stays in force: %s",
                        daemon->config.services_dir, strerror(errno));
        return;
    }
    /* Before, not after: what a later file of this scan gives up, an earlier one may be waiting for. */
    daemon->services_dir.revision = engine_figures(daemon->engine).revision;
    for (file = daemon->services_dir.files; file; file = file->hh.next)
        file->is_seen = false;
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];

        if (i < MAX_FILES && (size_t)snprintf(path, sizeof(path), "%s/%s", daemon->config.services_dir,
                                              entries[i]->d_name) < sizeof(path))
            look_at(daemon, path);
        free(entries[i]);
    }
    free(entries);
    if (n > MAX_FILES)
        log_warning("%s: only the first %d files are applied", daemon->config.services_dir, MAX_FILES);
    else
        remove_gone(daemon);
}

/* ---- watching ---- */

static void add_watch(struct daemon *daemon)
{
    daemon->services_dir.watch =
        inotify_add_watch(daemon->services_dir.inotify_fd, daemon->config.services_dir,
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                              IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

static void on_events(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
                daemon->services_dir.watch = -1;
            at += sizeof(*event) + event->len;
        }
    (void)event_add(daemon->services_dir.timer, &burst);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    scan(user);
}

void services_dir_start(struct daemon *daemon)
{
    struct services_dir *dir = &daemon->services_dir;

    dir->timer = evtimer_new(daemon->base, on_timer, daemon);
    dir->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (dir->timer && dir->inotify_fd >= 0)
        dir->event = event_new(daemon->base, dir->inotify_fd, EV_READ | EV_PERSIST, on_events, daemon);
    if (!dir->event || event_add(dir->event, NULL) < 0) {
        log_warning("%s is not watched: %s", daemon->config.services_dir, strerror(errno));
        return;
    }
    /* The watch first: a file that comes during the scan is seen by one or the other. */
    add_watch(daemon);
    scan(daemon);
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

void services_dir_sweep(struct daemon *daemon)
{
    struct services_dir *dir = &daemon->services_dir;

    if (!dir->event)
        return;
    if (dir->watch < 0) {
        add_watch(daemon);
        if (dir->watch >= 0)
            scan(daemon);
    } else if (engine_figures(daemon->engine).revision != dir->revision && reset_refused(dir)) {
        scan(daemon);
    }
}

void services_dir_describe(const struct daemon *daemon, cJSON *object)
{
    const struct services_file *file;
    cJSON *list;

    (void)cJSON_AddNumberToObject(object, "count", (double)engine_catalog(daemon->engine)->n_documents);
    list = cJSON_AddArrayToObject(object, "failed");
    for (file = daemon->services_dir.files; file; file = file->hh.next)
        if (file->failure) {
            cJSON *item = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(item, "source", file->path);
            (void)cJSON_AddStringToObject(item, "message", file->failure);
            (void)cJSON_AddItemToArray(list, item);
        }
}

void services_dir_done(struct services_dir *dir)
{
    struct services_file *file, *next;

    HASH_ITER (hh, dir->files, file, next) {
        forget_file(dir, file);
    }
    if (dir->event) {
        event_free(dir->event);
        (void)close(dir->inotify_fd);
    }
    if (dir->timer)
        event_free(dir->timer);
}
