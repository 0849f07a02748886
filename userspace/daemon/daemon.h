/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The daemon: everything it owns, in one struct that its files share. The only place where stages meet. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

#include "canaries/canaries.h"
#include "control/control_server.h"
#include "aws_api/aws_api.h"
#include "daemon/config.h"
#include "dns/dns.h"
#include "upkeep/drains.h"
#include "events/event_log.h"
#include "externals/externals.h"
#include "upkeep/outliers.h"
#include "engine/engine.h"
#include "apply/services_dir.h"
#include "upkeep/slow_start.h"
#include "tasks/task_list.h"
#include "upkeep/udp_closing.h"
#include "datapath/datapath.h"
#include "health/health.h"
#include "model/catalog.h"
#include "registry/registry.h"

struct daemon {
    int argc; /* the command line, for reloading */
    char **argv;
    struct config config;
    struct event_base *base;
    struct event *signals[3];
    struct event *grace_event;
    struct event *sweep_event;
    struct event *program_event; /* of the programs */
    uint64_t events_lost;        /* of theirs, as was last told */
    int locks[3];                /* state, run and bpffs directory */
    struct engine *engine;
    struct datapath *datapath;
    struct outliers outliers;
    struct health *health;
    uint32_t n_refused;    /* as was last told: endpoints whose commands are not run */
    bool is_weak_observer; /* as was last told: its own trouble is the likelier cause of failing checks */
    struct slow_start slow_start;
    struct drains drains;
    struct canaries canaries;
    struct externals externals;
    struct udp_closing udp_closing;
    struct dns dns;
    struct task_list tasks;
    struct services_dir services_dir;
    struct event_log events;
    struct control_server *control;
    struct aws_api aws;
    char *socket_path;
    char *hosts_dir;
    struct timespec started; /* CLOCK_MONOTONIC */
};

/* Everything up to a usable daemon; on failure what was pinned before still serves. */
int daemon_start(struct daemon *daemon, struct error *error);

/* Turns the loop until SIGTERM or SIGINT. */
int daemon_run(struct daemon *daemon);

/* Gives back memory, descriptors and the socket. Never detaches, never unpins. */
void daemon_done(struct daemon *daemon);

/* The request table (requests.c), for the control server. */
extern const struct control_route daemon_requests[];
