/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names of zones, each with how many are in it. */
#include "model/catalog_zones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/catalog.h"
#include "settings/zone_clients.h"

int catalog_check_zone_name(const char *field, const char *name, struct error *error)
{
    return zone_name_is_good(name, strlen(name))
               ? 0
               : error_input(error, field, name, "a zone's name: %s", ZONE_NAME_TAKES);
}

const struct catalog_zone *catalog_zone(const struct catalog *catalog, const char *name)
{
    struct catalog_zone *found;

    HASH_FIND_STR(catalog->zones, name, found);
    return found;
}

static void catalog_zones_drop(struct catalog *catalog, struct catalog_zone *zone)
{
    if (!zone || --zone->n_users > 0)
        return;
    HASH_DEL(catalog->zones, zone);
    free(zone->name);
    free(zone);
}

/* NULL: no memory. */
static struct catalog_zone *catalog_zones_take(struct catalog *catalog, const char *name)
{
    struct catalog_zone *zone = (struct catalog_zone *)catalog_zone(catalog, name);

    if (!zone) {
        zone = calloc(1, sizeof(*zone));
        if (!zone || !(zone->name = strdup(name))) {
            free(zone);
            return NULL;
        }
        HASH_ADD_KEYPTR(hh, catalog->zones, zone->name, strlen(zone->name), zone);
    }
    zone->n_users++;
    return zone;
}

/* The new one is taken first: it may be the old one. */
static int catalog_zones_put(struct catalog *catalog, struct catalog_zone **where, const char *name)
{
    struct catalog_zone *zone = name && *name ? catalog_zones_take(catalog, name) : NULL;

    if (name && *name && !zone)
        return -ENOMEM;
    catalog_zones_drop(catalog, *where);
    *where = zone;
    return 0;
}

int catalog_set_host_zone(struct catalog *catalog, const char *name)
{
    return catalog_zones_put(catalog, &catalog->host_zone, name);
}

int catalog_read_zone(struct instance *instance)
{
    struct catalog *catalog = instance->service->parent->catalog;
    _cleanup_json_ cJSON *attributes = NULL;
    const char *name = NULL;

    /* Most have none, and there may be very many. */
    if (instance->attributes && strstr(instance->attributes, "\"" CATALOG_ZONE_ATTRIBUTE "\""))
        attributes = cJSON_Parse(instance->attributes);
    name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(attributes, CATALOG_ZONE_ATTRIBUTE));
    if (name && !zone_name_is_good(name, strlen(name)))
        name = NULL;
    return catalog_zones_put(catalog, &instance->zone, name);
}

int catalog_copy_zone(const struct instance *from, struct instance *to)
{
    if (to->zone == from->zone)
        return 0;
    return catalog_zones_put(to->service->parent->catalog, &to->zone, from->zone ? from->zone->name : NULL);
}

void catalog_leave_zone(struct instance *instance)
{
    catalog_zones_drop(instance->service->parent->catalog, instance->zone);
    instance->zone = NULL;
}

void catalog_forget_zones(struct catalog *catalog)
{
    catalog_zones_drop(catalog, catalog->host_zone);
    catalog->host_zone = NULL;
}
