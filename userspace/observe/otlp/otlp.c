/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/connection_log.h"
#include "observe/otlp/otlp_metrics.h"
#include "observe/totals.h"

#define PIECE         64u /* endpoints looked at at once */
#define TROUBLE_AFTER 3u  /* failures in a row: one may be a collector that starts anew */

static const struct timeval otlp_usual = {.tv_usec = 200000}, otlp_soon = {.tv_usec = 2000};

/* ---- what there is to send ---- */

/* Those that the log has no longer; of a batch under way nobody knows yet. */
static void drop_lost(struct otlp *otlp)
{
    uint64_t oldest = connection_log_oldest(otlp->settings.log);

    if (otlp->done + 1 >= oldest)
        return;
    otlp->counts.dropped += oldest - 1 - otlp->done;
    otlp->done = oldest - 1;
}

static const char *next_spans(struct otlp *otlp, char **ret_body)
{
    const struct connection_log *log = otlp->settings.log;

    drop_lost(otlp);
    if (log->newest - otlp->done < OTLP_BATCH && otlp->wanted <= otlp->done)
        return NULL;
    if (otlp_spans(&otlp->source, log, otlp->done, OTLP_BATCH, &otlp->batch) < 0 || !otlp->batch.body)
        return NULL;
    *ret_body = otlp->batch.body;
    otlp->batch.body = NULL;
    otlp->is_spans = true;
    return "/v1/traces";
}

static const char *next_metrics(struct otlp *otlp, char **ret_body)
{
    struct metrics_service services[OTLP_SERVICES];
    size_t n = 0, place = otlp->place;

    if (otlp->stage != OTLP_TELLING)
        return NULL;
    for (; place < otlp->settings.totals->n_services && n < OTLP_SERVICES; place++)
        n += totals_service(otlp->settings.totals, place, &services[n]);
    *ret_body = n > 0 ? otlp_metrics(&otlp->source, services, n, clock_wall_ms()) : NULL;
    if (!*ret_body) {
        otlp->stage = OTLP_RESTING;
        return NULL;
    }
    otlp->place_after = place;
    otlp->is_spans = false;
    return "/v1/metrics";
}

/* In turns, so that neither keeps the other waiting. */
static const char *otlp_next(void *user, char **ret_body)
{
    struct otlp *otlp = user;
    bool was_spans = otlp->is_spans;
    const char *path = was_spans ? next_metrics(otlp, ret_body) : next_spans(otlp, ret_body);

    if (path)
        return path;
    return was_spans ? next_spans(otlp, ret_body) : next_metrics(otlp, ret_body);
}

/* Metrics that were not taken are not sent again: the next ones tell the same sums. */
static void otlp_ended(void *user, enum otlp_end end, uint64_t rejected)
{
    struct otlp *otlp = user;
    uint64_t n = otlp->batch.n;

    otlp->counts.failed_requests += end != OTLP_TAKEN;
    if (!otlp->is_spans) {
        otlp->place = otlp->place_after;
        if (end != OTLP_TAKEN || otlp->place >= otlp->settings.totals->n_services)
            otlp->stage = OTLP_RESTING;
        return;
    }
    if (end == OTLP_LATER)
        return;
    if (end == OTLP_REFUSED || rejected > n)
        rejected = n;
    otlp->counts.sent += n - rejected;
    otlp->counts.dropped += rejected;
    otlp->done = otlp->batch.last;
}

/* ---- when ---- */

static void tick(struct otlp *otlp)
{
    uint64_t now = clock_monotonic_ms();

    if (now < otlp->tick_ms)
        return;
    otlp->tick_ms = now + (uint64_t)otlp->settings.interval_s * 1000;
    otlp->wanted = otlp->settings.log->newest;
    if (otlp->stage != OTLP_RESTING)
        return;
    otlp->stage = OTLP_LOOKING;
    otlp->round = totals_join(otlp->settings.totals);
}

/* While the catalog changes nobody can say whose an endpoint is. */
static void look_at_services(struct otlp *otlp)
{
    int r =
        engine_is_steady(otlp->settings.engine) ? totals_piece(otlp->settings.totals, otlp->round, PIECE) : 1;

    if (r > 0)
        return;
    otlp->place = 0;
    otlp->stage = r == 0 ? OTLP_TELLING : OTLP_RESTING;
}

void otlp_more(void *user)
{
    struct otlp *otlp = user;

    if (!otlp->sender.fetch)
        drop_lost(otlp);
    otlp_sender_look(&otlp->sender);
}

static void otlp_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct otlp *otlp = user;

    (void)fd;
    (void)what;
    tick(otlp);
    if (otlp->stage == OTLP_LOOKING)
        look_at_services(otlp);
    otlp_more(otlp);
    (void)event_add(otlp->timer, otlp->stage == OTLP_LOOKING ? &otlp_soon : &otlp_usual);
}

/* ---- begin and end ---- */

static void make_source(struct otlp *otlp)
{
    otlp->source.started_ms = clock_wall_ms();
    for (size_t i = 0; i < 2; i++)
        otlp->source.seed[i] = (uint64_t)random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX);
    if (gethostname(otlp->host, sizeof(otlp->host) - 1) < 0)
        (void)snprintf(otlp->host, sizeof(otlp->host), "unknown");
    otlp->source.host = otlp->host;
}

int otlp_begin(struct otlp *otlp, const struct otlp_settings *settings, struct error *error)
{
    const struct otlp_sender_settings sender = {
        .base = settings->base,
        .endpoint = settings->endpoint,
        .headers = &otlp->headers,
        .next = otlp_next,
        .ended = otlp_ended,
        .user = otlp,
    };
    int r = 0;

    *otlp = (struct otlp){.settings = *settings};
    if (strcmp(settings->endpoint, OTLP_OFF) == 0)
        return 0;
    make_source(otlp);
    if (strcmp(settings->headers_file, OTLP_OFF) != 0)
        r = otlp_headers_read(settings->headers_file, &otlp->headers, error);
    if (r < 0)
        return r;
    otlp->tick_ms = clock_monotonic_ms() + (uint64_t)settings->interval_s * 1000;
    otlp->timer = event_new(settings->base, -1, 0, otlp_on_timer, otlp);
    if (otlp_sender_begin(&otlp->sender, &sender) < 0 || !otlp->timer ||
        event_add(otlp->timer, &otlp_usual) < 0)
        return error_errno(error, ENOMEM, "starting");
    log_info("spans and metrics go to %s every %u s", settings->endpoint, settings->interval_s);
    return 0;
}

void otlp_done(struct otlp *otlp)
{
    if (otlp->timer)
        event_free(otlp->timer);
    otlp->timer = NULL;
    otlp_sender_done(&otlp->sender);
    otlp_headers_done(&otlp->headers);
}

bool otlp_trouble(const void *user, char *text, size_t size)
{
    const struct otlp *otlp = user;

    if (otlp->sender.failures < TROUBLE_AFTER)
        return false;
    (void)snprintf(text, size,
                   "the last %u requests to %s were not taken (%s), and %llu connections have been dropped: "
                   "start the collector there, or name another one (otlp.endpoint)",
                   otlp->sender.failures, otlp->settings.endpoint, otlp->sender.reason,
                   (unsigned long long)otlp->counts.dropped);
    return true;
}
