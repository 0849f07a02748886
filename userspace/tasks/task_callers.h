/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * As whom the connections of tasks are counted (svcconnect/callers.h): a number for each client service of a
 * namespace, and for each task without one. Numbers and names are the kernel's to keep, so that what was counted
 * of a task that has ended still has a name at the next start. One that is needed no more is given to others when
 * room is short.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <svcconnect/callers.h>

struct datapath;
struct task_caller;

struct task_callers {
    struct datapath *datapath; /* NULL: not adopted yet, nobody has a number */
    struct task_caller *by_name;
    struct task_caller **by_number; /* SVC_CALLER_NAMES + 1 of them */
    uint32_t n;
    uint32_t newest;
    unsigned sweeps;
};

/* Once, or again: what names the kernel has. -ENOMEM */
int task_callers_adopt(struct task_callers *callers, struct datapath *datapath);
void task_callers_done(struct task_callers *callers);

/* The client's number, a new one if it has none; `cgroup` matters where there is no service. 0: there is no room. */
uint32_t task_callers_number(struct task_callers *callers, const char *namespace_name, const char *service,
                             const char *cgroup);

/* Whose number it is; NULL: nobody's. */
const struct svc_caller_name *task_callers_name(const struct task_callers *callers, uint32_t number);

/* Where rows or numbers are short: those of whom `is_living` says no go, and then the rows least used. */
void task_callers_make_room(struct task_callers *callers, const bool *is_living);
