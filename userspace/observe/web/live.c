/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rounds: when one begins, and whose turn it is in it. */
#include "observe/web/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/steady_writer.h"
#include "base/clock.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "observe/caller_totals.h"
#include "observe/totals.h"
#include "observe/web/live_internal.h"

#define LIVE_SLICE_NS    1000000
#define LIVE_TASKS_EVERY 2000 /* ms: the kernel is asked about each */

static uint64_t rest_ms(const struct live *live)
{
    return live->spent_ns / 1000000 * LIVE_REST;
}

static unsigned round_ms(const struct live *live)
{
    return live->settings.round_ms ? live->settings.round_ms : LIVE_ROUND_MS;
}

/* Also how long a stream sleeps. */
static unsigned early_ms(const struct live *live)
{
    return round_ms(live) < LIVE_EARLY_MS ? round_ms(live) : LIVE_EARLY_MS;
}

static bool is_due(const struct live *live, uint64_t now_ms)
{
    uint64_t passed = now_ms - live->began_ms;

    if (!live->has_begun)
        return true;
    if (passed < rest_ms(live) || passed < early_ms(live))
        return false;
    return passed >= round_ms(live) || engine_steps(live->settings.api->engine) != live->steps;
}

static int begin_live_round(struct live *live, uint64_t now_ms)
{
    const struct event_log *log = live->settings.api->events;

    if (!live->has_begun) {
        uint64_t newest = log ? event_log_newest(log) : 0;

        live->settled_events = newest > LIVE_EVENTS ? newest - LIVE_EVENTS : 0;
        live->has_begun = true;
        if (evbuffer_add_printf(live->out, "retry: 2000\n\n") < 0)
            return -ENOMEM;
    }
    live->began_ms = now_ms;
    live->spent_ns = 0;
    live->steps = engine_steps(live->settings.api->engine);
    live->event = live->settled_events;
    live_seen_begin_round(&live->seen);
    live->totals_round = totals_join(live->settings.totals);
    if (live->settings.callers)
        caller_totals_join(live->settings.callers);
    live_begin_noting(live, list_note_services);
    return 0;
}

static int end_live_round(struct live *live)
{
    const struct api *api = live->settings.api;

    return evbuffer_add_printf(
               live->out, "event: round\ndata: {\"atMs\":%llu,\"epoch\":\"%s\",\"revision\":%llu}\n\n",
               (unsigned long long)live->began_ms, api->events ? event_log_epoch(api->events) : "",
               (unsigned long long)engine_figures(api->engine).revision) < 0
               ? -ENOMEM
               : 0;
}

static int live_noting_step(struct live *live)
{
    int r = list_noting_piece(&live->noting);

    live->next = 0;
    return r;
}

/* As a writer returns. */
static int live_piece(struct live *live)
{
    uint64_t now_ms = clock_monotonic_ms();
    int r = 0;

    switch (live->stage) {
    case LIVE_WAITING:
        if (!is_due(live, now_ms))
            return (int)early_ms(live);
        r = begin_live_round(live, now_ms);
        break;
    case LIVE_LOOKING:
        r = totals_piece(live->settings.totals, live->totals_round, LIVE_SLICE / 4);
        break;
    case LIVE_LOOKING_AT_CALLERS:
        if (live->settings.callers)
            r = caller_totals_piece(live->settings.callers, LIVE_SLICE);
        break;
    case LIVE_NOTING_SERVICES:
    case LIVE_NOTING_ALIASES:
        r = live_noting_step(live);
        break;
    case LIVE_SERVICES:
        r = live_services_step(live);
        break;
    case LIVE_ALIASES:
        r = live_aliases_step(live);
        break;
    case LIVE_ENDPOINTS:
        r = live_endpoints_step(live);
        break;
    case LIVE_NOTING_TASKS:
        if (!live->settings.has_tasks || now_ms - live->tasks_ms < LIVE_TASKS_EVERY)
            live->stage = LIVE_TASKS; /* the next stage is the one behind it */
        else
            r = live_note_tasks(live);
        break;
    case LIVE_TASKS:
        r = live_tasks_step(live);
        break;
    case LIVE_CALLERS:
        r = live_callers_step(live);
        break;
    case LIVE_CANARIES:
        r = live_canaries_step(live);
        break;
    case LIVE_EVENTS_OF_LOG:
        r = live_events_step(live);
        break;
    case LIVE_STATUS:
        r = live_status_step(live);
        break;
    case LIVE_END:
        live->stage = LIVE_WAITING;
        r = end_live_round(live);
        return r < 0 ? r : (int)early_ms(live);
    }
    if (r == 0)
        live->stage++;
    return r < 0 ? r : 1;
}

static int live_write(void *user, struct evbuffer *out, size_t room)
{
    struct live *live = user;
    uint64_t since = clock_monotonic_ns();
    int r = 1;

    live->out = out;
    for (unsigned n = 0; n < LIVE_SLICE && r == 1; n++) {
        r = live_piece(live);
        if (evbuffer_get_length(out) >= room || clock_monotonic_ns() - since >= LIVE_SLICE_NS)
            break;
    }
    live->spent_ns += clock_monotonic_ns() - since;
    return r;
}

static void live_done(void *user)
{
    struct live *live = user;

    live_endpoints_done(&live->endpoints);
    live_seen_done(&live->seen);
    list_names_done(&live->noting.names);
    free(live->tasks);
    free(live->namespace_name);
    free(live->service);
    free(live);
}

int live_writer(const struct live_settings *settings, struct http_writer *ret_writer)
{
    struct live *live = calloc(1, sizeof(*live));
    const struct http_writer writer = {.write = live_write, .done = live_done, .user = live};

    if (!live)
        return -ENOMEM;
    live->settings = *settings;
    if (settings->service && settings->namespace_name) {
        live->namespace_name = strdup(settings->namespace_name);
        live->service = strdup(settings->service);
        if (!live->namespace_name || !live->service) {
            live_done(live);
            return -ENOMEM;
        }
    }
    return steady_writer_new(settings->api, &writer, ret_writer);
}
