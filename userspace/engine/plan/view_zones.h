/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of a target's endpoints are in this host's zone, and what follows from it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/catalog.h"
#include "routing/table.h"

struct alias_view;

enum view_zone_outcome {
    VIEW_ZONE_UNKNOWN, /* nobody knows where this host is */
    VIEW_ZONE_OFF,
    VIEW_ZONE_ONLY,   /* endpoints elsewhere are not drawn */
    VIEW_ZONE_PREFER, /* `table` says how; with too few endpoints in a family it says nothing */
    VIEW_ZONE_NONE,   /* would be preferred, and nothing is in it */
    VIEW_ZONE_ALL,    /* everything is in it */
    VIEW_ZONE_PANIC,  /* too few are healthy to mind zones */
};

/* Of one target. */
struct view_zones {
    struct table_zones table;
    uint32_t clients[TABLE_MAX_ZONES];
    const struct catalog_zone *names[TABLE_MAX_ZONES]; /* NULL: of those who know none, or of several */
};

/* Of the view's target t, whose candidates are filled. -ENOMEM. */
int view_zones_fill(struct alias_view *view, size_t t);

/* Not drawn because it is elsewhere? */
bool view_zones_is_shut(const struct alias_view *view, size_t t, size_t c);

/* Health is not minded any more: nor are zones, but for those that are shut. */
void view_zones_panic(struct alias_view *view, size_t t);

/* What stays in the zone of what this host sends, ejected endpoints left out, by the shares of table_shares(). NAN:
 * nothing is sent, or nobody knows where this host is. */
double view_zones_kept(const struct alias_view *view, const double *shares);
