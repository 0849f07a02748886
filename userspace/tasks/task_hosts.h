/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The hosts files of run tasks: RUN_DIR/hosts/TASK, bind-mounted over /etc/hosts by `svcconnect run`. */
#pragma once

#include "base/error.h"
#include "tasks/task_list.h"
#include "names/hosts_text.h"

struct engine;

/* Path of the task's hosts file. */
void task_hosts_path(const struct tasks *tasks, const struct task *task, char *ret_path, size_t size);

/* Writes it anew, in place. */
int task_hosts_write(struct tasks *tasks, const struct task *task, struct error *error);
void task_hosts_remove(const struct tasks *tasks, const struct task *task);

/* Rewrites those of the namespace's run tasks. */
void task_hosts_refresh(struct tasks *tasks, const char *namespace_name);

/*
 * The names that tasks of `client` ("": others) see in a namespace, with their addresses: client aliases
 * sorted by name, each once and followed by the names of services that lead there. free() frees it with the
 * names. -ENOMEM.
 */
int namespace_hosts_build(const struct engine *engine, const char *namespace_name, const char *client,
                          struct hosts_entry **ret_entries, size_t *ret_n);
