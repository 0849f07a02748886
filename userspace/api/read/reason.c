/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/read/reason.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/api.h"
#include "base/clock.h"
#include "externals/externals.h"
#include "health/health.h"
#include "routing/table.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

__attribute__((format(printf, 4, 5))) static struct reason *
reason_add(struct reasons *reasons, const char *code, bool is_against, const char *format, ...)
{
    struct reason *reason = &reasons->items[reasons->n < REASONS_MAX ? reasons->n++ : REASONS_MAX - 1];
    va_list arguments;

    *reason = (struct reason){.code = code, .is_against = is_against};
    va_start(arguments, format);
    (void)vsnprintf(reason->text, sizeof(reason->text), format, arguments);
    va_end(arguments);
    if (is_against)
        reasons->is_drawn = false;
    return reason;
}

static void add_of_ejection(const struct api *api, const struct instance *instance, struct reasons *reasons)
{
    uint64_t left_ms = outliers_ejected_ms(api->outliers, instance->endpoint);

    if (left_ms > 0)
        (void)reason_add(reasons, "ejected", true, "ejected for %.1f s more: connects to it failed",
                         (double)left_ms / 1000);
}

static void add_of_zone(const struct instance *instance, struct reasons *reasons)
{
    const struct catalog_zone *here = instance->service->parent->catalog->host_zone;

    if (here && instance->zone != here && service_get_settings(instance->service)->zone == ZONE_ONLY)
        (void)reason_add(reasons, "zone", true, "in %s%s, and only this host's zone is used",
                         instance->zone ? "zone " : "no known zone",
                         instance->zone ? instance->zone->name : "");
}

/* The last word of whoever decides about its health, which may be nobody. */
static void add_of_health(const struct api *api, const struct instance *instance, struct reasons *reasons)
{
    struct health_report report;
    struct reason *reason;

    if (instance->health != HEALTHY)
        return;
    if (health_read(api->probes->health, instance->endpoint, &report)) {
        reason = reason_add(reasons, "check", instance->is_held_back, "%s", report.reason);
        reason->since = report.since;
    } else {
        reason = reason_add(reasons, "unchecked", instance->is_held_back, "not checked");
    }
    reason->is_of_health = true;
}

void reasons_find(const struct api *api, const struct instance *instance, struct reasons *ret_reasons)
{
    *ret_reasons = (struct reasons){.is_drawn = true};
    if (instance->drain_until)
        (void)reason_add(ret_reasons, "draining", true, "draining");
    if (instance->health != HEALTHY)
        reason_add(ret_reasons, "reported", true, "reported by its owner")->is_of_health = true;
    if (instance->is_held_back)
        add_of_health(api, instance, ret_reasons);
    if (instance->weight == 0)
        (void)reason_add(ret_reasons, "weight", true, "weight 0");
    add_of_ejection(api, instance, ret_reasons);
    add_of_zone(instance, ret_reasons);
    if (!instance->is_held_back)
        add_of_health(api, instance, ret_reasons);
    if (instance->ramp)
        (void)reason_add(ret_reasons, "slowStart", false, "slow start: has %.2f %% of its weight",
                         100.0 * (TABLE_WEIGHT_PARTS - instance->ramp) / TABLE_WEIGHT_PARTS);
}

void reasons_panic(const struct instance *instance, struct reasons *reasons)
{
    const struct reasons before = *reasons;
    const struct reason *overruled = NULL;

    *reasons = (struct reasons){.is_drawn = true};
    for (size_t i = 0; i < before.n; i++) {
        const struct reason *reason = &before.items[i];

        if (reason->is_against && reason->is_of_health)
            overruled = overruled ? overruled : reason;
        else if (reason->is_against)
            reasons->items[reasons->n++] = *reason;
    }
    reasons->is_drawn = reasons->n == 0;
    if (overruled)
        (void)reason_add(reasons, "panic", false,
                         "panic: fewer than %u %% of the service are healthy, so health is ignored (%.120s)",
                         service_get_settings(instance->service)->panic_percent, overruled->text);
    for (size_t i = 0; i < before.n && reasons->n < REASONS_MAX; i++)
        if (!before.items[i].is_against)
            reasons->items[reasons->n++] = before.items[i];
}

void reasons_find_unresolved(const struct api *api, const struct instance *record,
                             struct reasons *ret_reasons)
{
    const struct external *external = externals_find(api->externals, record);
    bool has_failed = external && external->failures;

    *ret_reasons = (struct reasons){.is_drawn = true};
    (void)reason_add(ret_reasons, "unresolved", true, "not resolved yet%s%s", has_failed ? ": " : "",
                     has_failed ? external->failure : "");
}
