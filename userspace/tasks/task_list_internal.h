/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A task's steps, of which attaching, adoption and sweeping are made. Private to tasks/. */
#pragma once

#include "tasks/task_list.h"

/* To the event log: what has happened to the task. */
void task_tell(struct tasks *tasks, const struct task *task, const char *what);

/* To the observer: put. */
void task_tell_observer(struct tasks *tasks, const struct task *task, pid_t pid);

/* NULL: no task has this cgroup. */
struct task *task_find(const struct tasks *tasks, uint64_t cgroup_id);

/* In the list, in no scope, with nothing in the kernel. NULL: no memory. */
struct task *task_new(struct tasks *tasks, const struct cgroup *cgroup);

/* Copies both. -ENOMEM: nothing has changed. */
int task_set_owner(struct task *task, const char *namespace_name, const char *service);

/* Its row of the map `tasks`. */
int task_write_entry(struct tasks *tasks, const struct task *task);

/* Entry, links, scope. -ENOSPC: maps.tasks. */
int task_put_on(struct tasks *tasks, struct task *task, struct error *error);

/* Whoever its connections are counted as, by its namespace and service (task_callers.c). Without room, as nobody in
 * particular. */
void task_set_caller(struct tasks *tasks, struct task *task);
void task_callers_sweep(struct tasks *tasks);

/* Out of the kernel, its hosts file and the list. Forgetting leaves the kernel as it is. */
void task_take_off(struct tasks *tasks, struct task *task);
void task_forget(struct tasks *tasks, struct task *task);
