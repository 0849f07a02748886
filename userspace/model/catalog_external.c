/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/catalog_external.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

const char *external_key(const char *id, const struct ip_address *address, char key[static EXTERNAL_KEY_SIZE])
{
    char text[IP_ADDRESS_TEXT_SIZE];

    (void)snprintf(key, EXTERNAL_KEY_SIZE, "%s#%s", id, ip_address_format(address, text));
    return key;
}

const char *instance_id(const struct instance *instance)
{
    return instance->external ? instance->external->id : instance->id;
}

struct instance *external_find(const struct instance *external, const struct ip_address *address)
{
    for (size_t i = 0; i < external->n_addresses; i++)
        if (ip_address_equal(&external->addresses[i]->address, address))
            return external->addresses[i];
    return NULL;
}

void catalog_unlink_address(struct instance *address)
{
    struct instance *external = address->external;

    external->service->parent->catalog->n_address_changes++;
    for (size_t i = 0; i < external->n_addresses; i++)
        if (external->addresses[i] == address) {
            external->addresses[i] = external->addresses[--external->n_addresses];
            return;
        }
}

int catalog_set_host(struct instance *record, const char *host)
{
    struct catalog *catalog = record->service->parent->catalog;
    char *copy = NULL;

    if (host && record->host && strcmp(host, record->host) == 0)
        return 0;
    if (host && !(copy = strdup(host)))
        return -ENOMEM;
    while (record->n_addresses > 0)
        catalog_remove_instance(catalog, record->addresses[record->n_addresses - 1]);
    catalog->n_externals += (host != NULL) - (size_t)(record->host != NULL);
    free(record->host);
    record->host = copy;
    return 0;
}

/* A zone is a name that the record has already, so no memory is needed for it. */
static void share(const struct instance *external, struct instance *address)
{
    (void)catalog_copy_zone(external, address);
    address->port = external->port;
    address->protocol = external->protocol;
    address->weight = external->weight;
    address->health = external->health;
    if (external->drain_until || !address->is_leaving) {
        address->drain_until = external->drain_until;
        address->drain_for_s = external->drain_for_s;
        address->is_drain_kill = external->is_drain_kill;
    }
}

void catalog_share_external(struct instance *external)
{
    for (size_t i = 0; i < external->n_addresses; i++)
        share(external, external->addresses[i]);
}

static struct instance *make_address(struct instance *external, const struct ip_address *address)
{
    char key[EXTERNAL_KEY_SIZE];
    struct instance *made;

    if (ARRAY_MAKE_ROOM(external->addresses, external->n_addresses) < 0)
        return NULL;
    made = catalog_make_instance(external->service->parent->catalog, external->service,
                                 external_key(external->id, address, key));
    if (!made)
        return NULL;
    made->address = *address;
    made->external = external;
    external->addresses[external->n_addresses++] = made;
    external->service->parent->catalog->n_address_changes++;
    return made;
}

static bool catalog_external_is_among(const struct ip_address *address,
                                      const struct external_address *addresses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ip_address_equal(address, &addresses[i].address))
            return true;
    return false;
}

int catalog_set_addresses(struct instance *external, const struct external_address *addresses, size_t n)
{
    for (size_t i = external->n_addresses; i-- > 0;)
        if (!catalog_external_is_among(&external->addresses[i]->address, addresses, n))
            catalog_remove_instance(external->service->parent->catalog, external->addresses[i]);
    for (size_t i = 0; i < n; i++) {
        struct instance *address = external_find(external, &addresses[i].address);

        if (!address)
            address = make_address(external, &addresses[i].address);
        if (!address)
            return -ENOMEM;
        address->is_leaving = addresses[i].leaves_at != 0;
        if (address->is_leaving) {
            address->drain_until = addresses[i].leaves_at;
            address->is_drain_kill = false;
        }
        share(external, address);
    }
    return 0;
}
