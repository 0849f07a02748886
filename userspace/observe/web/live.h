/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the page shows, as server-sent events (text/event-stream) that never end: in rounds of about a second, slice
 * by slice, and only what is another than this reader was told. Items are the control API's own (docs/api.md); those of
 * services have besides what is counted of them, those of aliases what the metrics tell of them.
 *
 *   event: service | alias | endpoint | task | caller | canary | event | status     data: the item
 *   event: again    data: {"kind": "service"}: some of them have gone, all that are left come anew
 *   event: round    data: {"atMs": of a clock that is never set, "epoch": of this daemon, "revision": of the registry}
 *
 * A reader puts together what comes until `round`, and shows it then.
 */
#pragma once

#include <stdbool.h>

#include "http/streams.h"

struct api;
struct totals;
struct caller_totals;

struct live_settings {
    struct api *api;
    struct totals *totals;
    struct caller_totals *callers;        /* NULL: nobody counts who calls whom */
    const char *namespace_name, *service; /* whose endpoints are told; copied; NULL: none's */
    bool has_all_endpoints; /* of all services, while they have no more than LIVE_MOST_ENDPOINTS */
    unsigned round_ms;      /* 0: LIVE_ROUND_MS */
    bool has_tasks;
    bool has_callers;
    bool has_status;
};

/* So many items end a slice, or about a millisecond. */
#define LIVE_SLICE 256u

#define LIVE_ROUND_MS       1000 /* from the beginning of one round to that of the next, at least, */
#define LIVE_EARLY_MS       200  /* unless something was changed meanwhile; */
#define LIVE_REST           10   /* and so many times as long as a round took */
#define LIVE_MOST_ENDPOINTS 1000
#define LIVE_EVENTS         200 /* of the newest a reader is told at first */

/* -ENOMEM. */
int live_writer(const struct live_settings *settings, struct http_writer *ret_writer);
