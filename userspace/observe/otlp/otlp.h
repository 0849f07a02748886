/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections as spans and services as metrics, to a collector of OpenTelemetry: in batches, every few seconds or when
 * there are many. What waits to be sent is the log of connections itself: what it has no room for before somebody takes it
 * is dropped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/snapshot.h"
#include "observe/otlp/otlp_sender.h"
#include "observe/otlp/otlp_spans.h"

struct connection_log;
struct engine;
struct event;
struct event_base;
struct totals;

#define OTLP_OFF      "off"
#define OTLP_BATCH    256u /* connections of one request, some 300 KB */
#define OTLP_SERVICES 64u  /* services of one request, some 300 KB */

struct otlp_settings {
    struct event_base *base;
    struct engine *engine;
    struct totals *totals;            /* begun, if it is on */
    const struct connection_log *log; /* may be zeroed: nothing is logged */
    const char *endpoint;             /* a URL, or OTLP_OFF */
    const char *headers_file;         /* OTLP_OFF: none */
    uint32_t interval_s;
};

enum otlp_stage {
    OTLP_RESTING,
    OTLP_LOOKING, /* at the services: a round of the totals is under way */
    OTLP_TELLING, /* of the services that it found */
};

struct otlp {
    struct otlp_settings settings;
    struct otlp_source source;
    struct otlp_headers headers;
    struct otlp_sender sender;
    struct event *timer; /* NULL: off */
    uint64_t tick_ms;    /* when the interval ends: CLOCK_MONOTONIC */
    enum otlp_stage stage;
    uint64_t round;
    size_t place, place_after; /* services told, and told with the request under way */
    bool is_spans;             /* what is under way, or was sent last */
    uint64_t done;             /* connections up to this number are sent or dropped */
    uint64_t wanted;           /* and up to this one they are to be sent now */
    struct otlp_batch batch;   /* under way, without its body */
    struct metrics_otlp counts;
    char host[256];
};

/* The texts stay good until otlp_done(). -EINVAL, -EACCES, -ENOMEM and others with the sentence. */
int otlp_begin(struct otlp *otlp, const struct otlp_settings *settings, struct error *error);
void otlp_done(struct otlp *otlp); /* harmless on one that is all 0 */

/* There are more connections in the log, which may be enough for a batch: `user` is the struct otlp. */
void otlp_more(void *user);

/* For struct api_trouble: `user` is the struct otlp. */
bool otlp_trouble(const void *user, char *text, size_t size);
