/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One scan of the watched directory: what is there, what is sent on its way, and what has gone. Long because the three share
 * what the scan has seen so far, which nobody else is to know.
 */
#include "apply/services_scan.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/submit.h"
#include "base/worker.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "engine/change/job.h"
#include "engine/engine.h"

#define MAX_FILES 10000
#define MAX_LOADS 8 /* files on their way at once: each may be large */

static void services_scan_go_on(struct services_dir *dir);

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

static void count_text(char *text, size_t size, const char *kind, size_t created, size_t updated,
                       size_t deleted)
{
    const struct {
        const char *word;
        size_t n;
    } all[] = {{"created", created}, {"changed", updated}, {"removed", deleted}};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        size_t used = strlen(text);

        if (all[i].n > 0)
            (void)snprintf(text + used, size - used, "%s%zu %s%s %s", used ? ", " : "", all[i].n, kind,
                           all[i].n > 1 ? "s" : "", all[i].word);
    }
}

/* What changed: in the log and, by whoever wants to know, among the events. A file that is applied anew and
 * changes nothing is not worth a word. */
static void tell_changes(const struct services_dir *dir, const char *source, const char *what,
                         const struct change_counts *counts)
{
    char text[256] = "";
    char message[640];

    count_text(text, sizeof(text), "service", counts->services.created, counts->services.updated,
               counts->services.deleted);
    count_text(text, sizeof(text), "route", counts->routes.created, counts->routes.updated,
               counts->routes.deleted);
    if (!*text)
        count_text(text, sizeof(text), "document", counts->documents.created, counts->documents.updated,
                   counts->documents.deleted);
    if (!*text)
        return;
    (void)snprintf(message, sizeof(message), "%.300s %s: %s", source, what, text);
    log_info("%s", message);
    if (dir->tell)
        dir->tell(dir->tell_user, message);
}

/* A file, or (file NULL) the removal of a source, on its way through worker and engine. */
struct services_load {
    struct services_dir *dir;
    struct services_file *file; /* stays while a scan is under way */
    char *source;
    struct apply_text text;
};

static void free_load(struct services_load *load)
{
    free(load->source);
    free(load);
}

static struct services_load *new_load(struct services_dir *dir, struct services_file *file,
                                      const char *source)
{
    struct services_load *load = calloc(1, sizeof(*load));

    if (!load)
        return NULL;
    *load = (struct services_load){.dir = dir, .file = file, .source = strdup(source)};
    load->text.source = load->source;
    if (load->source)
        return load;
    free(load);
    return NULL;
}

static void services_scan_on_applied(struct apply_end *end, void *user)
{
    struct services_load *load = user;
    struct services_dir *dir = load->dir;
    struct services_file *file = load->file;

    for (size_t i = 0; i < end->findings.n; i++) {
        if (end->findings.items[i].severity == FINDING_WARNING)
            log_debug("%s: %s", file->path, end->findings.items[i].error.message);
        else if (!end->error.number)
            end->error = end->findings.items[i].error;
    }
    if (end->result == 0)
        tell_changes(dir, load->source, "applied", &end->counts);
    free_load(load);
    dir->n_loads--;
    if (end->result == -ECANCELED) { /* the daemon ends: nothing is wrong with the file */
        dir->is_ending = true;
        return;
    }
    set_failure(file, end->result == 0        ? NULL
                      : end->error.message[0] ? end->error.message
                                              : strerror(-end->result));
    services_scan_go_on(dir);
}

static void apply_file(struct services_dir *dir, struct services_file *file)
{
    struct services_load *load = new_load(dir, file, file->path);
    int r = -ENOMEM;

    if (load) {
        const struct apply_texts texts = {
            .items = &load->text,
            .n = 1,
            .default_namespace = "default",
            .owned_source = load->source,
            .wants_changes = true,
            .by = actor_make(ACTOR_FILE, load->source),
        };

        r = apply_submit_texts(dir->engine, dir->worker, &texts, services_scan_on_applied, load);
    }
    if (r == 0) {
        dir->n_loads++;
        return;
    }
    if (load)
        free_load(load);
    set_failure(file, strerror(-r));
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

static void services_scan_look_at(struct services_dir *dir, const char *path)
{
    struct services_file *file = find_file(dir, path);
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
        apply_file(dir, file);
    else
        set_failure(file, "it is not a regular file");
}

/* ---- files that are gone ---- */

static bool is_gone(const struct services_dir *dir, const char *source)
{
    size_t length = strlen(dir->path);
    const struct services_file *file;

    if (strncmp(source, dir->path, length) != 0 || source[length] != '/')
        return false;
    HASH_FIND_STR(dir->files, source, file);
    return !file;
}

static void on_removed(struct apply_end *end, void *user)
{
    struct services_load *load = user;
    struct services_dir *dir = load->dir;

    dir->n_loads--;
    if (end->result < 0 && end->result != -ECANCELED)
        log_warning("%s: its documents stay: %s", load->source, end->error.message);
    if (end->result == 0)
        tell_changes(dir, load->source, "has gone", &end->counts);
    free_load(load);
    if (end->result == -ECANCELED)
        dir->is_ending = true;
    else
        services_scan_go_on(dir);
}

static void remove_source(struct services_dir *dir, const char *source)
{
    struct services_load *load = new_load(dir, NULL, source);
    struct apply_submission submission = {.owned_source = source,
                                          .by = actor_make(ACTOR_FILE, source),
                                          .worker = dir->worker,
                                          .wants_changes = true};
    int r = -ENOMEM;

    if (load)
        r = apply_submit(dir->engine, &submission, on_removed, load);
    if (r == 0) {
        dir->n_loads++;
        return;
    }
    log_warning("%s: its documents stay: %s", source, strerror(-r));
    if (load)
        free_load(load);
}

static int sources_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * What was applied from files that are not there any more, also before this daemon started. They are sorted
 * because several documents may be of one source, which is removed once. Those of one file mostly lie side by
 * side, and are judged by the first.
 */
static void remove_gone(void *user)
{
    struct services_dir *dir = user;
    _cleanup_free_ char **gone = calloc(engine_catalog(dir->engine)->n_documents + 1, sizeof(*gone));
    struct model_namespace *parent;
    struct services_file *file, *next_file;
    size_t n = 0;

    HASH_ITER (hh, dir->files, file, next_file) {
        if (!file->is_seen)
            forget_file(dir, file);
    }
    for (parent = gone ? engine_catalog(dir->engine)->namespaces : NULL; parent; parent = parent->hh.next) {
        const struct stored_document *document;
        const char *before = NULL;

        for (document = parent->documents; document; document = document->hh.next) {
            if ((!before || strcmp(document->source, before) != 0) && is_gone(dir, document->source) &&
                (gone[n] = strdup(document->source)))
                n++;
            before = document->source;
        }
    }
    if (n > 0)
        qsort(gone, n, sizeof(*gone), sources_by_name);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(gone[i], gone[i - 1]) != 0)
            remove_source(dir, gone[i]);
    for (size_t i = 0; i < n; i++)
        free(gone[i]);
    dir->state = SERVICES_REMOVING;
    services_scan_go_on(dir);
}

/* ---- a scan ---- */

static int services_scan_is_document(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static void free_entries(struct services_dir *dir)
{
    for (int i = 0; i < dir->n_entries; i++)
        free(dir->entries[i]);
    free(dir->entries);
    dir->entries = NULL;
    dir->n_entries = dir->next_entry = 0;
}

void services_scan(struct services_dir *dir)
{
    struct services_file *file;
    int n;

    if (dir->state != SERVICES_IDLE) {
        dir->must_scan_again = true;
        return;
    }
    n = scandir(dir->path, &dir->entries, services_scan_is_document, alphasort);
    if (n < 0) {
        if (errno != ENOENT)
            log_warning("%s cannot be read, what came from it stays in force: %s", dir->path,
                        strerror(errno));
        return;
    }
    dir->n_entries = n;
    /* Before, not after: what a later file of this scan gives up, an earlier one may be waiting for. */
    dir->revision = engine_figures(dir->engine).revision;
    for (file = dir->files; file; file = file->hh.next)
        file->is_seen = false;
    dir->state = SERVICES_APPLYING;
    services_scan_go_on(dir);
}

static void end_scan(struct services_dir *dir)
{
    bool must_scan_again = dir->must_scan_again;

    free_entries(dir);
    dir->state = SERVICES_IDLE;
    dir->must_scan_again = false;
    if (must_scan_again)
        services_dir_scan_soon(dir);
}

/* Worker and engine keep the order, so that some files may be on their way at once and share commits. */
static void load_entries(struct services_dir *dir)
{
    int n = dir->n_entries < MAX_FILES ? dir->n_entries : MAX_FILES;

    while (dir->next_entry < n && dir->n_loads < MAX_LOADS) {
        char path[PATH_MAX];

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir->path,
                             dir->entries[dir->next_entry++]->d_name) < sizeof(path))
            services_scan_look_at(dir, path);
    }
    if (dir->next_entry < n || dir->n_loads > 0)
        return;
    if (dir->n_entries > MAX_FILES) {
        log_warning("%s: only the first %d files are applied", dir->path, MAX_FILES);
        end_scan(dir);
        return;
    }
    /* Between the pieces of a change nobody may read the catalog. */
    dir->state = SERVICES_WAITING;
    if (engine_is_steady(dir->engine))
        remove_gone(dir);
    else if (engine_when_steady(dir->engine, remove_gone, dir) < 0)
        end_scan(dir);
}

static void services_scan_go_on(struct services_dir *dir)
{
    if (dir->is_ending)
        return;
    if (dir->state == SERVICES_APPLYING)
        load_entries(dir);
    else if (dir->state == SERVICES_REMOVING && dir->n_loads == 0)
        end_scan(dir);
}

void services_dir_settle(struct services_dir *dir)
{
    while (dir->state != SERVICES_IDLE && !dir->is_ending) {
        (void)worker_wait(dir->worker);
        engine_settle(dir->engine);
        if (dir->state == SERVICES_WAITING) {
            engine_forget_waiter(dir->engine, dir);
            remove_gone(dir);
        }
    }
}

void services_scan_done(struct services_dir *dir)
{
    struct services_file *file, *next;

    if (dir->state == SERVICES_WAITING)
        engine_forget_waiter(dir->engine, dir);
    free_entries(dir);
    HASH_ITER (hh, dir->files, file, next) {
        forget_file(dir, file);
    }
}
