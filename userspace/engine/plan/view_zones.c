/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the zones of instances and the settings of their service to what routing shares by. */
#include "engine/plan/view_zones.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"
#include "settings/zone_clients.h"

/* Of clients where nothing is registered. */
static const struct catalog_zone nowhere;

static const struct catalog_zone *host_zone(const struct alias_view *view, size_t t)
{
    return view->services[t]->parent->catalog->host_zone;
}

static bool view_zones_is_here(const struct alias_view *view, size_t t, size_t c)
{
    const struct catalog_zone *zone = view->instances[t][c]->zone;

    return zone && zone == host_zone(view, t);
}

bool view_zones_is_shut(const struct alias_view *view, size_t t, size_t c)
{
    return view->zone_outcomes[t] == VIEW_ZONE_ONLY && !view_zones_is_here(view, t, c);
}

static void shut(struct alias_view *view, size_t t)
{
    for (size_t c = 0; c < view->targets[t].n_candidates; c++)
        if (view_zones_is_shut(view, t, c))
            view->candidates[t][c].is_eligible = false;
}

/* Its place, a new one if it has none and there is room. */
static uint8_t view_zones_place(struct view_zones *zones, const struct catalog_zone *zone)
{
    size_t z = 0;

    while (z < zones->table.n && zones->names[z] != zone)
        z++;
    if (z == zones->table.n) {
        if (z == TABLE_MAX_ZONES) {
            zones->names[z - 1] = NULL;
            return (uint8_t)(z - 1);
        }
        zones->names[z] = zone;
        zones->table.n++;
    }
    return (uint8_t)z;
}

/* By number of endpoint, so that the same catalog gives the same order. Returns how many are in the host's zone. */
static size_t place_candidates(struct alias_view *view, size_t t, struct view_zones *zones)
{
    size_t n_here = 0;

    zones->table.n = 1;
    zones->names[ZONE_OWN] = host_zone(view, t);
    for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
        struct table_candidate *candidate = &view->candidates[t][c];

        if (!candidate->is_present || candidate->weight == 0)
            continue;
        candidate->zone = view_zones_place(zones, view->instances[t][c]->zone);
        n_here += candidate->zone == ZONE_OWN;
    }
    return n_here;
}

/* Clients may be in zones that nothing of the service is in. */
static void place_clients(const struct alias_view *view, size_t t, const char *text, struct view_zones *zones)
{
    const struct catalog *catalog = view->services[t]->parent->catalog;
    struct zone_clients told[ZONE_CLIENTS_ZONES];
    size_t n = 0;

    if (!text || zone_clients_parse(text, told, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        char name[ZONE_NAME_MAX + 1] = "";
        const struct catalog_zone *zone;

        memcpy(name, told[i].name, told[i].length);
        zone = catalog_zone(catalog, name);
        zones->clients[view_zones_place(zones, zone ? zone : &nowhere)] += told[i].number;
    }
    zones->table.clients = zones->clients;
}

static int view_zones_prefer(struct alias_view *view, size_t t, const struct service_settings *settings)
{
    _cleanup_free_ struct view_zones *zones = calloc(1, sizeof(*zones));
    size_t n_here;

    if (!zones)
        return -ENOMEM;
    n_here = place_candidates(view, t, zones);
    if (n_here == 0 || zones->table.n == 1) {
        view->zone_outcomes[t] = n_here == 0 ? VIEW_ZONE_NONE : VIEW_ZONE_ALL;
        return 0;
    }
    place_clients(view, t, settings->zone_clients, zones);
    zones->table.minimum = settings->zone_minimum;
    view->zone_outcomes[t] = VIEW_ZONE_PREFER;
    view->targets[t].zones = &zones->table;
    view->zones[t] = TAKE_PTR(zones);
    return 0;
}

int view_zones_fill(struct alias_view *view, size_t t)
{
    const struct service_settings *settings = service_get_settings(view->services[t]);

    if (!host_zone(view, t))
        return 0;
    view->zone_outcomes[t] = settings->zone == ZONE_ONLY ? VIEW_ZONE_ONLY : VIEW_ZONE_OFF;
    shut(view, t);
    if (settings->zone != ZONE_PREFER)
        return 0;
    if (view->is_panic[t]) {
        view->zone_outcomes[t] = VIEW_ZONE_PANIC;
        return 0;
    }
    return view_zones_prefer(view, t, settings);
}

void view_zones_panic(struct alias_view *view, size_t t)
{
    shut(view, t);
    view->targets[t].zones = NULL;
    if (view->zone_outcomes[t] == VIEW_ZONE_PREFER)
        view->zone_outcomes[t] = VIEW_ZONE_PANIC;
}

double view_zones_kept(const struct alias_view *view, const double *shares)
{
    double here = 0;
    double all = 0;
    bool is_known = false;

    for (size_t t = 0; t < view->n_targets; t++) {
        is_known |= view->zone_outcomes[t] != VIEW_ZONE_UNKNOWN;
        for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
            double share = view->candidates[t][c].is_ejected ? 0 : *shares;

            all += share;
            here += view_zones_is_here(view, t, c) ? share : 0;
            shares++;
        }
    }
    return is_known && all > 0 ? here / all : NAN;
}
