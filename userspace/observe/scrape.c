/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "api/read/steady_writer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "metrics/snapshot.h"
#include "observe/alias_figures.h"
#include "observe/caller_totals.h"
#include "observe/totals.h"

#define SCRAPE_SLICE_NS 1000000

enum scrape_stage {
    SCRAPE_NOTING, /* the aliases */
    SCRAPE_SORTING,
    SCRAPE_LOOKING, /* at the endpoints */
    SCRAPE_LOOKING_AT_CALLERS,
    SCRAPE_HEAD,
    SCRAPE_SERVICES,
    SCRAPE_ALIASES,
    SCRAPE_CALLERS,
    SCRAPE_ENDPOINTS,
    SCRAPE_TAIL,
    SCRAPE_END,
};

struct scrape {
    struct scrape_settings settings;
    enum scrape_stage stage;
    struct list_noting noting;
    uint64_t round;
    unsigned family;
    size_t next; /* of the family: a service's place, an alias, an endpoint's number */
};

/* ---- aliases ---- */

static int write_alias(const struct scrape *scrape, const struct metrics_text *out)
{
    const struct list_key key = list_names_key(&scrape->noting.names, scrape->next);
    _cleanup_(alias_figures_done) struct alias_figures figures = {0};
    int r = alias_figures_make(scrape->settings.api, &key, scrape->family >= METRICS_ALIAS_SHARES, &figures);

    if (r > 0)
        metrics_write_alias(out, scrape->family, &figures.alias);
    return r < 0 ? r : 0;
}

/* ---- families ---- */

/* A family that has been written gives way to the next, and the last of its kind to the stage behind. */
static void end_family(struct scrape *scrape, unsigned n_families)
{
    scrape->next = 0;
    if (++scrape->family == n_families) {
        scrape->family = 0;
        scrape->stage++;
    }
}

static void scrape_services(struct scrape *scrape, const struct metrics_text *out)
{
    struct metrics_service service;

    if (scrape->next == 0)
        metrics_begin_service_family(out, scrape->family);
    if (totals_service(scrape->settings.totals, scrape->next, &service))
        metrics_write_service(out, scrape->family, &service);
    if (++scrape->next >= scrape->settings.totals->n_services)
        end_family(scrape, METRICS_SERVICE_FAMILIES);
}

static int scrape_aliases(struct scrape *scrape, const struct metrics_text *out)
{
    int r = 0;

    if (scrape->next == 0)
        metrics_begin_alias_family(out, scrape->family);
    if (scrape->next < scrape->noting.names.n)
        r = write_alias(scrape, out);
    if (++scrape->next >= scrape->noting.names.n)
        end_family(scrape, METRICS_ALIAS_FAMILIES);
    return r;
}

static void scrape_callers(struct scrape *scrape, const struct metrics_text *out)
{
    bool is_service = scrape->family >= METRICS_CALLER_SERVICES;
    struct metrics_caller caller;

    if (scrape->next == 0)
        metrics_begin_caller_family(out, scrape->family);
    if (caller_totals_sum(scrape->settings.callers, scrape->next, is_service, &caller))
        metrics_write_caller(out, scrape->family, &caller);
    if (++scrape->next >= scrape->settings.callers->n_sums)
        end_family(scrape, METRICS_CALLER_FAMILIES);
}

static void scrape_endpoints(struct scrape *scrape, const struct metrics_text *out)
{
    if (scrape->next == 0)
        metrics_begin_family(out, scrape->family);
    else
        metrics_of_endpoint(scrape->settings.api, out, scrape->family, (uint32_t)scrape->next);
    if (++scrape->next > engine_max_endpoints(scrape->settings.api->engine))
        end_family(scrape, METRICS_FAMILIES);
}

/* ---- slices ---- */

/* The next piece. 1: there is more; 0: that was all. */
static int scrape_piece(struct scrape *scrape, const struct metrics_text *out)
{
    int r = 0;

    switch (scrape->stage) {
    case SCRAPE_NOTING:
        r = list_noting_piece(&scrape->noting);
        break;
    case SCRAPE_SORTING:
        r = list_names_sort(&scrape->noting.names);
        if (r == 0)
            scrape->round = totals_join(scrape->settings.totals);
        if (r == 0 && scrape->settings.callers)
            caller_totals_join(scrape->settings.callers);
        break;
    case SCRAPE_LOOKING:
        r = totals_piece(scrape->settings.totals, scrape->round, SCRAPE_SLICE / 4);
        break;
    case SCRAPE_LOOKING_AT_CALLERS:
        if (scrape->settings.callers)
            r = caller_totals_piece(scrape->settings.callers, SCRAPE_SLICE);
        break;
    case SCRAPE_HEAD:
        read_metrics_head(out, scrape->settings.api);
        break;
    case SCRAPE_SERVICES:
        scrape_services(scrape, out);
        return 1;
    case SCRAPE_ALIASES:
        r = scrape_aliases(scrape, out);
        return r < 0 ? r : 1;
    case SCRAPE_CALLERS:
        if (scrape->settings.callers)
            scrape_callers(scrape, out);
        else
            scrape->stage = SCRAPE_ENDPOINTS;
        return 1;
    case SCRAPE_ENDPOINTS:
        if (scrape->settings.has_endpoints)
            scrape_endpoints(scrape, out);
        else
            scrape->stage = SCRAPE_TAIL;
        return 1;
    case SCRAPE_TAIL:
        metrics_write_tail(out, list_noting_is_same(&scrape->noting));
        metrics_text_end(out);
        return 0;
    case SCRAPE_END:
        return 0;
    }
    if (r == 0)
        scrape->stage++;
    return r < 0 ? r : 1;
}

static int scrape_slice(struct scrape *scrape, const struct metrics_text *out, size_t room)
{
    uint64_t until = clock_monotonic_ns() + SCRAPE_SLICE_NS;

    for (unsigned n = 0; n < SCRAPE_SLICE; n++) {
        int r = scrape_piece(scrape, out);

        if (r <= 0)
            return r;
        if ((size_t)ftello(out->file) >= room || clock_monotonic_ns() >= until)
            break;
    }
    return 1;
}

static int scrape_write(void *user, struct evbuffer *out, size_t room)
{
    struct scrape *scrape = user;
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    const struct metrics_text page = {.file = open_memstream(&text, &size),
                                      .is_openmetrics = scrape->settings.is_openmetrics};
    int r;

    if (!page.file)
        return -ENOMEM;
    r = scrape_slice(scrape, &page, room);
    if (fclose(page.file) != 0 || evbuffer_add(out, text, size) < 0)
        return -ENOMEM;
    return r;
}

static void scrape_done(void *user)
{
    struct scrape *scrape = user;

    list_names_done(&scrape->noting.names);
    free(scrape);
}

int scrape_writer(const struct scrape_settings *settings, struct http_writer *ret_writer)
{
    struct scrape *scrape = calloc(1, sizeof(*scrape));
    const struct http_writer writer = {.write = scrape_write, .done = scrape_done, .user = scrape};

    if (!scrape)
        return -ENOMEM;
    scrape->settings = *settings;
    scrape->noting = (struct list_noting){.engine = settings->api->engine, .note = alias_list.note};
    return steady_writer_new(settings->api, &writer, ret_writer);
}
