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
#include "model/names.h"
#include "model/service_names.h"

#define MAX_HOSTS_FILE (16u << 20)

void task_hosts_path(const struct tasks *tasks, const struct task *task, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/%s", tasks->settings.hosts_dir, task->link_name);
}

static int task_hosts_by_name(const void *a, const void *b)
{
    return strcmp(((const struct client_alias *)a)->dns_name, ((const struct client_alias *)b)->dns_name);
}

/* What the list is made of. */
struct parts {
    struct client_alias *aliases; /* sorted by name */
    size_t n_aliases;
    struct service_name *services; /* sorted by the name of their alias */
    size_t n_services;
    char **suffixes;
};

static void parts_done(struct parts *parts)
{
    free(parts->aliases);
    free(parts->services);
    free(parts->suffixes);
}

/* Those without an alias last. */
static int by_alias(const void *a, const void *b)
{
    const struct service_name *left = a;
    const struct service_name *right = b;
    int order = !left->alias || !right->alias ? !left->alias - !right->alias
                                              : strcmp(left->alias->dns_name, right->alias->dns_name);

    return order ? order : strcmp(left->name, right->name);
}

static int parts_read(const struct engine *engine, const char *namespace_name, const char *client,
                      struct parts *parts)
{
    int r = engine_names(engine, namespace_name, client, &parts->aliases, &parts->n_aliases);

    if (r == 0)
        r = service_names_list(catalog_namespace(engine_catalog(engine), namespace_name), &parts->services,
                               &parts->n_services);
    if (r == 0)
        r = engine_name_suffixes(engine, namespace_name, &parts->suffixes);
    if (r == 0 && parts->n_aliases)
        qsort(parts->aliases, parts->n_aliases, sizeof(*parts->aliases), task_hosts_by_name);
    if (r == 0)
        qsort(parts->services, parts->n_services, sizeof(*parts->services), by_alias);
    return r;
}

/* Room for entries and texts, of which some may not be needed. */
static struct hosts_entry *task_hosts_make_room(const struct parts *parts, char **ret_texts)
{
    size_t n = parts->n_aliases + 1;
    size_t texts = parts->n_aliases * SVC_DNS_NAME_SIZE;
    struct hosts_entry *entries;

    for (size_t i = 0; i < parts->n_services; i++) {
        size_t length = strlen(parts->services[i].name) + 1;

        n++;
        texts += length;
        for (char **suffix = parts->suffixes; *suffix; suffix++, n++)
            texts += length + strlen(*suffix) + 1;
    }
    entries = calloc(1, n * sizeof(*entries) + texts);
    if (entries)
        *ret_texts = (char *)(entries + n);
    return entries;
}

static bool task_hosts_is_alias(const struct parts *parts, const char *name)
{
    struct client_alias wanted = {0};

    if (strlen(name) >= sizeof(wanted.dns_name))
        return false;
    strcpy(wanted.dns_name, name);
    return bsearch(&wanted, parts->aliases, parts->n_aliases, sizeof(wanted), task_hosts_by_name) != NULL;
}

/* NAME and NAME.SUFFIX at the address of the entry before; not where a client alias has that name. */
static void task_hosts_add_service(const struct parts *parts, const char *name,
                                   const struct hosts_entry *first, struct hosts_entry *entries, size_t *n,
                                   char **texts)
{
    for (size_t i = 0; i == 0 || parts->suffixes[i - 1]; i++) {
        int length =
            i == 0 ? sprintf(*texts, "%s", name) : sprintf(*texts, "%s.%s", name, parts->suffixes[i - 1]);

        if (task_hosts_is_alias(parts, *texts) || length > MODEL_HOST_NAME_MAX)
            continue;
        entries[*n] = (struct hosts_entry){*texts, first->address, first->address6};
        (*n)++;
        *texts += length + 1;
    }
}

int namespace_hosts_build(const struct engine *engine, const char *namespace_name, const char *client,
                          struct hosts_entry **ret_entries, size_t *ret_n)
{
    const struct alias_range *range = engine_alias_range(engine);
    _cleanup_(parts_done) struct parts parts = {0};
    struct hosts_entry *entries;
    char *texts = NULL;
    size_t service = 0;
    size_t n = 0;
    int r = parts_read(engine, namespace_name, client, &parts);

    if (r < 0)
        return r;
    entries = task_hosts_make_room(&parts, &texts);
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < parts.n_aliases; i++) {
        const char *name = parts.aliases[i].dns_name;
        struct hosts_entry *first = &entries[n];
        uint32_t number;

        if ((i > 0 && strcmp(parts.aliases[i - 1].dns_name, name) == 0) ||
            engine_address(engine, name, &number) < 0)
            continue;
        *first = (struct hosts_entry){strcpy(texts, name), alias_range_address(range, number),
                                      alias_range_address6(range, number)};
        texts += strlen(name) + 1;
        n++;
        while (service < parts.n_services && parts.services[service].alias &&
               strcmp(parts.services[service].alias->dns_name, name) < 0)
            service++;
        for (; service < parts.n_services && parts.services[service].alias &&
               strcmp(parts.services[service].alias->dns_name, name) == 0;
             service++)
            task_hosts_add_service(&parts, parts.services[service].name, first, entries, &n, &texts);
    }
    *ret_entries = entries;
    *ret_n = n;
    return 0;
}

int task_hosts_write(struct tasks *tasks, const struct task *task, struct error *error)
{
    _cleanup_free_ struct hosts_entry *entries = NULL;
    _cleanup_free_ char *base = NULL;
    _cleanup_free_ char *text = NULL;
    char path[PATH_MAX];
    size_t n = 0;
    int r = file_read("/etc/hosts", MAX_HOSTS_FILE, &base, NULL);

    if (r < 0 && r != -ENOENT)
        return error_errno(error, r, "/etc/hosts");
    r = namespace_hosts_build(tasks->settings.engine, task->namespace_name, task->service, &entries, &n);
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
