/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The daemon: everything it owns, in one struct that its files share. The only place where stages meet. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

#include "canaries/canaries.h"
#include "containers/containers.h"
#include "control/control_server.h"
#include "api/api.h"
#include "aws_api/aws_api.h"
#include "aws_api/ecs/happenings.h"
#include "daemon/config.h"
#include "daemon/loop_watch.h"
#include "observe/connections.h"
#include "observe/metrics_server.h"
#include "observe/otlp/otlp.h"
#include "observe/web/web_server.h"
#include "dns/dns.h"
#include "upkeep/changes_told.h"
#include "upkeep/drains.h"
#include "daemon/surroundings.h"
#include "upkeep/liveness.h"
#include "upkeep/policies.h"
#include "upkeep/pins.h"
#include "events/connection_log.h"
#include "events/event_log.h"
#include "externals/externals.h"
#include "upkeep/outliers.h"
#include "engine/engine.h"
#include "apply/services_dir.h"
#include "upkeep/loads.h"
#include "upkeep/sights.h"
#include "upkeep/slow_start.h"
#include "tasks/task_list.h"
#include "upkeep/probes.h"
#include "upkeep/program_events.h"
#include "upkeep/spill.h"
#include "upkeep/policy_closing.h"
#include "upkeep/udp_closing.h"
#include "datapath/datapath.h"
#include "health/health.h"
#include "model/catalog.h"
#include "daemon/fleet_registry.h"
#include "daemon/host_zone.h"
#include "registry/registry.h"

struct daemon {
    int argc; /* the command line, for reloading */
    char **argv;
    struct config config;
    struct event_base *base;
    struct event *signals[3];
    struct event *grace_event;
    struct event *sweep_event;
    struct event *found_event; /* what was not there at the start is; NULL: all was */
    bool must_start_anew;
    struct loop_watch loop_watch;
    struct event *watchdog;      /* NULL: the service manager does not watch */
    int locks[3];                /* state, run and bpffs directory */
    struct fleet_registry fleet; /* where hosts share one */
    struct host_zone zone;
    struct engine *engine;
    struct datapath *datapath;
    struct outliers outliers;
    struct probes probes;
    struct slow_start slow_start;
    struct spill spill;
    struct sights sights;
    struct loads loads;
    struct drains drains;
    struct liveness *liveness;
    struct policies *policies;
    struct pins pins;
    struct surroundings surroundings;
    struct changes_told changes_told;
    struct canaries canaries;
    struct externals externals;
    struct udp_closing udp_closing;
    struct policy_closing policy_closing;
    struct program_events program_events;
    struct dns dns;
    struct tasks tasks;
    struct task_patterns *task_patterns; /* NULL: there are none */
    struct containers *containers;       /* NULL: no runtime is followed */
    struct worker *documents_worker;
    struct services_dir services_dir;
    struct event_log events;
    struct connection_log connection_log;
    struct connections connections;
    struct control_server *control;
    struct api api;
    struct ecs_happenings happenings;
    struct aws_api aws;
    struct totals totals;
    struct caller_totals caller_totals;
    struct metrics_server metrics;
    struct otlp otlp;
    struct web_server web;
    char *socket_path;
    char *hosts_dir;
    char *dns_path;
};

/* Everything up to a usable daemon; on failure what was pinned before still serves. */
int daemon_start(struct daemon *daemon, struct error *error);

/* Turns the loop until SIGTERM or SIGINT. */
int daemon_run(struct daemon *daemon);

/* Gives back memory, descriptors and the socket. Never detaches, never unpins. */
void daemon_done(struct daemon *daemon);
