/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of a target's endpoints are in this host's zone, and what follows from it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/catalog.h"
#include "routing/table.h"
#include "routing/target_zones.h"

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

/* What stays in the zone of what this host sends to target t, ejected endpoints left out, by the shares that
 * table_shares() gives its candidates. NAN: nothing is sent, or nobody knows where this host is. */
double view_zones_kept(const struct alias_view *view, size_t t, const double *shares);

/* What zones do to a target, to be told of it and of its candidates also when the view is gone. */
struct view_zones_told {
    enum view_zone_outcome outcome;
    struct target_zones zones;
};

/* -ENOMEM. */
int view_zones_look(const struct alias_view *view, size_t t, struct view_zones_told *ret_told);

/* A sentence about the target. */
void view_zones_tell(const struct alias_view *view, size_t t, const struct view_zones_told *told,
                     char *ret_text, size_t size);

/* About one of its instances, whose candidate had `zone`; "": there is nothing to be told. Returns whether it is not
 * drawn for that. */
bool view_zones_tell_instance(const struct view_zones_told *told, const struct instance *instance,
                              uint8_t zone, char *ret_text, size_t size);
