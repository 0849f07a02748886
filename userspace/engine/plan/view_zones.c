/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the zones of instances and the settings of their service to what routing shares by. */
#include "engine/plan/view_zones.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"
#include "routing/target_zones.h"
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

double view_zones_kept(const struct alias_view *view, size_t t, const double *shares)
{
    double here = 0;
    double all = 0;

    for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
        double share = view->candidates[t][c].is_ejected ? 0 : shares[c];

        all += share;
        here += view_zones_is_here(view, t, c) ? share : 0;
    }
    return view->zone_outcomes[t] != VIEW_ZONE_UNKNOWN && all > 0 ? here / all : NAN;
}

/* ---- for people ---- */

static double part_of(const struct target_zones *zones, size_t z, bool of_clients)
{
    unsigned __int128 all = 0;

    for (size_t i = 0; i < zones->n; i++)
        all += of_clients ? zones->sides[i].clients : zones->sides[i].able;
    return all ? 100.0 * (double)(of_clients ? zones->sides[z].clients : zones->sides[z].able) / (double)all
               : 0;
}

static void tell_split(const struct alias_view *view, size_t t, const struct target_zones *zones, char *text,
                       size_t size)
{
    const char *here = host_zone(view, t)->name;

    if (zones->n == 0) {
        (void)snprintf(text, size,
                       "fewer than %zu endpoints in all: zones do not matter (setting zoneMinEndpoints)",
                       view->targets[t].zones->minimum);
        return;
    }
    (void)snprintf(text, size,
                   "this host's zone %s has %.1f %% of the capacity and %s%.1f %% of the clients: %.1f %% of "
                   "connects stay",
                   here, part_of(zones, ZONE_OWN, false),
                   view->targets[t].zones->clients ? "" : "is taken to have ", part_of(zones, ZONE_OWN, true),
                   100.0 * (double)zone_kept(zones->sides, zones->n) / (double)ZONE_KEPT_ALL);
}

int view_zones_look(const struct alias_view *view, size_t t, struct view_zones_told *ret_told)
{
    int r = 0;

    *ret_told = (struct view_zones_told){.outcome = view->zone_outcomes[t]};
    if (view->zone_outcomes[t] == VIEW_ZONE_PREFER)
        r = target_zones_read(&view->targets[t], false, &ret_told->zones);
    return r == -E2BIG ? 0 : r;
}

void view_zones_tell(const struct alias_view *view, size_t t, const struct view_zones_told *told,
                     char *ret_text, size_t size)
{
    static const char *const texts[] = {
        [VIEW_ZONE_UNKNOWN] = "nobody knows the zone of this host: zones do not matter",
        [VIEW_ZONE_OFF] = "zones do not matter (setting zone)",
        [VIEW_ZONE_ONLY] = "no endpoint outside this host's zone is used: ",
        [VIEW_ZONE_NONE] = "no endpoint is in this host's zone, so zones do not matter: ",
        [VIEW_ZONE_ALL] = "every endpoint is in this host's zone: ",
        [VIEW_ZONE_PANIC] = "too few endpoints are healthy: zones do not matter",
    };
    bool has_name =
        told->outcome == VIEW_ZONE_ONLY || told->outcome == VIEW_ZONE_NONE || told->outcome == VIEW_ZONE_ALL;

    if (told->outcome == VIEW_ZONE_PREFER)
        tell_split(view, t, &told->zones, ret_text, size);
    else
        (void)snprintf(ret_text, size, "%s%s", texts[told->outcome],
                       has_name ? host_zone(view, t)->name : "");
}

/* Of one elsewhere: what its zone gets of what the host's own cannot carry. */
static void tell_elsewhere(const struct target_zones *zones, const char *where, size_t z, char *text,
                           size_t size)
{
    double left = 0;

    for (size_t i = 1; i < zones->n; i++)
        left += zones->shares[i] > 1 ? zones->shares[i] : 0;
    if (zones->shares[z] > 1)
        (void)snprintf(text, size,
                       "%s, which gets %.1f %% of the connects that this host's zone cannot carry", where,
                       100.0 * zones->shares[z] / left);
    else if (left > 0)
        (void)snprintf(text, size, "%s, which has no more capacity than clients of its own", where);
    else
        (void)snprintf(text, size, "%s: this host's zone carries its clients by itself", where);
}

bool view_zones_tell_instance(const struct view_zones_told *told, const struct instance *instance,
                              uint8_t zone, char *ret_text, size_t size)
{
    const struct catalog_zone *here = instance->service->parent->catalog->host_zone;
    bool is_here = here && instance->zone == here;
    char where[ZONE_NAME_MAX + 32];

    ret_text[0] = '\0';
    (void)snprintf(where, sizeof(where), "in %s%s", instance->zone ? "zone " : "no known zone",
                   instance->zone ? instance->zone->name : "");
    if (told->outcome == VIEW_ZONE_ONLY && !is_here)
        (void)snprintf(ret_text, size, "%s, and only this host's zone is used", where);
    else if (told->outcome == VIEW_ZONE_PREFER && told->zones.n > 0 && is_here)
        (void)snprintf(ret_text, size, "in this host's zone %s", here->name);
    else if (told->outcome == VIEW_ZONE_PREFER && told->zones.n > 0)
        tell_elsewhere(&told->zones, where, zone, ret_text, size);
    return told->outcome == VIEW_ZONE_ONLY && !is_here;
}
