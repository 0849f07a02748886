/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * At which addresses endpoints of services with a policy are: whoever connects to one itself is asked for the same. Where
 * several such services have an address, one of them must allow it; services that everybody may call do not open it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "upkeep/policies_internal.h"

static struct svc_policy_address_key address_key_of(const struct instance *instance)
{
    struct svc_policy_address_key key = {.port_be = htons(instance->port),
                                         .protocol = (uint8_t)instance->protocol};

    memcpy(key.address, instance->address.bytes, sizeof(key.address));
    return key;
}

static void tell_guard(struct policies *self)
{
    datapath_guard_addresses(self->settings.datapath, self->n_guarded > 0);
}

static void count_address(struct policies *self, uint32_t number, int by)
{
    struct policy *policy = number ? policy_list_find(self, number) : NULL;

    if (!policy)
        return;
    policy->n_addresses += (size_t)by;
    if (policy->n_addresses == 0)
        policy_doubt(self, policy);
}

static int write_address(struct policies *self, struct policy_address *address, uint32_t number)
{
    int r;

    if (address->policy == number)
        return 0;
    r = number ? datapath_put_policy_address(self->settings.datapath, &address->key, number)
               : datapath_delete_policy_address(self->settings.datapath, &address->key);
    if (r < 0)
        return r;
    self->n_guarded += (number != 0) - (address->policy != 0);
    count_address(self, number, 1);
    count_address(self, address->policy, -1);
    address->policy = number;
    tell_guard(self);
    return 0;
}

/* By whom it is judged, of those who have an endpoint there. */
static int policy_judge_address(struct policies *self, struct policy_address *address)
{
    _cleanup_free_ struct policy_service *services = NULL;
    const struct policy_member *member;
    struct policy *policy = NULL;
    size_t n = 0;
    int r;

    for (member = address->members; member; member = member->next)
        n++;
    if (n == 0) {
        r = write_address(self, address, 0);
        HASH_DEL(self->addresses, address);
        free(address);
        return r;
    }
    services = calloc(n, sizeof(*services));
    if (!services)
        return -ENOMEM;
    n = 0;
    for (member = address->members; member; member = member->next)
        services[n++] = (struct policy_service){member->namespace_name, member->service};
    r = policy_list_get(self, services, n, true, &policy);
    if (r == 0)
        r = policy_loosen(self, policy);
    return r == 0 ? write_address(self, address, policy->number) : r;
}

static void unlink_member(struct policies *self, struct policy_member *member)
{
    struct policy_member **at = &member->at->members;

    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    HASH_DEL(self->members, member);
    free(member->namespace_name);
    free(member->service);
    free(member);
}

void policy_addresses_remove(struct policies *self, uint32_t endpoint)
{
    struct policy_member *member;
    struct policy_address *address;

    HASH_FIND(hh, self->members, &endpoint, sizeof(endpoint), member);
    if (!member)
        return;
    address = member->at;
    unlink_member(self, member);
    (void)policy_judge_address(self, address);
}

bool policies_is_alone(const struct policies *self, uint32_t endpoint)
{
    const struct policy_member *first = NULL;
    const struct policy_member *member;

    if (self)
        HASH_FIND(hh, self->members, &endpoint, sizeof(endpoint), first);
    for (member = first ? first->at->members : NULL; member; member = member->next)
        if (strcmp(member->service, first->service) != 0 ||
            strcmp(member->namespace_name, first->namespace_name) != 0)
            return false;
    return true;
}

static struct policy_address *find_policy_address(struct policies *self,
                                                  const struct svc_policy_address_key *key)
{
    struct policy_address *address;

    HASH_FIND(hh, self->addresses, key, sizeof(*key), address);
    if (address)
        return address;
    address = calloc(1, sizeof(*address));
    if (!address)
        return NULL;
    address->key = *key;
    HASH_ADD(hh, self->addresses, key, sizeof(address->key), address);
    return address;
}

static int policy_add_member(struct policies *self, const struct instance *instance,
                             const struct svc_policy_address_key *key)
{
    struct policy_member *member = calloc(1, sizeof(*member));
    struct policy_address *address = find_policy_address(self, key);

    if (member) {
        member->namespace_name = strdup(instance->service->parent->name);
        member->service = strdup(instance->service->name);
    }
    if (!member || !address || !member->namespace_name || !member->service) {
        if (member) {
            free(member->namespace_name);
            free(member->service);
            free(member);
        }
        return -ENOMEM; /* an address without members is judged by the next who comes there */
    }
    member->endpoint = instance->endpoint;
    member->at = address;
    member->next = address->members;
    address->members = member;
    HASH_ADD(hh, self->members, endpoint, sizeof(member->endpoint), member);
    return policy_judge_address(self, address);
}

int policy_addresses_put(struct policies *self, const struct instance *instance)
{
    const struct svc_policy_address_key key = address_key_of(instance);
    bool is_wanted = service_get_settings(instance->service)->allow_from != NULL;
    struct policy_member *member;

    HASH_FIND(hh, self->members, &instance->endpoint, sizeof(instance->endpoint), member);
    if (member && is_wanted && memcmp(&member->at->key, &key, sizeof(key)) == 0 &&
        strcmp(member->service, instance->service->name) == 0 &&
        strcmp(member->namespace_name, instance->service->parent->name) == 0)
        return policy_judge_address(self, member->at);
    if (member)
        policy_addresses_remove(self, instance->endpoint);
    return is_wanted ? policy_add_member(self, instance, &key) : 0;
}

static int adopt_address(const struct svc_policy_address_key *key, uint32_t policy, void *user)
{
    struct policies *self = user;
    struct policy_address *address = find_policy_address(self, key);

    if (!address)
        return -ENOMEM;
    address->policy = policy;
    self->n_guarded++;
    count_address(self, policy, 1);
    return policies_are_moved(self) ? datapath_put_policy_address(self->settings.datapath, key, policy) : 0;
}

int policy_addresses_sweep(struct policies *self)
{
    struct policy_address *address, *next;
    int r = 0;

    HASH_ITER (hh, self->addresses, address, next) {
        if (r == 0 && !address->members)
            r = policy_judge_address(self, address);
    }
    return r;
}

int policy_addresses_adopt(struct policies *self)
{
    const struct catalog *catalog = engine_catalog(self->settings.engine);
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;
    int r = datapath_each_policy_address(self->settings.datapath, adopt_address, self);

    for (parent = catalog->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances; instance && r == 0; instance = instance->hh.next)
                r = policy_addresses_put(self, instance);
    if (r == 0 && !engine_is_degraded(self->settings.engine))
        r = policy_addresses_sweep(self);
    tell_guard(self);
    return r;
}

void policy_addresses_free(struct policies *self)
{
    struct policy_address *address, *next;
    struct policy_member *member, *next_member;

    HASH_ITER (hh, self->members, member, next_member)
        unlink_member(self, member);
    HASH_ITER (hh, self->addresses, address, next) {
        HASH_DEL(self->addresses, address);
        free(address);
    }
}
