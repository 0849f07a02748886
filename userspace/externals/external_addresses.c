/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From other addresses of a name to endpoints: one finding, at most one of a name on its way. It changes the
 * catalog itself, since addresses are no rows; the list kept in the external becomes the new one when all is
 * in effect, so that whoever undoes the finding fills the catalog with the old one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/change/job.h"
#include "engine/connections.h"
#include "externals/externals_internal.h"
#include "model/catalog_aws.h"

struct address_finding {
    struct external *external; /* NULL: gone, or another host by now */
    /* An answer, or: */
    struct external_merged merged;
    uint64_t again_ms;
    /* One address that has drained. */
    struct ip_address gone;
    void (*dropped)(int result, const struct error *error, void *user);
    void *dropped_user;
    struct external_address *next; /* what its run has made of it */
    size_t n_next;
};

struct instance *external_record(const struct external *external)
{
    const struct service *service = catalog_service(engine_catalog(external->externals->engine),
                                                    external->namespace_name, external->service);
    struct instance *record = service ? catalog_record(service, external->id) : NULL;

    return record && record->host ? record : NULL;
}

void external_detach_finding(struct external *external)
{
    if (external->finding)
        external->finding->external = NULL;
    external->finding = NULL;
}

/* ---- which addresses it will have ---- */

static bool external_addresses_is_among(const struct ip_address *address, const struct ip_address *addresses,
                                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ip_address_equal(address, &addresses[i]))
            return true;
    return false;
}

/* The end of its drain, as deregistering would have it; 0: nobody waits for it. */
static int64_t leaves_at(const struct external *external, const struct instance *record,
                         const struct external_address *address)
{
    const struct instance *instance = external_find(record, &address->address);
    uint64_t drain_s = instance ? service_get_settings(instance->service)->drain_ms / 1000 : 0;

    if (address->leaves_at || drain_s == 0)
        return address->leaves_at;
    return endpoint_open(external->externals->engine, instance->endpoint) > 0
               ? clock_run_s() + (int64_t)drain_s
               : 0;
}

static size_t after_answer(const struct address_finding *finding, const struct instance *record,
                           struct external_address *next)
{
    const struct external *external = finding->external;
    const struct external_merged *merged = &finding->merged;
    size_t n = 0;

    for (size_t i = 0; i < merged->n; i++)
        next[n++].address = merged->addresses[i];
    for (size_t i = 0; i < external->n; i++) {
        int64_t end;

        if (external_addresses_is_among(&external->addresses[i].address, merged->addresses, merged->n))
            continue;
        end = leaves_at(external, record, &external->addresses[i]);
        if (end && n < merged->n + EXTERNAL_MAX_ADDRESSES)
            next[n++] = (struct external_address){external->addresses[i].address, end};
    }
    return n;
}

static size_t after_drop(const struct address_finding *finding, struct external_address *next)
{
    const struct external *external = finding->external;
    size_t n = 0;

    for (size_t i = 0; i < external->n; i++)
        if (!ip_address_equal(&external->addresses[i].address, &finding->gone))
            next[n++] = external->addresses[i];
    return n;
}

/* ---- the finding ---- */

static int touch_all(struct transaction *transaction, const struct instance *record)
{
    int r = transaction_touch_instance(transaction, record);

    for (size_t i = 0; i < record->n_addresses && r == 0; i++)
        r = transaction_touch_instance(transaction, record->addresses[i]);
    return r;
}

static int external_addresses_run_finding(struct transaction *transaction, void *user, struct error *error)
{
    struct address_finding *finding = user;
    const struct external *external = finding->external;
    struct instance *record = external ? external_record(external) : NULL;
    int r;

    if (!external)
        return 0;
    if (!record)
        return error_errno(error, ENOENT, "%s", external->name);
    free(finding->next);
    finding->next = calloc(finding->merged.n + external->n + 1, sizeof(*finding->next));
    if (!finding->next)
        return error_errno(error, ENOMEM, "changing addresses");
    finding->n_next =
        finding->dropped ? after_drop(finding, finding->next) : after_answer(finding, record, finding->next);
    r = touch_all(transaction, record);
    if (r == 0)
        r = catalog_set_addresses(record, finding->next, finding->n_next);
    if (r == 0)
        r = touch_all(transaction, record);
    if (r < 0) {
        (void)catalog_set_addresses(record, external->addresses, external->n);
        return error_errno(error, r, "changing addresses");
    }
    return 0;
}

static void take_over(struct address_finding *finding, struct external *external)
{
    free(external->addresses);
    external->addresses = TAKE_PTR(finding->next);
    external->n = finding->n_next;
}

static void external_addresses_finish_answer(const struct address_finding *finding, struct external *external,
                                             int result, const struct error *error)
{
    const struct external_merged *merged = &finding->merged;

    if (result == 0) {
        external_save_later(external);
        external_say_addresses(external, merged);
    }
    external_conclude(external, merged->is_answered, result < 0 ? error->message : merged->failure,
                      finding->again_ms);
}

static void external_addresses_finding_done(int result, uint64_t revision, const struct error *error,
                                            void *user)
{
    struct address_finding *finding = user;
    struct external *external = finding->external;

    (void)revision;
    if (external) {
        external->finding = NULL;
        if (result == 0)
            take_over(finding, external);
    }
    if (finding->dropped) {
        finding->dropped(external ? result : -ECANCELED, error, finding->dropped_user);
        if (external && result == 0 && external->is_draining && external->n == 0)
            external_end_drain(external);
    } else if (external && result != -ECANCELED) {
        external_addresses_finish_answer(finding, external, result, error);
    }
    free(finding->next);
    free(finding);
}

/* Takes `wanted` over in every case. */
static int external_addresses_submit(struct external *external, struct address_finding *wanted)
{
    const struct job job = {
        .run = external_addresses_run_finding, .done = external_addresses_finding_done, .user = wanted};
    int r = wanted ? engine_submit_finding(external->externals->engine, &job) : -ENOMEM;

    if (r == 0)
        external->finding = wanted;
    else
        free(wanted);
    return r;
}

int external_submit_answer(struct external *external, const struct external_merged *merged, uint64_t again_ms)
{
    struct address_finding *finding;

    if (external->finding)
        return -EALREADY;
    finding = calloc(1, sizeof(*finding));
    if (finding)
        *finding = (struct address_finding){.external = external, .merged = *merged, .again_ms = again_ms};
    return external_addresses_submit(external, finding);
}

int externals_drop_address(void *user, const struct instance *address,
                           void (*dropped)(int result, const struct error *error, void *user),
                           void *dropped_user)
{
    struct external *external = (struct external *)externals_find(user, address->external);
    struct address_finding *finding;

    if (!external)
        return -ENOENT;
    if (external->finding)
        return -EALREADY;
    finding = calloc(1, sizeof(*finding));
    if (finding)
        *finding = (struct address_finding){
            .external = external, .gone = address->address, .dropped = dropped, .dropped_user = dropped_user};
    return external_addresses_submit(external, finding);
}
