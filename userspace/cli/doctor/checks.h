/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The list that `doctor` makes: what was looked at, how it is, what to do next. Host checks and daemon checks
 * add to it; command_doctor.c prints it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_WARNING,
    DOCTOR_PROBLEM,
    DOCTOR_STATES,
};

struct doctor_check {
    const char *name; /* a literal: "cgroup", "bpffs" */
    enum doctor_state state;
    char *finding;
    char *next; /* NULL: nothing to do */
};

struct doctor {
    struct doctor_check *checks;
    size_t count;
    bool lacked_memory;
};

/* `next` NULL: nothing to do. */
void doctor_add(struct doctor *doctor, const char *name, enum doctor_state state, const char *next,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

void doctor_done(struct doctor *doctor);

/* doctor_host.c: what can be seen without a daemon. `bpffs`: the daemon's directory if one
 * told, else NULL. */
void doctor_check_host(struct doctor *doctor, const char *bpffs);
void doctor_check_socket(struct doctor *doctor, const char *path);

/* doctor_daemon.c: from the API's documents. */
void doctor_check_status(struct doctor *doctor, const cJSON *status);
void doctor_check_tasks(struct doctor *doctor, const cJSON *document);
void doctor_check_services(struct doctor *doctor, const cJSON *document);

/* doctor/names.c: a task with a process and a name server; its texts live as long as the documents. */
struct doctor_place {
    char directory[512]; /* of its cgroup */
    int pid;             /* one of its processes */
    const char *server;  /* "192.0.2.53", or IPv6 */
    const char *cgroup;
    const char *container; /* "": none */
    const char *namespace_name;
};

/* From GET /v1/status and /v1/tasks; false: there is no such task. */
bool doctor_choose_task(const cJSON *status, const cJSON *document, struct doctor_place *ret_place);

/* Tries one of its namespace's names in it. From GET /v1/aliases of that. */
void doctor_check_names(struct doctor *doctor, const struct doctor_place *place, const cJSON *document);

/* doctor/containers.c: from GET /v1/containers, and sockets on this host. */
void doctor_check_containers(struct doctor *doctor, const cJSON *document);
