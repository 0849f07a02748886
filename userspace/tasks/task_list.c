/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "tasks/task_list.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "engine/change/job.h"
#include "engine/plan/scopes.h"
#include "tasks/task_hosts.h"

/* A second between sweeps; `run` puts its first process into the cgroup well within this many. */
#define EMPTY_SWEEPS 10

static void tell(struct daemon *daemon, const struct task *task, const char *what)
{
    event_log_add(&daemon->events, EVENT_TASK, task->namespace_name, task->service, NULL, "%s %s", what,
                  task->cgroup.path);
}

static void free_task(struct task *task)
{
    free(task->namespace_name);
    free(task->service);
    free(task);
}

void task_list_done(struct task_list *tasks)
{
    struct task *task, *next;

    HASH_ITER (hh, tasks->all, task, next) {
        HASH_DEL(tasks->all, task);
        free_task(task);
    }
}

static struct task *find_task(const struct daemon *daemon, uint64_t cgroup_id)
{
    struct task *task;

    HASH_FIND(hh, daemon->tasks.all, &cgroup_id, sizeof(cgroup_id), task);
    return task;
}

static struct task *new_task(struct daemon *daemon, const struct cgroup *cgroup)
{
    struct task *task = calloc(1, sizeof(*task));

    if (!task)
        return NULL;
    task->cgroup = *cgroup;
    cgroup_link_name(cgroup, task->link_name, sizeof(task->link_name));
    HASH_ADD(hh, daemon->tasks.all, cgroup.id, sizeof(task->cgroup.id), task);
    return task;
}

static void forget_task(struct daemon *daemon, struct task *task)
{
    task_hosts_remove(daemon, task);
    dns_task_remove(daemon, task);
    HASH_DEL(daemon->tasks.all, task);
    free_task(task);
}

/* Links first: from then on nothing is redirected, and the entry tells a next start what is left to do. */
static void take_off(struct daemon *daemon, struct task *task)
{
    int r = datapath_detach(daemon->datapath, task->link_name);

    if (r < 0)
        log_warning("task %s: unpinning its links, ignoring: %s", task->cgroup.path, strerror(-r));
    (void)datapath_delete_task(daemon->datapath, task->cgroup.id);
    forget_task(daemon, task);
}

static int write_entry(struct daemon *daemon, const struct task *task)
{
    struct svc_task entry = {.scope = task->scope, .flags = task->is_run ? SVC_TASK_RUN : 0};

    (void)snprintf(entry.cgroup, sizeof(entry.cgroup), "%s", task->cgroup.path);
    (void)snprintf(entry.namespace, sizeof(entry.namespace), "%s", task->namespace_name);
    (void)snprintf(entry.service, sizeof(entry.service), "%s", task->service);
    return datapath_put_task(daemon->datapath, task->cgroup.id, &entry);
}

/* Entry, links, scope: in this order, so that a start after a death in between finds what to complete. */
static int put_on(struct daemon *daemon, struct task *task, struct error *error)
{
    char path[PATH_MAX];
    int r = write_entry(daemon, task);

    if (r == -E2BIG)
        return error_set(error, ENOSPC, "all %u tasks are in use: raise maps.tasks and restart svcconnectd",
                         daemon->config.max_tasks);
    if (r < 0)
        return error_errno(error, r, "recording the task");
    cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, path, sizeof(path));
    r = datapath_attach(daemon->datapath, task->link_name, path, task->cgroup.id, error);
    if (r < 0)
        return r;
    r = datapath_set_scope(daemon->datapath, task->cgroup.id, task->scope, task->namespace_scope);
    if (r < 0)
        return error_errno(error, r, "%s: setting the scope", task->cgroup.path);
    task->is_attached = true;
    return 0;
}

/* A task whose cgroup has gone since the last sweep is in nobody's way. */
static int check_overlap(struct daemon *daemon, const struct cgroup *cgroup, struct error *error)
{
    struct task *task, *next;

    HASH_ITER (hh, daemon->tasks.all, task, next) {
        if (task->cgroup.id == cgroup->id || !cgroup_overlaps(task->cgroup.path, cgroup->path))
            continue;
        if (!cgroup_is_alive(daemon->config.cgroup_root, &task->cgroup)) {
            tell(daemon, task, "collected");
            take_off(daemon, task);
            continue;
        }
        (void)error_input(error, "cgroup", cgroup->path,
                          "a cgroup that is neither above nor below another task (%s is one)",
                          task->cgroup.path);
        error->number = EEXIST;
        return -EEXIST;
    }
    return 0;
}

static int set_owner(struct task *task, const char *namespace_name, const char *service)
{
    char *namespace_copy = strdup(namespace_name);
    char *service_copy = strdup(service);

    if (!namespace_copy || !service_copy) {
        free(namespace_copy);
        free(service_copy);
        return -ENOMEM;
    }
    free(task->namespace_name);
    free(task->service);
    task->namespace_name = namespace_copy;
    task->service = service_copy;
    return 0;
}

/* A restart reads both back from the kernel's map: what would be cut there would put the task elsewhere. */
static int check_lengths(const char *namespace_name, const char *service, struct error *error)
{
    if (strlen(namespace_name) >= SVC_NAMESPACE_SIZE)
        return error_input(error, "namespace", namespace_name,
                           "at most %d characters for the namespace of a task", SVC_NAMESPACE_SIZE - 1);
    if (strlen(service) >= SVC_SERVICE_SIZE)
        return error_input(error, "service", service, "at most %d characters for the service of a task",
                           SVC_SERVICE_SIZE - 1);
    return 0;
}

int task_attach(struct daemon *daemon, const char *cgroup_text, const char *namespace_name,
                const char *service, bool is_run, pid_t pid, struct task **ret_task, struct error *error)
{
    struct cgroup cgroup;
    struct task *task;
    bool is_new;
    uint32_t scope = 0;
    uint32_t namespace_scope = 0;
    int r = cgroup_resolve(daemon->config.cgroup_root, cgroup_text, &cgroup, error);

    if (r == 0)
        r = check_lengths(namespace_name, service, error);
    if (r == 0)
        r = check_overlap(daemon, &cgroup, error);
    if (r == 0)
        r = engine_scope_of_task(daemon->engine, namespace_name, service, &scope, &namespace_scope, error);
    if (r < 0)
        return r;
    engine_save_numbers(daemon->engine);
    task = find_task(daemon, cgroup.id);
    is_new = !task;
    if (is_new)
        task = new_task(daemon, &cgroup);
    if (!task || set_owner(task, namespace_name, service) < 0) {
        if (task && is_new)
            forget_task(daemon, task);
        return error_errno(error, ENOMEM, "attaching");
    }
    task->scope = scope;
    task->namespace_scope = namespace_scope;
    task->is_run = is_run;
    r = put_on(daemon, task, error);
    if (r == 0 && is_run)
        r = task_hosts_write(daemon, task, error);
    if (r < 0) {
        if (is_new)
            take_off(daemon, task);
        return r;
    }
    dns_task_put(daemon, task, pid);
    log_info("attached %s to namespace %s", task->cgroup.path, task->namespace_name);
    tell(daemon, task, "attached");
    *ret_task = task;
    return 0;
}

int task_detach(struct daemon *daemon, const char *cgroup_text, struct error *error)
{
    struct error ignored;
    struct cgroup cgroup;
    struct task *task = NULL;
    int r = cgroup_resolve(daemon->config.cgroup_root, cgroup_text, &cgroup, &ignored);

    if (r == 0) {
        task = find_task(daemon, cgroup.id);
    } else {
        for (task = daemon->tasks.all; task; task = task->hh.next)
            if (strcmp(task->cgroup.path, cgroup_text) == 0 ||
                (cgroup_text[0] != '/' && strcmp(task->cgroup.path + 1, cgroup_text) == 0))
                break;
    }
    if (!task)
        return error_set(error, ENOENT, "cgroup \"%.200s\" is not a task; svcconnect tasks lists them",
                         cgroup_text);
    log_info("detached %s", task->cgroup.path);
    tell(daemon, task, "detached");
    take_off(daemon, task);
    return 0;
}

void task_detach_all(struct daemon *daemon)
{
    struct task *task, *next;

    HASH_ITER (hh, daemon->tasks.all, task, next) {
        tell(daemon, task, "detached");
        take_off(daemon, task);
    }
    log_info("detached all tasks");
}

/* ---- adoption ---- */

struct found_task {
    uint64_t cgroup_id;
    struct svc_task entry;
    struct found_task *next;
};

static int on_task(uint64_t cgroup_id, const struct svc_task *entry, void *user)
{
    struct found_task **list = user;
    struct found_task *found = malloc(sizeof(*found));

    if (!found)
        return -ENOMEM;
    *found = (struct found_task){cgroup_id, *entry, *list};
    found->entry.cgroup[SVC_CGROUP_SIZE - 1] = '\0';
    found->entry.namespace[SVC_NAMESPACE_SIZE - 1] = '\0';
    found->entry.service[SVC_SERVICE_SIZE - 1] = '\0';
    *list = found;
    return 0;
}

/* In the kernel already as it should be: then nothing is written. */
static bool is_in_place(struct daemon *daemon, const struct task *task, const struct svc_task *entry)
{
    uint32_t scope, namespace_scope;

    return datapath_origin(daemon->datapath) == DATAPATH_ADOPTED && entry->scope == task->scope &&
           datapath_is_attached(daemon->datapath, task->link_name, task->cgroup.id) &&
           datapath_get_scope(daemon->datapath, task->cgroup.id, &scope, &namespace_scope) == 0 &&
           scope == task->scope && namespace_scope == task->namespace_scope;
}

/* Only what would lose a task is an error: no room for its entry. The rest is said, and the task stays as it
 * is. */
static int adopt_task(struct daemon *daemon, const struct found_task *found, struct error *ret_error)
{
    struct cgroup cgroup = {.id = found->cgroup_id};
    struct error error = {0};
    struct task *task;
    int r = 0;

    (void)snprintf(cgroup.path, sizeof(cgroup.path), "%s", found->entry.cgroup);
    task = cgroup.path[0] == '/' && cgroup.path[1] ? new_task(daemon, &cgroup) : NULL;
    if (!task || set_owner(task, found->entry.namespace, found->entry.service) < 0) {
        if (task)
            forget_task(daemon, task);
        return 0;
    }
    task->is_run = found->entry.flags & SVC_TASK_RUN;
    if (!cgroup_is_alive(daemon->config.cgroup_root, &cgroup)) {
        log_info("task %s has gone, removing what was pinned for it", cgroup.path);
        tell(daemon, task, "collected");
        take_off(daemon, task);
        return 0;
    }
    if (engine_scope_of_task(daemon->engine, task->namespace_name, task->service, &task->scope,
                             &task->namespace_scope, &error) < 0) {
        log_warning("task %s: %s", cgroup.path, error.message);
        return 0;
    }
    if (is_in_place(daemon, task, &found->entry))
        task->is_attached = true;
    else
        r = put_on(daemon, task, &error);
    if (r == -ENOSPC) {
        *ret_error = error;
        return r;
    }
    if (r < 0)
        log_warning("task %s stays as it is: %s", cgroup.path, error.message);
    if (task->is_run && task_hosts_write(daemon, task, &error) < 0)
        log_warning("task %s: %s", cgroup.path, error.message);
    return 0;
}

static int on_link(const char *name, void *user)
{
    struct daemon *daemon = user;
    uint64_t cgroup_id;

    if (cgroup_link_name_id(name, &cgroup_id) == 0 && find_task(daemon, cgroup_id))
        return 0;
    log_info("links/%s belongs to no task, removing it", name);
    (void)datapath_detach(daemon->datapath, name);
    return 0;
}

int task_list_adopt(struct daemon *daemon, struct error *error)
{
    struct found_task *list = NULL;
    int r = datapath_each_task(daemon->datapath, on_task, &list);

    for (struct found_task *found = list, *next; found; found = next) {
        next = found->next;
        if (r == 0)
            r = adopt_task(daemon, found, error);
        free(found);
    }
    if (r == 0)
        r = datapath_each_link(daemon->datapath, on_link, daemon);
    if (r < 0)
        return error->number ? r : error_errno(error, r, "reading the pinned tasks");
    engine_save_numbers(daemon->engine);
    return 0;
}

void task_list_rescope(struct daemon *daemon, const char *namespace_name)
{
    struct task *task;

    for (task = daemon->tasks.all; task; task = task->hh.next) {
        struct error error = {0};
        uint32_t scope, namespace_scope;

        if (strcmp(task->namespace_name, namespace_name) != 0 ||
            engine_scope_of_task(daemon->engine, task->namespace_name, task->service, &scope,
                                 &namespace_scope, &error) < 0 ||
            scope == task->scope)
            continue;
        task->scope = scope;
        /* The scope first: the entry only tells people, and a start puts it right. */
        if (datapath_set_scope(daemon->datapath, task->cgroup.id, scope, namespace_scope) < 0 ||
            write_entry(daemon, task) < 0)
            log_warning("task %s: its scope could not be changed", task->cgroup.path);
        if (task->is_run && task_hosts_write(daemon, task, &error) < 0)
            log_warning("task %s: %s", task->cgroup.path, error.message);
    }
}

void task_list_rescope_all(struct daemon *daemon)
{
    const struct task *task;

    for (task = daemon->tasks.all; task; task = task->hh.next) {
        struct error error = {0};

        task_list_rescope(daemon, task->namespace_name);
        dns_zones_mark(daemon, task->namespace_name);
        if (task->is_run && task_hosts_write(daemon, task, &error) < 0)
            log_warning("task %s keeps its old names: %s", task->cgroup.path, error.message);
    }
}

/* ---- sweeping ---- */

/* `run` was killed before it could clean up: its cgroup has stayed empty. */
static bool is_abandoned(struct daemon *daemon, struct task *task)
{
    unsigned processes = 1;

    if (!task->is_run ||
        cgroup_count_processes(daemon->config.cgroup_root, task->cgroup.path, &processes) < 0 ||
        processes > 0) {
        task->empty_sweeps = 0;
        return false;
    }
    return ++task->empty_sweeps >= EMPTY_SWEEPS;
}

void task_list_sweep(struct daemon *daemon)
{
    struct task *task, *next;

    HASH_ITER (hh, daemon->tasks.all, task, next) {
        if (!cgroup_is_alive(daemon->config.cgroup_root, &task->cgroup)) {
            log_info("task %s has gone, removing what was pinned for it", task->cgroup.path);
            tell(daemon, task, "collected");
            take_off(daemon, task);
        } else if (is_abandoned(daemon, task)) {
            log_info("task %s was left empty by svcconnect run, removing it", task->cgroup.path);
            tell(daemon, task, "collected");
            (void)cgroup_remove(daemon->config.cgroup_root, task->cgroup.path);
            take_off(daemon, task);
        }
    }
}

/* ---- following changes ---- */

static void follow_scopes_changed(void *user, const char *namespace_name)
{
    if (namespace_name)
        task_list_rescope(user, namespace_name);
    else
        task_list_rescope_all(user);
}

static void follow_names_changed(void *user, const char *namespace_name)
{
    task_hosts_refresh(user, namespace_name);
}

static int follow_moved(void *user, struct error *error)
{
    return task_list_adopt(user, error);
}

const struct engine_follower task_list_follower = {
    .scopes_changed = follow_scopes_changed,
    .names_changed = follow_names_changed,
    .moved = follow_moved,
};
