/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The page of metrics, slice by slice: the daemon's own figures, services, client aliases, who calls whom, and where it is asked for
 * endpoints, each family in one piece.
 */
#pragma once

#include <stdbool.h>

#include "http/streams.h"

struct api;
struct caller_totals;
struct totals;

struct scrape_settings {
    struct api *api;
    struct totals *totals;
    struct caller_totals *callers; /* NULL: nobody counts who calls whom */
    bool is_openmetrics;
    bool has_endpoints;
};

/* So many services, aliases or endpoints end a slice, or about a millisecond. */
#define SCRAPE_SLICE 256u

/* -ENOMEM. */
int scrape_writer(const struct scrape_settings *settings, struct http_writer *ret_writer);
