/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "tasks/task_list_internal.h"

#define SWEEPS_BETWEEN 10 /* looks at all rows */

/* Of so many rows or numbers, this many are enough to make room, and this many are left then. */
#define IS_SHORT(used, all) ((used) > (all) / 8 * 5)
#define LEFT(all)           ((all) / 2)

struct task_caller {
    uint32_t number;
    struct svc_caller_name name; /* the key, all of it */
    UT_hash_handle hh;
};

static void caller_name_make(struct svc_caller_name *ret_name, const char *namespace_name,
                             const char *service, const char *cgroup)
{
    *ret_name = (struct svc_caller_name){0};
    (void)snprintf(ret_name->namespace, sizeof(ret_name->namespace), "%s", namespace_name);
    (void)snprintf(ret_name->service, sizeof(ret_name->service), "%s", service);
    if (!*service)
        (void)snprintf(ret_name->cgroup, sizeof(ret_name->cgroup), "%s", cgroup);
}

static int add_caller(struct task_callers *callers, uint32_t number, const struct svc_caller_name *name)
{
    struct task_caller *caller;

    if (number == 0 || number > SVC_CALLER_NAMES || callers->by_number[number])
        return 0;
    caller = calloc(1, sizeof(*caller));
    if (!caller)
        return -ENOMEM;
    caller->number = number;
    caller->name = *name;
    HASH_ADD(hh, callers->by_name, name, sizeof(caller->name), caller);
    callers->by_number[number] = caller;
    callers->n++;
    if (number > callers->newest)
        callers->newest = number;
    return 0;
}

/* What is behind the NUL of a text is no part of the name. */
static int adopt_on_name(uint32_t number, const struct svc_caller_name *found, void *user)
{
    struct svc_caller_name name;

    caller_name_make(&name, found->namespace, found->service, found->cgroup);
    return add_caller(user, number, &name);
}

void task_callers_done(struct task_callers *callers)
{
    struct task_caller *caller, *next;

    HASH_ITER (hh, callers->by_name, caller, next) {
        HASH_DEL(callers->by_name, caller);
        free(caller);
    }
    free(callers->by_number);
    *callers = (struct task_callers){0};
}

int task_callers_adopt(struct task_callers *callers, struct datapath *datapath)
{
    task_callers_done(callers);
    callers->by_number = calloc(SVC_CALLER_NAMES + 1, sizeof(*callers->by_number));
    if (!callers->by_number)
        return -ENOMEM;
    callers->datapath = datapath;
    return datapath_each_caller_name(datapath, adopt_on_name, callers);
}

/* The next one in a row, so that a number is not given to another soon. 0: all are in use. */
static uint32_t free_number(struct task_callers *callers)
{
    if (callers->n >= SVC_CALLER_NAMES)
        return 0;
    do {
        callers->newest = callers->newest % SVC_CALLER_NAMES + 1;
    } while (callers->by_number[callers->newest]);
    return callers->newest;
}

uint32_t task_callers_number(struct task_callers *callers, const char *namespace_name, const char *service,
                             const char *cgroup)
{
    struct svc_caller_name name;
    struct task_caller *caller;
    uint32_t number;

    if (!callers->datapath)
        return 0;
    caller_name_make(&name, namespace_name, service, cgroup);
    HASH_FIND(hh, callers->by_name, &name, sizeof(name), caller);
    if (caller)
        return caller->number;
    number = free_number(callers);
    if (!number || datapath_put_caller_name(callers->datapath, number, &name) < 0)
        return 0;
    if (add_caller(callers, number, &name) < 0) {
        (void)datapath_delete_caller_name(callers->datapath, number);
        return 0;
    }
    return number;
}

const struct svc_caller_name *task_callers_name(const struct task_callers *callers, uint32_t number)
{
    const struct task_caller *caller =
        callers->by_number && number <= SVC_CALLER_NAMES ? callers->by_number[number] : NULL;

    return caller ? &caller->name : NULL;
}

/* ---- room ---- */

static bool is_living_caller(const bool *is_living, uint32_t number)
{
    return number <= SVC_CALLER_NAMES && is_living[number];
}

/* Rows first: while one bears the number, it is not given away. */
static void drop_ended(struct task_callers *callers, const bool *is_living)
{
    struct task_caller *caller, *next;

    for (uint32_t i = 1; i <= SVC_CALLERS; i++) {
        uint32_t number = datapath_caller(callers->datapath, i)->caller;

        if (number && !is_living_caller(is_living, number))
            datapath_drop_caller(callers->datapath, i);
    }
    HASH_ITER (hh, callers->by_name, caller, next) {
        if (is_living[caller->number])
            continue;
        (void)datapath_delete_caller_name(callers->datapath, caller->number);
        callers->by_number[caller->number] = NULL;
        callers->n--;
        HASH_DEL(callers->by_name, caller);
        free(caller);
    }
}

struct used_row {
    uint64_t connections;
    uint32_t number;
};

static int by_use(const void *a, const void *b)
{
    const struct used_row *left = a, *right = b;

    return (left->connections > right->connections) - (left->connections < right->connections);
}

/* Those in use, the least used first; how many. */
static uint32_t used_rows(const struct task_callers *callers, struct used_row *rows)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i <= SVC_CALLERS; i++) {
        const struct svc_caller *row = datapath_caller(callers->datapath, i);

        if (row->caller)
            rows[n++] = (struct used_row){row->connections, i};
    }
    qsort(rows, n, sizeof(*rows), by_use);
    return n;
}

void task_callers_make_room(struct task_callers *callers, const bool *is_living)
{
    _cleanup_free_ struct used_row *rows = calloc(SVC_CALLERS, sizeof(*rows));
    uint32_t n;

    if (!rows || !callers->datapath)
        return;
    n = used_rows(callers, rows);
    if (!IS_SHORT(n, SVC_CALLERS) && !IS_SHORT(callers->n, SVC_CALLER_NAMES))
        return;
    drop_ended(callers, is_living);
    n = used_rows(callers, rows);
    for (uint32_t i = 0; IS_SHORT(n, SVC_CALLERS) && n - i > LEFT(SVC_CALLERS); i++)
        datapath_drop_caller(callers->datapath, rows[i].number);
}

/* ---- tasks ---- */

void task_set_caller(struct tasks *tasks, struct task *task)
{
    int r;

    task->caller =
        task_callers_number(&tasks->callers, task->namespace_name, task->service, task->cgroup.path);
    r = datapath_set_caller(tasks->settings.datapath, task->cgroup.id, task->caller);
    if (r < 0 && r != -ENOENT)
        log_warning("task %s: its connections are counted as nobody's: %s", task->cgroup.path, strerror(-r));
}

void task_callers_sweep(struct tasks *tasks)
{
    _cleanup_free_ bool *is_living = NULL;
    const struct task *task;

    if (!tasks->callers.datapath || ++tasks->callers.sweeps % SWEEPS_BETWEEN != 0)
        return;
    is_living = calloc(SVC_CALLER_NAMES + 1, sizeof(*is_living));
    for (task = tasks->all; is_living && task; task = task->hh.next)
        is_living[task->caller] = true;
    if (is_living)
        task_callers_make_room(&tasks->callers, is_living);
}
