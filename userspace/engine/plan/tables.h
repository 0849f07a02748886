/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the catalog to what routing and the publisher want: candidates of a target, the tables of an alias. */
#pragma once

#include "engine/plan/view_zones.h"
#include "engine/publish/publisher.h"
#include "model/catalog.h"
#include "routing/table.h"

/* The targets of an alias with their instances, in the order tables are built in (by endpoint number). */
struct alias_view {
    struct table_target *targets; /* their candidates are those below, as routing reads them */
    struct table_candidate **candidates;
    struct instance ***instances;          /* instances[t][c] belongs to targets[t].candidates[c] */
    struct service **services;             /* services[t] */
    bool *is_panic;                        /* of a target: too few are healthy, so that health is ignored */
    enum view_zone_outcome *zone_outcomes; /* of a target */
    struct view_zones **zones;             /* of a target that is shared by zones, else NULL */
    bool is_on_empty; /* nobody is healthy, and the route takes the unhealthy ones then */
    size_t n_targets;
};

/* -ENOMEM. An alias that does not exist gives no targets. alias_view_done() ends it in any case. */
int alias_view_build(const struct model_namespace *parent, const struct client *client,
                     const struct client_alias *alias, struct alias_view *ret_view);
void alias_view_done(struct alias_view *view);

/* Are fewer of its endpoints healthy than its panic threshold? Then health, which says more about the checks than about
 * the endpoints, is ignored. */
bool tables_service_is_panic(const struct service *service, enum svc_protocol protocol);

/* Fills slots4/6 of *wanted (malloc'd, wanted_alias_done() frees). */
int wanted_tables_build(const struct model_namespace *parent, const struct client *client,
                        struct wanted_alias *wanted);
void wanted_alias_done(struct wanted_alias *wanted);
