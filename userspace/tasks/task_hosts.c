/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "tasks/task_hosts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine.h"
#include "model/aliases.h"

#define MAX_HOSTS_FILE (16u << 20)

void task_hosts_path(const struct tasks *tasks, const struct task *task, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/%s", tasks->settings.hosts_dir, task->link_name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct client_alias *)a)->dns_name, ((const struct client_alias *)b)->dns_name);
}

int namespace_hosts_build(const struct engine *engine, const char *namespace_name, const char *client,
                          struct client_alias **ret_aliases, struct hosts_entry **ret_entries, size_t *ret_n)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    struct hosts_entry *entries;
    size_t n_aliases = 0;
    size_t n = 0;
    int r = engine_names(engine, namespace_name, client, &aliases, &n_aliases);

    if (r < 0)
        return r;
    entries = calloc(n_aliases + 1, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    if (n_aliases)
        qsort(aliases, n_aliases, sizeof(*aliases), by_name);
    for (size_t i = 0; i < n_aliases; i++) {
        uint32_t number;

        if ((n > 0 && strcmp(entries[n - 1].name, aliases[i].dns_name) == 0) ||
            engine_address(engine, aliases[i].dns_name, &number) < 0)
            continue;
        entries[n].name = aliases[i].dns_name;
        entries[n].address = alias_range_address(engine_alias_range(engine), number);
        entries[n++].address6 = alias_range_address6(engine_alias_range(engine), number);
    }
    *ret_aliases = TAKE_PTR(aliases);
    *ret_entries = entries;
    *ret_n = n;
    return 0;
}

int task_hosts_write(struct tasks *tasks, const struct task *task, struct error *error)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    _cleanup_free_ struct hosts_entry *entries = NULL;
    _cleanup_free_ char *base = NULL;
    _cleanup_free_ char *text = NULL;
    char path[PATH_MAX];
    size_t n = 0;
    int r = file_read("/etc/hosts", MAX_HOSTS_FILE, &base, NULL);

    if (r < 0 && r != -ENOENT)
        return error_errno(error, r, "/etc/hosts");
    r = namespace_hosts_build(tasks->settings.engine, task->namespace_name, task->service, &aliases, &entries,
                              &n);
    if (r == 0)
        r = hosts_text_build(base ? base : "", entries, n, &text);
    task_hosts_path(tasks, task, path, sizeof(path));
    if (r == 0)
        r = file_rewrite_in_place(path, 0644, text);
    return r < 0 ? error_errno(error, r, "hosts file %s", path) : 0;
}

void task_hosts_remove(const struct tasks *tasks, const struct task *task)
{
    char path[PATH_MAX];

    task_hosts_path(tasks, task, path, sizeof(path));
    (void)unlink(path);
}

void task_hosts_refresh(struct tasks *tasks, const char *namespace_name)
{
    struct task *task;

    for (task = tasks->all; task; task = task->hh.next) {
        struct error error = {0};

        if (!task->is_run || strcmp(task->namespace_name, namespace_name) != 0)
            continue;
        if (task_hosts_write(tasks, task, &error) < 0)
            log_warning("task %s keeps its old names: %s", task->cgroup.path, error.message);
    }
}
