/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Daemon checks: documents of the API in, findings out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/doctor/checks.h"
#include "cli/text.h"

#define FULL_PERCENT 80
#define LATE_P99_MS  20
#define LATE_MOST_MS 1000
#define SHOWN_MAX    10 /* findings of one kind; the rest is counted */

/* A command that can be pasted: each word as a shell takes it, up to NULL. The caller frees it; NULL: no memory. */
static char *shell_command(const char *const *words)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    for (size_t i = 0; words[i]; i++) {
        if (i > 0)
            (void)fputc(' ', out);
        text_write_word(out, words[i]);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void check_state(struct doctor *doctor, const cJSON *status)
{
    const char *state = text_member(status, "state");
    const char *version = text_member(status, "version");
    const cJSON *sentence;

    if (strcmp(state, "ok") == 0)
        doctor_add(doctor, "daemon", DOCTOR_OK, NULL, "svcconnectd %s runs, pid %" PRIu64, version,
                   text_number(status, "pid"));
    else
        doctor_add(doctor, "daemon", DOCTOR_WARNING, "see the warnings below and the daemon's log",
                   "svcconnectd %s runs, its state is %s", version, state);
    cJSON_ArrayForEach (sentence, text_child(status, "degraded")) {
        if (cJSON_IsString(sentence))
            doctor_add(doctor, "daemon", DOCTOR_WARNING, NULL, "%s", sentence->valuestring);
    }
    if (strcmp(version, SVC_VERSION) != 0)
        doctor_add(doctor, "version", DOCTOR_WARNING,
                   "install the same version of both, then restart the daemon",
                   "this is svcconnect %s, the daemon is %s", SVC_VERSION, version);
}

static void check_kernel(struct doctor *doctor, const cJSON *status)
{
    uint64_t inconsistent = text_number(text_child(status, "counters"), "inconsistent");

    if (!text_is_true(text_child(status, "kernel"), "setRetval"))
        doctor_add(doctor, "refusal", DOCTOR_WARNING,
                   "update to kernel 5.18 or later if clients depend on it",
                   "connects without an endpoint fail with EPERM instead of ECONNREFUSED");
    if (inconsistent)
        doctor_add(doctor, "reads", DOCTOR_WARNING, "report it: this should not happen",
                   "%" PRIu64 " connects were refused because a table changed under them again and again",
                   inconsistent);
}

static void daemon_check_registry(struct doctor *doctor, const cJSON *status)
{
    const cJSON *registry = text_child(status, "registry");
    const char *state = text_member(registry, "state");

    if (!*state)
        return; /* of a daemon that does not know */
    if (strcmp(state, "ok") == 0)
        doctor_add(doctor, "registry", DOCTOR_OK, NULL, "it is the one that what is published came from");
    else
        doctor_add(
            doctor, "registry", DOCTOR_PROBLEM,
            strcmp(state, "lost") == 0 ? "see that the members of the etcd can be reached from this host"
            : strcmp(state, "empty") == 0
                ? "mount the state directory that was there before and restart the daemon; to go on "
                  "with the empty one: svcconnect registry accept, or start it with --adopt-empty"
                : "bring the right registry back and restart the daemon, or: svcconnect registry accept",
            "%s", text_member(registry, "reason"));
}

static void daemon_check_fleet(struct doctor *doctor, const cJSON *status)
{
    const cJSON *fleet = text_child(text_child(status, "registry"), "fleet");

    if (text_is_true(fleet, "mayLoseDeletions"))
        doctor_add(doctor, "etcd", DOCTOR_WARNING, "update it to 3.4.36, 3.5.18 or later",
                   "etcd %s may lose deletions (etcd#19179, #18089): until the next audit a host can keep an "
                   "endpoint "
                   "that has gone",
                   text_member(fleet, "version"));
    if (text_number(fleet, "auditDifferences"))
        doctor_add(doctor, "etcd", DOCTOR_WARNING,
                   "update etcd, and look at what is between it and this host",
                   "%" PRIu64 " rows were not what etcd had told of them; they were put right",
                   text_number(fleet, "auditDifferences"));
}

static void check_maps(struct doctor *doctor, const cJSON *status)
{
    const cJSON *maps = text_child(status, "maps");
    bool has_room = cJSON_GetArraySize(maps) > 0;
    const cJSON *map;

    cJSON_ArrayForEach (map, maps) {
        uint64_t used = text_number(map, "used");
        uint64_t max = text_number(map, "max");
        char next[128];

        if (max == 0 || used <= max / 100 * FULL_PERCENT + max % 100 * FULL_PERCENT / 100)
            continue;
        has_room = false;
        (void)snprintf(next, sizeof(next), "raise the setting %s and restart the daemon",
                       text_member(map, "setting"));
        doctor_add(doctor, "maps", DOCTOR_WARNING, next,
                   "%s is %" PRIu64 " %% full (%" PRIu64 "/%" PRIu64 ")", text_member(map, "name"),
                   used * 100 / max, used, max);
    }
    if (has_room)
        doctor_add(doctor, "maps", DOCTOR_OK, NULL, "every map is at most %d %% full", FULL_PERCENT);
}

static void check_pins(struct doctor *doctor, const cJSON *status)
{
    const cJSON *pins = text_child(status, "pins");
    uint64_t put_back = text_number(pins, "putBack");

    if (!pins)
        return; /* an older daemon */
    if (put_back)
        doctor_add(doctor, "pins", DOCTOR_WARNING,
                   "find out who removes files there; svcconnect events has each time",
                   "%" PRIu64 " pins under %s were removed by somebody and put back, the last at %s",
                   put_back, text_member(text_child(status, "directories"), "bpffs"),
                   text_member(pins, "putBackAt"));
    else
        doctor_add(doctor, "pins", DOCTOR_OK, NULL, "nobody has removed one since the daemon started");
}

/* Names, changes and findings of checks all wait for the loop; connects of tasks do not. */
static void check_loop(struct doctor *doctor, const cJSON *status)
{
    const cJSON *p99 = text_child(text_child(status, "loop"), "lagP99Ms");
    const cJSON *most = text_child(text_child(status, "loop"), "lagMaxMs");

    if (!cJSON_IsNumber(p99) || !cJSON_IsNumber(most))
        return; /* an older daemon */
    if (p99->valuedouble > LATE_P99_MS)
        doctor_add(
            doctor, "loop", DOCTOR_WARNING,
            "look for a lack of processor time (/proc/pressure/cpu, CPUQuota of its unit, top), then for "
            "what asks it so much: scrapes, lists, changes",
            "in 1 %% of its time the daemon is more than %d ms late (p99 %.3g ms): so long names and "
            "changes wait; connects do not",
            LATE_P99_MS, p99->valuedouble);
    if (most->valuedouble > LATE_MOST_MS)
        doctor_add(
            doctor, "loop", DOCTOR_WARNING,
            "if nobody stopped it or this host, look in the log and in the metric "
            "svcconnect_loop_lag_seconds for when it was; a restart forgets it",
            "since its start the daemon was once %.3g ms late: resolvers of tasks may have asked again",
            most->valuedouble);
    if (p99->valuedouble <= LATE_P99_MS && most->valuedouble <= LATE_MOST_MS)
        doctor_add(doctor, "loop", DOCTOR_OK, NULL,
                   "at most %.3g ms late 99 %% of the time, %.3g ms at the worst", p99->valuedouble,
                   most->valuedouble);
}

void doctor_check_status(struct doctor *doctor, const cJSON *status)
{
    check_state(doctor, status);
    check_kernel(doctor, status);
    daemon_check_registry(doctor, status);
    daemon_check_fleet(doctor, status);
    check_maps(doctor, status);
    check_pins(doctor, status);
    check_loop(doctor, status);
}

void doctor_check_tasks(struct doctor *doctor, const cJSON *document)
{
    const cJSON *tasks = text_child(document, "tasks");
    int bad = 0;
    const cJSON *task;

    cJSON_ArrayForEach (task, tasks) {
        const char *state = text_member(task, "state");
        const char *service = text_member(task, "service");
        const char *const words[] = {"svcconnect",
                                     "attach",
                                     "--cgroup",
                                     text_member(task, "cgroup"),
                                     "-n",
                                     text_member(task, "namespace"),
                                     *service ? "--service" : NULL,
                                     service,
                                     NULL};
        _cleanup_free_ char *next = NULL;

        if (strcmp(state, "attached") == 0 || ++bad > SHOWN_MAX)
            continue;
        next = shell_command(words);
        doctor_add(doctor, "tasks", DOCTOR_PROBLEM, next, "%s is %s: not all of its connects are redirected",
                   text_member(task, "cgroup"), state);
    }
    if (bad > SHOWN_MAX)
        doctor_add(doctor, "tasks", DOCTOR_PROBLEM, "svcconnect tasks", "and %d more", bad - SHOWN_MAX);
    if (bad == 0)
        doctor_add(doctor, "tasks", DOCTOR_OK, NULL, "%d attached", cJSON_GetArraySize(tasks));
}

void doctor_check_services(struct doctor *doctor, const cJSON *document)
{
    const cJSON *services = text_child(document, "services");
    int bad = 0;
    const cJSON *service;

    cJSON_ArrayForEach (service, services) {
        const char *namespace_name = text_member(service, "namespace");
        const char *const words[] = {"svcconnect", "endpoints", "-n", namespace_name, NULL};
        _cleanup_free_ char *command = NULL;
        _cleanup_free_ char *next = NULL;

        if (text_number(service, "eligible") > 0 || ++bad > SHOWN_MAX)
            continue;
        command = shell_command(words);
        if (command && asprintf(&next, "%s shows their health and weight", command) < 0)
            next = NULL;
        doctor_add(doctor, "services", DOCTOR_WARNING, next,
                   "%s in %s has no eligible endpoint (%" PRIu64 " instances)", text_member(service, "name"),
                   namespace_name, text_number(service, "instances"));
    }
    if (bad > SHOWN_MAX)
        doctor_add(doctor, "services", DOCTOR_WARNING, "svcconnect services", "and %d more", bad - SHOWN_MAX);
    if (bad == 0)
        doctor_add(doctor, "services", DOCTOR_OK, NULL, "%d, each with an eligible endpoint",
                   cJSON_GetArraySize(services));
}
