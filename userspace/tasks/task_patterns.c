/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "tasks/task_patterns.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/change/job.h"
#include "model/names.h"
#include "tasks/task_list.h"

#define ENTRIES_MAX 16384 /* that are looked at for one pattern in one go */

/* Whoever makes cgroups all the time is looked after ten times a second; what could not be attached, now and then. */
static const struct timeval pause_between = {.tv_usec = 100000};
static const struct timeval pause_failed = {.tv_sec = 30};

/* A cgroup that matches. */
struct matched {
    uint64_t id;
    uint64_t scan;
    bool is_done; /* attached, by whatever way it goes on */
    char why[200];
    UT_hash_handle hh;
};

struct task_patterns {
    struct tasks *tasks;
    const struct task_pattern *items;
    size_t n;
    int inotify;
    struct event *told;
    struct event *look;
    struct matched *matched; /* by id */
    uint64_t scan;
    size_t n_entries; /* of this pattern */
    bool is_failed;   /* something could not be attached */
    bool is_cut_told;
};

/* ---- what may be said ---- */

static bool has_wildcard(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (strchr("*?[\\", text[i]))
            return true;
    return false;
}

static int check_pattern_path(const char *text, const char *field, struct error *error)
{
    const char *rest = text + (*text == '/');
    size_t length = strcspn(rest, "/");

    if (!*rest || strlen(text) >= SVC_CGROUP_SIZE)
        return error_input(error, field, text, "a path of 1 to %d characters below the cgroup root",
                           SVC_CGROUP_SIZE - 1);
    if (has_wildcard(rest, length))
        return error_input(
            error, field, text,
            "a path whose first directory is named, as system.slice/app-*.service: else all of the host "
            "could be one task");
    for (;; rest += length + 1) {
        length = strcspn(rest, "/");
        if (length == 0 || (length == 1 && *rest == '.') || (length == 2 && memcmp(rest, "..", 2) == 0))
            return error_input(error, field, text,
                               "a path without \"//\", \".\" and \"..\", and no / at its end");
        if (!rest[length])
            return 0;
    }
}

int task_pattern_check(const struct task_pattern *pattern, const char *field, struct error *error)
{
    char member[96];
    int r;

    (void)snprintf(member, sizeof(member), "%s.cgroup", field);
    r = check_pattern_path(pattern->cgroup, member, error);
    (void)snprintf(member, sizeof(member), "%s.namespace", field);
    if (r == 0)
        r = model_check_namespace(member, pattern->namespace_name, error);
    (void)snprintf(member, sizeof(member), "%s.service", field);
    if (r == 0 && *pattern->service)
        r = model_check_document(member, pattern->service, error);
    return r;
}

void task_pattern_done(struct task_pattern *pattern)
{
    free(pattern->cgroup);
    free(pattern->namespace_name);
    free(pattern->service);
    *pattern = (struct task_pattern){0};
}

/* ---- one cgroup ---- */

static struct matched *find_matched(struct task_patterns *patterns, uint64_t id)
{
    struct matched *matched;

    HASH_FIND(hh, patterns->matched, &id, sizeof(id), matched);
    if (matched)
        return matched;
    matched = calloc(1, sizeof(*matched));
    if (!matched)
        return NULL;
    matched->id = id;
    HASH_ADD(hh, patterns->matched, id, sizeof(matched->id), matched);
    return matched;
}

/* Of several patterns the first that matches. */
static void attach_match(struct task_patterns *patterns, const struct task_pattern *pattern, const char *path)
{
    struct error error = {0};
    struct cgroup cgroup;
    struct task *task;
    struct matched *matched;

    if (cgroup_resolve(patterns->tasks->settings.cgroup_root, path, &cgroup, &error) < 0)
        return; /* it has gone meanwhile, or is no directory */
    matched = find_matched(patterns, cgroup.id);
    if (!matched)
        return;
    if (matched->is_done || matched->scan == patterns->scan) {
        matched->scan = patterns->scan;
        return;
    }
    matched->scan = patterns->scan;
    if (task_attach(patterns->tasks, path, pattern->namespace_name, pattern->service, false, 0, &task,
                    &error) == 0) {
        matched->is_done = true;
        return;
    }
    patterns->is_failed = true;
    if (strcmp(matched->why, error.message) != 0)
        log_warning("tasks: %s matches \"%s\" and is not attached: %s", path, pattern->cgroup, error.message);
    (void)snprintf(matched->why, sizeof(matched->why), "%.*s", (int)sizeof(matched->why) - 1, error.message);
}

/* ---- the tree ---- */

static void match_below(struct task_patterns *patterns, const struct task_pattern *pattern, const char *path,
                        const char *rest);

static void match_entry(struct task_patterns *patterns, const struct task_pattern *pattern, const char *path,
                        const char *name, const char *rest)
{
    char below[SVC_CGROUP_SIZE];

    if (snprintf(below, sizeof(below), "%s/%s", path, name) >= (int)sizeof(below))
        return;
    if (*rest)
        match_below(patterns, pattern, below, rest);
    else
        attach_match(patterns, pattern, below);
}

/* `rest`: what of the pattern is below `path`. Watched first, so that nothing comes unseen in between. */
static void match_below(struct task_patterns *patterns, const struct task_pattern *pattern, const char *path,
                        const char *rest)
{
    size_t length = strcspn(rest, "/");
    const char *deeper = rest + length + (rest[length] == '/');
    char directory[PATH_MAX];
    char part[NAME_MAX + 1];
    struct dirent *entry;
    DIR *listing;

    if (length > NAME_MAX)
        return;
    (void)snprintf(part, sizeof(part), "%.*s", (int)length, rest);
    cgroup_directory(patterns->tasks->settings.cgroup_root, path, directory, sizeof(directory));
    if (inotify_add_watch(patterns->inotify, directory, IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR) <
        0) {
        if (errno != ENOENT && errno != ENOTDIR)
            log_warning("tasks: %s is not watched: %s", directory, strerror(errno));
        return;
    }
    if (!has_wildcard(part, length)) {
        match_entry(patterns, pattern, path, part, deeper);
        return;
    }
    listing = opendir(directory);
    while (listing && (entry = readdir(listing)) && patterns->n_entries < ENTRIES_MAX) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        patterns->n_entries++;
        if (fnmatch(part, entry->d_name, FNM_PATHNAME) == 0)
            match_entry(patterns, pattern, path, entry->d_name, deeper);
    }
    if (listing)
        (void)closedir(listing);
}

static void forget_gone(struct task_patterns *patterns, bool is_all)
{
    struct matched *matched;
    struct matched *next;

    HASH_ITER (hh, patterns->matched, matched, next) {
        if (!is_all && matched->scan == patterns->scan)
            continue;
        HASH_DEL(patterns->matched, matched);
        free(matched);
    }
}

static void patterns_look(void *user)
{
    struct task_patterns *patterns = user;

    patterns->scan++;
    patterns->is_failed = false;
    for (size_t i = 0; i < patterns->n; i++) {
        const struct task_pattern *pattern = &patterns->items[i];

        patterns->n_entries = 0;
        match_below(patterns, pattern, "", pattern->cgroup + (pattern->cgroup[0] == '/'));
        if (patterns->n_entries >= ENTRIES_MAX && !patterns->is_cut_told) {
            log_warning("tasks: \"%s\": only %d cgroups are looked at", pattern->cgroup, ENTRIES_MAX);
            patterns->is_cut_told = true;
        }
    }
    forget_gone(patterns, false);
    if (patterns->is_failed && !event_pending(patterns->look, EV_TIMEOUT, NULL))
        (void)event_add(patterns->look, &pause_failed);
}

/* ---- the loop ---- */

/* Scopes are the catalog's, which is nobody's to read at times. */
static void look_when_steady(struct task_patterns *patterns)
{
    struct engine *engine = patterns->tasks->settings.engine;

    engine_forget_waiter(engine, patterns);
    if (engine_is_steady(engine))
        patterns_look(patterns);
    else if (engine_when_steady(engine, patterns_look, patterns) < 0)
        log_warning("tasks: no memory to look for what matches");
}

static void patterns_on_told(evutil_socket_t fd, short what, void *user)
{
    struct task_patterns *patterns = user;
    char bytes[8192] __attribute__((aligned(__alignof__(struct inotify_event))));

    (void)what;
    while (read(fd, bytes, sizeof(bytes)) > 0)
        ; /* whatever it was, also IN_Q_OVERFLOW: all is looked at */
    look_when_steady(patterns);
    /* Quiet until the pause is over, which is when it is looked at once more. */
    (void)event_del(patterns->told);
    (void)event_add(patterns->look, &pause_between);
}

static void patterns_on_look(evutil_socket_t fd, short what, void *user)
{
    struct task_patterns *patterns = user;

    (void)fd;
    (void)what;
    if (event_pending(patterns->told, EV_READ, NULL))
        look_when_steady(patterns); /* what failed is tried again */
    (void)event_add(patterns->told, NULL);
    if (patterns->is_failed && !event_pending(patterns->look, EV_TIMEOUT, NULL))
        (void)event_add(patterns->look, &pause_failed);
}

int task_patterns_begin(struct event_base *base, struct tasks *tasks, const struct task_pattern *items,
                        size_t n, struct task_patterns **ret_patterns)
{
    struct task_patterns *patterns;

    *ret_patterns = NULL;
    if (n == 0)
        return 0;
    patterns = calloc(1, sizeof(*patterns));
    if (!patterns)
        return -ENOMEM;
    patterns->tasks = tasks;
    patterns->items = items;
    patterns->n = n;
    patterns->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    patterns->told = patterns->inotify >= 0 ? event_new(base, patterns->inotify, EV_READ | EV_PERSIST,
                                                        patterns_on_told, patterns)
                                            : NULL;
    patterns->look = event_new(base, -1, 0, patterns_on_look, patterns);
    if (!patterns->told || !patterns->look || event_add(patterns->told, NULL) < 0) {
        task_patterns_end(&patterns);
        return -ENOMEM;
    }
    look_when_steady(patterns);
    *ret_patterns = patterns;
    return 0;
}

void task_patterns_end(struct task_patterns **patterns)
{
    struct task_patterns *old = *patterns;

    if (!old)
        return;
    engine_forget_waiter(old->tasks->settings.engine, old);
    forget_gone(old, true);
    if (old->told)
        event_free(old->told);
    if (old->look)
        event_free(old->look);
    if (old->inotify >= 0)
        (void)close(old->inotify);
    free(old);
    *patterns = NULL;
}
