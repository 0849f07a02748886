/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From other addresses of a name to endpoints: one transaction without a row. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/daemon.h"
#include "engine/change/transaction.h"
#include "model/catalog_aws.h"
#include "engine/connections.h"
#include "engine/change/now.h"

struct instance *external_record(const struct external *external)
{
    const struct service *service = catalog_service(engine_catalog(external->daemon->engine),
                                                    external->namespace_name, external->service);
    struct instance *record = service ? catalog_record(service, external->id) : NULL;

    return record && record->host ? record : NULL;
}

static int touch_all(struct transaction *transaction, const struct instance *record)
{
    int r = transaction_touch_instance(transaction, record);

    for (size_t i = 0; i < record->n_addresses && r == 0; i++)
        r = transaction_touch_instance(transaction, record->addresses[i]);
    return r;
}

/* Takes `next` over when all is in effect; else everything is as it was. */
static int put_addresses(struct external *external, struct external_address **next, size_t n,
                         struct error *error)
{
    struct instance *record = external_record(external);
    struct transaction *transaction;
    uint64_t revision;
    int r;

    if (!record)
        return error_errno(error, ENOENT, "%s", external->name);
    transaction = now_begin(external->daemon->engine);
    transaction_own(transaction);
    r = touch_all(transaction, record);
    if (r == 0)
        r = catalog_set_addresses(record, *next, n);
    if (r == 0)
        r = touch_all(transaction, record);
    if (r < 0) {
        now_abort(transaction);
        return error_errno(error, r, "changing addresses");
    }
    r = now_commit(transaction, &revision, error);
    if (r < 0)
        return r;
    free(external->addresses);
    external->addresses = TAKE_PTR(*next);
    external->n = n;
    return 0;
}

static bool is_among(const struct ip_address *address, const struct ip_address *addresses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ip_address_equal(address, &addresses[i]))
            return true;
    return false;
}

/* The end of its drain, as deregistering would have it; 0: nobody waits for it. */
static int64_t leaves_at(const struct external *external, const struct external_address *address)
{
    struct daemon *daemon = external->daemon;
    const struct instance *record = external_record(external);
    const struct instance *instance = record ? external_find(record, &address->address) : NULL;
    uint64_t drain_s = instance ? service_get_settings(instance->service)->drain_ms / 1000 : 0;

    if (address->leaves_at || drain_s == 0)
        return address->leaves_at;
    return endpoint_open(daemon->engine, instance->endpoint) > 0 ? clock_wall_s() + (int64_t)drain_s : 0;
}

int external_set_addresses(struct external *external, const struct ip_address *addresses, size_t n,
                           struct error *error)
{
    _cleanup_free_ struct external_address *next = calloc(n + external->n + 1, sizeof(*next));
    size_t n_next = 0;

    if (!next)
        return error_errno(error, ENOMEM, "changing addresses");
    for (size_t i = 0; i < n; i++)
        next[n_next++].address = addresses[i];
    for (size_t i = 0; i < external->n; i++) {
        int64_t end;

        if (is_among(&external->addresses[i].address, addresses, n))
            continue;
        end = leaves_at(external, &external->addresses[i]);
        if (end && n_next < n + EXTERNAL_MAX_ADDRESSES)
            next[n_next++] = (struct external_address){external->addresses[i].address, end};
    }
    return put_addresses(external, &next, n_next, error);
}

int external_drop_address(struct external *external, const struct ip_address *address, struct error *error)
{
    _cleanup_free_ struct external_address *next = calloc(external->n + 1, sizeof(*next));
    size_t n = 0;

    if (!next)
        return error_errno(error, ENOMEM, "changing addresses");
    for (size_t i = 0; i < external->n; i++)
        if (!ip_address_equal(&external->addresses[i].address, address))
            next[n++] = external->addresses[i];
    return put_addresses(external, &next, n, error);
}
