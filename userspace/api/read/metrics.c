/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * GET /metrics, slice by slice: the daemon's own figures, then each family of endpoints, which walks the
 * endpoint numbers, and at the end whether all of it is of the same endpoints. Between slices nothing of the
 * catalog is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/read/reads.h"
#include "api/read/steady_writer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "metrics/snapshot.h"
#include "model/endpoint_names.h"
#include "upkeep/outliers.h"

#define METRICS_SLICE_NS 1000000
#define METRICS_PACE     64 /* the clock is looked at after so many numbers */

struct metrics_walk {
    struct api *api;
    bool has_head;
    uint64_t revision, address_changes; /* as it began */
    unsigned family;
    uint32_t number; /* the next; 0: the family's header */
};

static struct metrics_endpoint metrics_describe(struct api *api, const struct instance *instance,
                                                bool with_stats)
{
    struct metrics_endpoint endpoint = {
        .namespace_name = instance->service->parent->name,
        .service = instance->service->name,
        .instance = instance_id(instance),
        .health = health_name(instance_health(instance)),
        .is_ejected = outliers_ejected_ms(api->outliers, instance->endpoint) > 0,
    };

    if (instance->external)
        (void)ip_address_format(&instance->address, endpoint.address);
    if (with_stats)
        (void)datapath_endpoint_stats(api->datapath, instance->endpoint, &endpoint.stats);
    if (endpoint.stats.established > endpoint.stats.closed)
        endpoint.open = endpoint.stats.established - endpoint.stats.closed;
    return endpoint;
}

bool metrics_of_endpoint(struct api *api, const struct metrics_text *out, unsigned family, uint32_t number)
{
    const struct instance *instance = engine_instance(api->engine, number);

    if (instance) {
        const struct metrics_endpoint endpoint =
            metrics_describe(api, instance, metrics_family_has_stats(family));

        metrics_write_endpoint(out, family, &endpoint);
    }
    return instance != NULL;
}

/* Returns whether there was an endpoint to be written. */
static bool write_number(struct metrics_walk *walk, const struct metrics_text *out)
{
    bool is_written = false;

    if (walk->number == 0)
        metrics_begin_family(out, walk->family);
    else
        is_written = metrics_of_endpoint(walk->api, out, walk->family, walk->number);
    if (walk->number++ >= engine_max_endpoints(walk->api->engine)) {
        walk->number = 0;
        walk->family++;
    }
    return is_written;
}

static void write_head(struct metrics_walk *walk, const struct metrics_text *out)
{
    walk->has_head = true;
    walk->revision = engine_figures(walk->api->engine).revision;
    walk->address_changes = engine_catalog(walk->api->engine)->n_address_changes;
    read_metrics_head(out, walk->api);
}

static void write_tail(struct metrics_walk *walk, const struct metrics_text *out)
{
    metrics_write_tail(out,
                       engine_figures(walk->api->engine).revision == walk->revision &&
                           engine_catalog(walk->api->engine)->n_address_changes == walk->address_changes);
}

/* Returns as a writer does. */
static int write_slice(struct metrics_walk *walk, const struct metrics_text *out, size_t room)
{
    uint64_t until = clock_monotonic_ns() + METRICS_SLICE_NS;
    unsigned n_written = 0;

    if (!walk->has_head)
        write_head(walk, out);
    for (unsigned n = 1; walk->family < METRICS_FAMILIES; n++) {
        n_written += write_number(walk, out);
        if (n_written == METRICS_SLICE_ENDPOINTS ||
            (n % METRICS_PACE == 0 && ((size_t)ftello(out->file) >= room || clock_monotonic_ns() >= until)))
            return 1;
    }
    write_tail(walk, out);
    return 0;
}

static int metrics_slice(void *user, struct evbuffer *out, size_t room)
{
    struct metrics_walk *walk = user;
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    int r;

    if (!file)
        return -ENOMEM;
    r = write_slice(walk, &(struct metrics_text){.file = file}, room);
    if (fclose(file) != 0 || evbuffer_add(out, text, size) < 0)
        return -ENOMEM;
    return r;
}

int metrics_writer(struct api *api, struct http_writer *ret_writer)
{
    struct metrics_walk *walk = calloc(1, sizeof(*walk));
    const struct http_writer writer = {.write = metrics_slice, .done = free, .user = walk};

    if (!walk)
        return -ENOMEM;
    walk->api = api;
    return steady_writer_new(api, &writer, ret_writer);
}

int read_metrics(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct http_writer writer;

    (void)ret_answer;
    if (metrics_writer(user, &writer) < 0)
        return error_set(error, ENOMEM, "out of memory");
    return control_call_stream(call, CONTROL_TEXT, &writer, error);
}
