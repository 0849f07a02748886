/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names that a task sees, for the responder. Client aliases are looked up among what is published, so that a
 * name is answered from the moment it can be connected to until it cannot; services in an index that follows the
 * catalog. Neither is ever built as a whole, and both can be asked while nobody may read the catalog.
 */
#pragma once

#include "dns/service_index.h"
#include "names/dns_answer.h"

struct engine;

struct dns_zones {
    const struct engine *engine;
    struct service_index services;
    struct dns_name found; /* the last one */
    struct dns_port *ports;
    size_t n_ports; /* there is room for */
};

/* What tasks of one scope of a namespace see. */
struct dns_zone_of {
    struct dns_zones *zones;
    const char *namespace_name;
    uint32_t scope;
};

/* When all of the catalog is there: -ENOMEM. */
int dns_zones_begin(struct dns_zones *zones, const struct engine *engine);
void dns_zones_done(struct dns_zones *zones); /* also of a zeroed one */

/* The service has come, gone or got other client aliases. */
void dns_zones_follow(struct dns_zones *zones, const char *namespace_name, const char *service);

/* For the responder, as long as `of` lives. `suffixes`: of the namespace's services. */
struct dns_zone dns_zone_of(struct dns_zone_of *of, const char *const *suffixes);
