/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is to be said of a registry that hosts share. */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "engine/change/jobs.h"
#include "engine/engine_internal.h"

bool fleet_is_lost(const struct engine *engine, char *ret_text, size_t size)
{
    const struct registry_link link = registry_link(engine->registry);

    if (!link.lost_since)
        return false;
    (void)snprintf(ret_text, size,
                   "registry %s is lost for %lld s: what is known stays in effect, changes are refused: %s",
                   registry_location(engine->registry), (long long)(clock_wall_s() - link.lost_since),
                   link.text);
    return true;
}

bool engine_doubts_hosts(const struct engine *engine, char *ret_text, size_t size)
{
    const struct registry_link link = registry_link(engine->registry);

    if (!link.doubted_hosts)
        return false;
    (void)snprintf(ret_text, size,
                   "registry %s: %llu hosts have gone together, and their %llu instances are kept as long as "
                   "they answer",
                   registry_location(engine->registry), (unsigned long long)link.doubted_hosts,
                   (unsigned long long)link.doubted_instances);
    return true;
}

bool engine_has_twin(const struct engine *engine, char *ret_text, size_t size)
{
    const struct registry_link link = registry_link(engine->registry);

    if (!link.twin[0])
        return false;
    (void)snprintf(
        ret_text, size,
        "registry %s: %s has this host's id, %s, as after an image was cloned: their numbers and "
        "instances mix; stop svcconnectd on one, remove host-id from its state directory, start it",
        registry_location(engine->registry), link.twin, link.host);
    return true;
}

struct registry_link engine_link(const struct engine *engine)
{
    return registry_link(engine->registry);
}

bool engine_has_fleet(const struct engine *engine)
{
    return engine_link(engine).host[0] != '\0';
}

bool engine_is_driver(const struct engine *engine)
{
    const struct registry_link link = engine_link(engine);

    return !link.host[0] || link.is_driver;
}

bool engine_takes_reports(const struct engine *engine)
{
    return registry_takes_reports(engine->registry);
}

int engine_report(struct engine *engine, const char *text)
{
    return registry_report(engine->registry, text);
}

int engine_tell_tallies(struct engine *engine, const struct registry_tally *tallies, size_t n)
{
    return registry_tell_tallies(engine->registry, tallies, n);
}

void engine_others_tally(struct engine *engine, const char *name, uint64_t *ret_counts)
{
    registry_others_tally(engine->registry, name, ret_counts);
}

void fleet_describe(const struct engine *engine, cJSON *registry)
{
    const struct registry_link link = registry_link(engine->registry);
    cJSON *object;

    if (registry_batch_fd(engine->registry) < 0)
        return;
    object = cJSON_AddObjectToObject(registry, "fleet");
    (void)cJSON_AddStringToObject(object, "host", link.host);
    (void)cJSON_AddStringToObject(object, "version", link.version);
    (void)cJSON_AddBoolToObject(object, "mayLoseDeletions", link.is_lossy);
    (void)cJSON_AddBoolToObject(object, "isLost", link.lost_since != 0);
    if (link.lost_since) {
        json_add_time(object, "lostSince", (time_t)link.lost_since);
        (void)cJSON_AddStringToObject(object, "why", link.text);
    }
    (void)cJSON_AddNumberToObject(object, "found", (double)link.n_found);
    (void)cJSON_AddNumberToObject(object, "hosts", (double)link.hosts);
    (void)cJSON_AddNumberToObject(object, "goneHosts", (double)link.gone_hosts);
    (void)cJSON_AddNumberToObject(object, "goneInstances", (double)link.gone_instances);
    (void)cJSON_AddNumberToObject(object, "doubtedHosts", (double)link.doubted_hosts);
    (void)cJSON_AddNumberToObject(object, "doubtedInstances", (double)link.doubted_instances);
    (void)cJSON_AddNumberToObject(object, "putBack", (double)link.n_put_back);
    (void)cJSON_AddBoolToObject(object, "isDriver", link.is_driver);
    if (link.twin[0])
        (void)cJSON_AddStringToObject(object, "twin", link.twin);
    (void)cJSON_AddNumberToObject(object, "resyncs", (double)link.n_resyncs);
    (void)cJSON_AddNumberToObject(object, "auditDifferences", (double)link.n_differences);
    (void)cJSON_AddNumberToObject(object, "skippedRows", (double)(link.n_skipped + engine->jobs->n_skipped));
}
