/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/sights.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "health/health.h"
#include "model/catalog.h"
#include "model/catalog_external.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

/* Of a sweep; and of what is told, since a host that is cut off has something against all. */
#define MOST_LOOKED_AT 4096
#define MOST_NUMBERS   (1u << 18)
#define MOST_TOLD      200

void sights_init(struct sights *sights, struct engine *engine, const struct outliers *outliers,
                 const struct probes *probes)
{
    *sights = (struct sights){.engine = engine, .outliers = outliers, .probes = probes, .next = 1};
}

void sights_done(struct sights *sights)
{
    cJSON_Delete(sights->found);
    cJSON_Delete(sights->names);
    *sights = (struct sights){0};
}

static cJSON *item_of(const struct instance *instance, const char *what, const char *reason)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    cJSON *item = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(item, "namespace", instance->service->parent->name);
    (void)cJSON_AddStringToObject(item, "service", instance->service->name);
    (void)cJSON_AddStringToObject(item, "id", instance_id(instance));
    (void)cJSON_AddStringToObject(item, "address", ip_address_format(&instance->address, address));
    (void)cJSON_AddStringToObject(item, "sees", what);
    (void)cJSON_AddStringToObject(item, "reason", reason);
    return item;
}

/* How long an ejection lasts is left out: it would be another text each time. */
static void sights_add(struct sights *sights, const struct instance *instance, const char *what,
                       const char *reason)
{
    if (sights->n >= MOST_TOLD) {
        sights->more++;
        return;
    }
    (void)cJSON_AddItemToArray(sights->found, item_of(instance, what, reason));
    sights->n++;
}

/* Each host asks its own name servers. */
static void add_address_of_name(struct sights *sights, const struct instance *instance)
{
    if (sights->n_names >= MOST_TOLD)
        return;
    (void)cJSON_AddItemToArray(sights->names, item_of(instance, "address", instance->external->host));
    sights->n_names++;
}

static void look_at_one(struct sights *sights, const struct instance *instance)
{
    struct health_report report;

    if (instance->external && instance->external->host)
        add_address_of_name(sights, instance);
    if (outliers_ejected_ms(sights->outliers, instance->endpoint) > 0)
        sights_add(sights, instance, "ejected", "connects to it failed");
    else if (instance->is_held_back && instance->observed == UNHEALTHY)
        sights_add(sights, instance, "unhealthy",
                   health_read(sights->probes->health, instance->endpoint, &report) ? report.reason
                                                                                    : "not checked");
}

static void tell_sights(struct sights *sights)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    _cleanup_free_ char *text = NULL;
    char name[65] = "";

    (void)gethostname(name, sizeof(name) - 1);
    (void)cJSON_AddStringToObject(json, "name", name);
    (void)cJSON_AddItemToObject(json, "endpoints", TAKE_PTR(sights->found));
    (void)cJSON_AddItemToObject(json, "names", TAKE_PTR(sights->names));
    (void)cJSON_AddNumberToObject(json, "more", (double)sights->more);
    text = cJSON_PrintUnformatted(json);
    if (text)
        (void)engine_report(sights->engine, text); /* the next round tells it again */
    sights->n = sights->more = sights->n_names = 0;
    sights->next = 1;
}

void sights_sweep(struct sights *sights)
{
    uint32_t last = engine_max_endpoints(sights->engine);
    uint32_t n_looked_at = 0, n_numbers = 0;

    if (!engine_takes_reports(sights->engine) || !engine_is_steady(sights->engine))
        return;
    if (!sights->found)
        sights->found = cJSON_CreateArray();
    if (!sights->names)
        sights->names = cJSON_CreateArray();
    for (; sights->next <= last && n_looked_at < MOST_LOOKED_AT && n_numbers < MOST_NUMBERS; n_numbers++) {
        const struct instance *instance = engine_instance(sights->engine, sights->next++);

        if (!instance)
            continue;
        look_at_one(sights, instance);
        n_looked_at++;
    }
    if (sights->next > last)
        tell_sights(sights);
}
