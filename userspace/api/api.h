/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The control API (docs/api.md): the table of its requests, and what they may know of the other rooms. Reads
 * show what is there; changes are jobs of the engine, and answer when their job is done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "control/control_server.h"
#include "model/alias_range.h"

struct connection_log;
struct containers;
struct datapath;
struct dns;
struct drains;
struct engine;
struct event_log;
struct externals;
struct histogram;
struct outliers;
struct policies;
struct policy_closing;
struct spill;
struct pins;
struct probes;
struct services_dir;
struct tasks;
struct worker;

/* What the status shows of the configuration; the texts belong to whoever made the struct and outlive it. */
struct api_settings {
    const char *registry;
    const char *state_dir;
    const char *run_dir;
    const char *bpffs;
    const char *cgroup_root;
    const char *alias_range_text;
    const char *alias_range6_text;
    struct alias_range alias_range;
    uint32_t max_aliases;
    uint32_t max_slots;
    uint32_t max_endpoints;
    uint32_t max_tasks;
    bool counts_callers;
    const char *connection_log; /* as it was set */
};

/* A room that this one does not know, and what may be wrong there: see aws_api_trouble(). */
#define API_TROUBLES 8
struct api_trouble {
    bool (*tell)(const void *user, char *text, size_t size); /* NULL: none */
    const void *user;
};

/* Filled by the daemon before the table is served; everything pointed to outlives the control server. */
struct api {
    struct api_settings settings;
    struct engine *engine;
    struct datapath *datapath;
    struct outliers *outliers;
    struct policies *const *policies; /* NULL: nobody minds who may call whom */
    struct policy_closing *policy_closing;
    struct spill *spill; /* NULL: nobody minds zones */
    struct probes *probes;
    const struct pins *pins; /* NULL: nobody watches them */
    struct drains *drains;
    struct externals *externals;
    struct dns *dns;
    struct tasks *tasks;
    struct event_log *events;
    const struct connection_log *connections; /* NULL, or zeroed: nothing is logged */
    struct services_dir *services_dir;
    struct worker *documents_worker;
    struct api_trouble troubles[API_TROUBLES];
    struct containers *const *containers; /* leads to NULL where no runtime is followed; NULL: the same */
    const struct metrics_otlp *otlp;      /* NULL: nothing goes to a collector */
    const struct histogram *loop_lag;     /* how late the loop was; NULL: nobody measures it */
    struct timespec started;              /* CLOCK_MONOTONIC */
    unsigned n_waiting_readers; /* private to read/steady_writer.c: that wait, or have not come for what
                                         has been written ahead; 0 at first */
};

/* For the control server: `user` is the struct api. What reads the catalog waits while jobs put their rows. */
extern const struct control_route api_requests[];
extern const struct control_gate api_gate;
