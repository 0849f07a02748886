/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Cgroups that are tasks by their path: whatever matches a pattern is attached as it appears, and once more when it has gone
 * and come again. Nothing is ever detached for a pattern's sake, nor attached twice: what somebody detaches or attaches
 * otherwise stays so as long as that cgroup exists and the daemon runs.
 *
 * Directories that may hold a match are watched, and looked through when the kernel tells of a change there.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct event_base;
struct task_patterns;
struct tasks;

#define TASK_PATTERNS_MAX 64

/* Owned by whoever made it. */
struct task_pattern {
    char *cgroup; /* below the root; * ? [] stand for parts of a name, not for / */
    char *namespace_name;
    char *service; /* "": none */
};

/* -EINVAL: the error's field is `field` with the member behind it. */
int task_pattern_check(const struct task_pattern *pattern, const char *field, struct error *error);
void task_pattern_done(struct task_pattern *pattern);

/* After tasks have been adopted; patterns outlive it. What matches already is attached at once. NULL in *ret_patterns: there
 * is no pattern. -ENOMEM. */
int task_patterns_begin(struct event_base *base, struct tasks *tasks, const struct task_pattern *patterns,
                        size_t n, struct task_patterns **ret_patterns);
void task_patterns_end(struct task_patterns **patterns); /* NULL-safe; sets to NULL; tasks stay */
