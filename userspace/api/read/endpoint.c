/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What lists share: an alias, an instance, and one endpoint as the API tells it: health and why, ejection, outcomes of connects, draining. */
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "api/api.h"
#include "health/health.h"
#include "upkeep/probes.h"
#include "externals/externals.h"
#include "datapath/datapath.h"
#include "api/read/first_byte.h"
#include "upkeep/drains.h"
#include "upkeep/outliers.h"
#include "api/read/reads.h"
#include "api/read/reason.h"
#include "model/endpoint_names.h"
#include "routing/table.h"

void read_alias_names(cJSON *object, const struct client_alias *alias)
{
    (void)cJSON_AddStringToObject(object, "dnsName", alias->dns_name);
    (void)cJSON_AddNumberToObject(object, "port", alias->port);
    (void)cJSON_AddStringToObject(object, "protocol", protocol_name(alias->protocol));
}

cJSON *read_instance(const struct instance *instance)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "id", instance_id(instance));
    (void)cJSON_AddStringToObject(object, "address",
                                  instance->host ? "" : ip_address_format(&instance->address, address));
    if (instance->host || instance->external)
        (void)cJSON_AddStringToObject(object, "host",
                                      instance->host ? instance->host : instance->external->host);
    (void)cJSON_AddNumberToObject(object, "port", instance->port);
    (void)cJSON_AddStringToObject(object, "protocol", protocol_name(instance->protocol));
    (void)cJSON_AddNumberToObject(object, "weight", instance->weight);
    (void)cJSON_AddStringToObject(object, "health", health_name(instance_health(instance)));
    if (instance->zone)
        (void)cJSON_AddStringToObject(object, "zone", instance->zone->name);
    return object;
}

/* The first of the reasons is the one that is told. */
static void add_reason(const struct reasons *reasons, cJSON *object)
{
    const struct reason *reason = &reasons->items[0];

    (void)cJSON_AddBoolToObject(object, "drawn", reasons->is_drawn);
    (void)cJSON_AddStringToObject(object, "reason", reason->text);
    (void)cJSON_AddStringToObject(object, "reasonCode", reason->code);
    if (reason->since)
        json_add_time(object, "since", reason->since);
}

static void add_check(const struct api *api, const struct instance *instance, cJSON *object)
{
    struct health_report report;
    cJSON *check;

    if (!health_read(api->probes->health, instance->endpoint, &report))
        return;
    check = cJSON_AddObjectToObject(object, "check");
    (void)cJSON_AddStringToObject(check, "health", health_name(report.health));
    (void)cJSON_AddBoolToObject(check, "routable", report.is_routable);
    (void)cJSON_AddNumberToObject(check, "probes", (double)report.probes);
    (void)cJSON_AddNumberToObject(check, "passes", report.passes);
    (void)cJSON_AddNumberToObject(check, "failures", report.failures);
    (void)cJSON_AddStringToObject(check, "last", report.reason);
}

static void endpoint_add_outcomes(const struct svc_endpoint_stats *stats, cJSON *object)
{
    cJSON *outcomes = cJSON_AddObjectToObject(object, "outcomes");

    (void)cJSON_AddNumberToObject(outcomes, "established", (double)stats->established);
    (void)cJSON_AddNumberToObject(outcomes, "refused", (double)stats->refused);
    (void)cJSON_AddNumberToObject(outcomes, "timedOut", (double)stats->timed_out);
    (void)cJSON_AddNumberToObject(outcomes, "retransmitted", (double)stats->retransmitted);
    (void)cJSON_AddNumberToObject(outcomes, "gaveUp", (double)stats->gave_up);
    (void)cJSON_AddNumberToObject(outcomes, "resetEarly", (double)stats->reset_early);
    (void)cJSON_AddNumberToObject(outcomes, "unreachable", (double)stats->unreachable);
}

static void endpoint_add_first_byte(const struct api *api, uint32_t number, cJSON *object)
{
    const struct svc_outlier *cell = datapath_outlier(api->datapath, number);
    struct svc_first_byte counted;
    struct first_byte_sum sum;
    cJSON *member;

    /* What is in mapped memory says whether it is worth a system call. */
    if (!cell || cell->first_byte_us == 0 || datapath_first_byte(api->datapath, number, &counted) < 0)
        return;
    member = cJSON_AddObjectToObject(object, "firstByte");
    read_milliseconds(member, "recentMilliseconds", cell->first_byte_us);
    sum = first_byte_sum_of(&counted);
    read_first_byte(&sum, member);
}

static void add_ejection(const struct api *api, const struct instance *instance, cJSON *object)
{
    uint64_t left_ms = outliers_ejected_ms(api->outliers, instance->endpoint);

    (void)cJSON_AddBoolToObject(object, "ejected", left_ms > 0);
    if (left_ms == 0)
        return;
    (void)cJSON_AddNumberToObject(object, "ejectedSeconds", (double)left_ms / 1000);
    json_add_time(object, "ejectedUntil", (time_t)(clock_wall_s() + (int64_t)(left_ms + 999) / 1000));
}

/* How the host name is resolved, the same for each of its addresses. */
static void endpoint_add_name(const struct api *api, const struct instance *record, cJSON *object)
{
    const struct external *external = externals_find(api->externals, record);

    if (external)
        (void)cJSON_AddItemToObject(object, "name", external_describe(external));
}

cJSON *read_endpoint(struct api *api, const struct instance *instance, bool is_panic)
{
    struct svc_endpoint_stats stats = {0};
    struct reasons reasons;
    cJSON *object = read_instance(instance);

    reasons_find(api, instance, &reasons);
    if (is_panic)
        reasons_panic(instance, &reasons);
    (void)datapath_endpoint_stats(api->datapath, instance->endpoint, &stats);
    (void)cJSON_AddStringToObject(object, "namespace", instance->service->parent->name);
    (void)cJSON_AddStringToObject(object, "service", instance->service->name);
    (void)cJSON_AddBoolToObject(object, "eligible",
                                instance_is_eligible(instance, instance->protocol) && instance->weight > 0);
    (void)cJSON_AddStringToObject(object, "reported", health_name(instance->health));
    add_reason(&reasons, object);
    (void)cJSON_AddNumberToObject(object, "endpoint", instance->endpoint);
    (void)cJSON_AddNumberToObject(object, "connections", (double)stats.connections);
    (void)cJSON_AddNumberToObject(object, "open", (double)drains_open(api->drains, instance->endpoint));
    (void)cJSON_AddNumberToObject(object, "ejections", (double)stats.ejections);
    add_ejection(api, instance, object);
    endpoint_add_outcomes(&stats, object);
    endpoint_add_first_byte(api, instance->endpoint, object);
    add_check(api, instance, object);
    if (instance->ramp)
        (void)cJSON_AddNumberToObject(object, "slowStartPercent",
                                      100.0 * (TABLE_WEIGHT_PARTS - instance->ramp) / TABLE_WEIGHT_PARTS);
    if (instance->external)
        endpoint_add_name(api, instance->external, object);
    if (instance->attributes)
        (void)cJSON_AddRawToObject(object, "attributes", instance->attributes);
    if (instance->drain_until) {
        cJSON *draining = cJSON_AddObjectToObject(object, "draining");

        json_add_time(draining, "until", (time_t)(clock_wall_s() + instance->drain_until - clock_run_s()));
        (void)cJSON_AddBoolToObject(draining, "kill", instance->is_drain_kill);
    }
    return object;
}

/* Members that only an endpoint has are there all the same, as of one that nobody was sent to. */
cJSON *read_unresolved(struct api *api, const struct instance *record)
{
    const struct svc_endpoint_stats stats = {0};
    struct reasons reasons;
    cJSON *object = read_instance(record);

    (void)cJSON_ReplaceItemInObject(object, "health",
                                    cJSON_CreateString(record->drain_until ? "DRAINING" : "UNKNOWN"));
    (void)cJSON_AddStringToObject(object, "namespace", record->service->parent->name);
    (void)cJSON_AddStringToObject(object, "service", record->service->name);
    (void)cJSON_AddBoolToObject(object, "eligible", false);
    (void)cJSON_AddStringToObject(object, "reported", health_name(record->health));
    reasons_find_unresolved(api, record, &reasons);
    add_reason(&reasons, object);
    (void)cJSON_AddNumberToObject(object, "endpoint", 0);
    (void)cJSON_AddNumberToObject(object, "connections", 0);
    (void)cJSON_AddNumberToObject(object, "open", 0);
    (void)cJSON_AddNumberToObject(object, "ejections", 0);
    (void)cJSON_AddBoolToObject(object, "ejected", false);
    endpoint_add_outcomes(&stats, object);
    endpoint_add_name(api, record, object);
    return object;
}
