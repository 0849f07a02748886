/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * GET /metrics over TCP, for a Prometheus that has no way to the control socket, and nothing else. Whoever reaches
 * the address reads it: names of namespaces, services and hosts are in it, and no secrets.
 */
#pragma once

#include <stdbool.h>

#include "observe/listener.h"
#include "observe/caller_totals.h"
#include "observe/totals.h"

struct api;

struct metrics_server_settings {
    struct event_base *base;
    struct api *api;
    const char *listen; /* "IP:PORT" or "off" */
    bool has_endpoints; /* metricsDetail */
    struct totals *totals;
    struct caller_totals *callers; /* NULL: nobody counts who calls whom */
};

struct metrics_server {
    struct metrics_server_settings settings;
    struct listener listener; /* its trouble is the server's */
};

/* -EINVAL, -ENOMEM and others with the sentence. */
int metrics_server_start(struct metrics_server *self, const struct metrics_server_settings *settings,
                         struct error *error);
void metrics_server_done(struct metrics_server *self); /* harmless on one that is all 0 */
