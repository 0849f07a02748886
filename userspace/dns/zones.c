/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/zones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "model/service_names.h"

/* ---- client aliases ---- */

static int zones_by_port(const void *a, const void *b)
{
    const struct dns_port *left = a;
    const struct dns_port *right = b;

    return left->port != right->port ? (int)left->port - (int)right->port
                                     : (int)left->protocol - (int)right->protocol;
}

static int zones_add_port(struct dns_zones *zones, const struct client_alias *alias)
{
    if (zones->found.n_ports == zones->n_ports) {
        size_t n = zones->n_ports ? 2 * zones->n_ports : 8;
        struct dns_port *ports = realloc(zones->ports, n * sizeof(*ports));

        if (!ports)
            return -ENOMEM;
        zones->ports = ports;
        zones->n_ports = n;
    }
    zones->ports[zones->found.n_ports++] = (struct dns_port){alias->port, (uint8_t)alias->protocol};
    /* A datagram cannot go to an IPv4 endpoint from a socket that is sent to an IPv6 address: such a name has
     * none. */
    if (alias->protocol == UDP)
        zones->found.has_address6 = false;
    return 0;
}

/* Without memory a name has fewer ports. */
static const struct dns_name *zones_take(struct dns_zones *zones, struct engine_name *name)
{
    const struct client_alias *alias;

    zones->found = (struct dns_name){
        .name = name->name, .address = name->address, .address6 = name->address6, .has_address6 = true};
    while ((alias = engine_next_alias(name)) && zones_add_port(zones, alias) == 0)
        continue;
    zones->found.ports = zones->ports;
    if (zones->found.n_ports > 1)
        qsort(zones->ports, zones->found.n_ports, sizeof(*zones->ports), zones_by_port);
    return &zones->found;
}

static const struct dns_name *zones_find_name(void *user, const char *text, size_t length)
{
    const struct dns_zone_of *of = user;
    struct engine_name name;

    return engine_find_name(of->zones->engine, of->scope, text, length, &name) == 0
               ? zones_take(of->zones, &name)
               : NULL;
}

static const struct dns_name *zones_find_address(void *user, const struct ip_address *address)
{
    const struct dns_zone_of *of = user;
    const struct dns_name *found;
    struct engine_name name;

    if (engine_find_address(of->zones->engine, of->scope, address, &name) < 0)
        return NULL;
    found = zones_take(of->zones, &name);
    if (ip_address_equal(&found->address, address))
        return found;
    return found->has_address6 && ip_address_equal(&found->address6, address) ? found : NULL;
}

/* ---- services ---- */

/* While the change is published that gave it another alias, the catalog knows of that first. */
static const struct client_alias *alias_now(const struct dns_zone_of *of, const char *service)
{
    const struct engine *engine = of->zones->engine;
    const struct service *known = engine_is_steady(engine)
                                      ? catalog_service(engine_catalog(engine), of->namespace_name, service)
                                      : NULL;

    return known ? service_names_alias(known) : NULL;
}

static bool zones_find_service(void *user, const char *text, size_t length, const struct dns_name **ret_of)
{
    const struct dns_zone_of *of = user;
    const struct indexed_service *indexed =
        service_index_find(&of->zones->services, of->namespace_name, text, length);
    const struct client_alias *alias = indexed ? alias_now(of, indexed->name) : NULL;

    if (!indexed)
        return false;
    *ret_of = alias ? zones_find_name(user, alias->dns_name, strlen(alias->dns_name)) : NULL;
    if (!*ret_of && indexed->alias)
        *ret_of = zones_find_name(user, indexed->alias, strlen(indexed->alias));
    return true;
}

/* ---- all of it ---- */

int dns_zones_begin(struct dns_zones *zones, const struct engine *engine)
{
    zones->engine = engine;
    return service_index_fill(&zones->services, engine);
}

void dns_zones_done(struct dns_zones *zones)
{
    service_index_done(&zones->services);
    free(zones->ports);
    *zones = (struct dns_zones){0};
}

void dns_zones_follow(struct dns_zones *zones, const char *namespace_name, const char *service)
{
    if (service_index_follow(&zones->services, zones->engine, namespace_name, service) < 0)
        log_error("names of service %s in %s: out of memory; restart svcconnectd", service, namespace_name);
}

struct dns_zone dns_zone_of(struct dns_zone_of *of, const char *const *suffixes)
{
    const struct alias_range *range = engine_alias_range(of->zones->engine);

    return (struct dns_zone){
        .find_name = zones_find_name,
        .find_service = zones_find_service,
        .find_address = zones_find_address,
        .user = of,
        .range = {range->first, range->bits},
        .range6 = {range->first6, range->bits6},
        .suffixes = suffixes,
    };
}
