/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An item of a list is what the control API's own list writes of it, caught on its way: nothing is described twice.
 */
#include "observe/web/live_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/callers.h"
#include "api/read/first_byte.h"
#include "api/read/reason.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "model/endpoint_names.h"
#include "observe/alias_figures.h"
#include "observe/caller_totals.h"
#include "observe/totals.h"
#include "observe/web/live.h"
#include "upkeep/outliers.h"

/* ---- what a list writes ---- */

struct caught {
    char *text; /* ends in NUL */
    size_t length, room;
};

static int items_catch(void *user, const char *text, size_t length)
{
    struct caught *caught = user;

    if (caught->length + length + 1 > caught->room) {
        size_t room = (caught->length + length + 1) * 2;
        char *larger = realloc(caught->text, room);

        if (!larger)
            return -ENOMEM;
        caught->text = larger;
        caught->room = room;
    }
    memcpy(caught->text + caught->length, text, length);
    caught->length += length;
    caught->text[caught->length] = '\0';
    return 0;
}

/* Without the comma that parts it from the one before; NULL: nothing was written. */
static char *take_item(struct caught *caught)
{
    char *text = TAKE_PTR(caught->text);

    caught->length = caught->room = 0;
    if (text && *text == ',')
        memmove(text, text + 1, strlen(text));
    if (text && !*text) {
        free(text);
        text = NULL;
    }
    return text;
}

/* The next piece of a list, within an array that was opened long ago. */
static int list_step(struct api *api, const struct list_kind *kind, const struct list_key *key,
                     struct json_stream *json, bool *has_begun, void **part, char **ret_text)
{
    struct caught caught = {0};
    int r = 0;

    if (!*has_begun) {
        json_stream_begin(json, items_catch, &caught);
        r = json_stream_open_array(json, NULL);
        caught.length = 0;
        *has_begun = r == 0;
    }
    json->user = &caught;
    if (r == 0)
        r = kind->add(api, key, json, part);
    json->user = NULL;
    if (r >= 0 && caught.length > 0)
        *ret_text = take_item(&caught);
    free(caught.text);
    return r < 0 ? r : json->result < 0 ? json->result : r;
}

/* ---- services ---- */

/* The first that is not drawn says why; nothing where all are. */
static void add_first_reason(const struct api *api, const struct service *service, cJSON *object)
{
    bool is_panic = tables_service_is_panic(service, TCP);
    struct reasons reasons;

    if (is_panic)
        (void)cJSON_AddTrueToObject(object, "isPanic");
    for (const struct instance *one = service->instances; one; one = one->hh.next) {
        if (instance_is_eligible(one, one->protocol) && one->weight > 0 &&
            outliers_ejected_ms(api->outliers, one->endpoint) == 0)
            continue;
        reasons_find(api, one, &reasons);
        if (is_panic && one->protocol == TCP)
            reasons_panic(one, &reasons);
        if (reasons.n > 0) {
            (void)cJSON_AddStringToObject(object, "reason", reasons.items[0].text);
            return;
        }
    }
}

static cJSON *counted_object(const struct svc_endpoint_stats *stats)
{
    const struct {
        const char *name;
        uint64_t n;
    } members[] = {
        {"connections", stats->connections},
        {"established", stats->established},
        {"refused", stats->refused},
        {"timedOut", stats->timed_out},
        {"retransmitted", stats->retransmitted},
        {"gaveUp", stats->gave_up},
        {"resetEarly", stats->reset_early},
        {"unreachable", stats->unreachable},
        {"ejections", stats->ejections},
    };
    cJSON *object = cJSON_CreateObject();

    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        (void)cJSON_AddNumberToObject(object, members[i].name, (double)members[i].n);
    return object;
}

static cJSON *states_object(const struct metrics_service *figures)
{
    static const char *const names[METRICS_SERVICE_STATES] = {
        [METRICS_DRAWN] = "drawn",     [METRICS_EJECTED] = "ejected",   [METRICS_UNHEALTHY] = "unhealthy",
        [METRICS_UNKNOWN] = "unknown", [METRICS_DRAINING] = "draining", [METRICS_IDLE] = "idle",
    };
    cJSON *object = cJSON_CreateObject();

    for (unsigned i = 0; i < METRICS_SERVICE_STATES; i++)
        if (figures->endpoints[i] > 0)
            (void)cJSON_AddNumberToObject(object, names[i], (double)figures->endpoints[i]);
    return object;
}

/* The members of an object behind those of a text, which is one. */
static int join_objects(char *text, cJSON *more, char **ret_text)
{
    _cleanup_free_ char *tail = cJSON_PrintUnformatted(more);
    size_t length = strlen(text);
    char *joined;

    if (!tail || length < 2)
        return -ENOMEM;
    joined = realloc(text, length + strlen(tail) + 1);
    if (!joined)
        return -ENOMEM;
    joined[length - 1] = ',';
    (void)strcpy(joined + length, tail + 1);
    *ret_text = joined;
    return 0;
}

/* Half of the round trips are below that, by the buckets of callers. */
static double round_trip_ms(const struct metrics_caller *callers)
{
    struct svc_caller row = {0};

    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++)
        row.rtt[i] = (uint32_t)callers->rtt[i];
    return (double)caller_rtt(&row, 50) / 1000;
}

/* Of the service: how long answers and round trips take, and what went over it; what is not known is left out. */
static void add_times(const struct live_settings *settings, const struct metrics_service *figures,
                      const struct list_key *key, cJSON *object)
{
    struct metrics_caller callers;
    cJSON *bytes;

    if (first_byte_sum_count(&figures->first_byte))
        read_first_byte(&figures->first_byte, cJSON_AddObjectToObject(object, "firstByte"));
    if (!settings->callers ||
        !caller_totals_of_service(settings->callers, key->namespace_name, key->name, &callers))
        return;
    if (round_trip_ms(&callers) > 0)
        (void)cJSON_AddNumberToObject(object, "roundTripMilliseconds", round_trip_ms(&callers));
    bytes = cJSON_AddObjectToObject(object, "bytes");
    (void)cJSON_AddNumberToObject(bytes, "sent", (double)callers.bytes_sent);
    (void)cJSON_AddNumberToObject(bytes, "received", (double)callers.bytes_received);
}

int live_service_text(const struct live_settings *settings, const struct list_key *key, char **ret_text)
{
    struct api *api = settings->api;
    const struct service *service =
        catalog_service(engine_catalog(api->engine), key->namespace_name, key->name);
    struct metrics_service figures = totals_of(settings->totals, key->namespace_name, key->name);
    struct json_stream json;
    bool has_begun = false;
    void *part = NULL;
    char *text = NULL;
    cJSON *more;
    int r = list_step(api, &service_list, key, &json, &has_begun, &part, &text);

    if (r < 0 || !text || !service) {
        free(text);
        return r < 0 ? r : 0;
    }
    more = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(more, "counted", counted_object(&figures.stats));
    (void)cJSON_AddNumberToObject(more, "open", (double)figures.open);
    (void)cJSON_AddItemToObject(more, "endpoints", states_object(&figures));
    add_times(settings, &figures, key, more);
    add_first_reason(api, service, more);
    r = join_objects(text, more, ret_text);
    cJSON_Delete(more);
    if (r < 0)
        free(text);
    return r;
}

/* ---- aliases ---- */

int live_alias_text(const struct api *api, const struct list_key *key, char **ret_text)
{
    _cleanup_(alias_figures_done) struct alias_figures figures = {0};
    int r = alias_figures_make(api, key, true, &figures);
    cJSON *object, *targets;

    if (r <= 0)
        return r;
    object = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(object, "namespace", key->namespace_name);
    (void)cJSON_AddStringToObject(object, "dnsName", key->name);
    (void)cJSON_AddNumberToObject(object, "port", key->port);
    (void)cJSON_AddStringToObject(object, "protocol", figures.alias.protocol);
    (void)cJSON_AddNumberToObject(object, "drawn", (double)figures.alias.endpoints);
    targets = cJSON_AddArrayToObject(object, "targets");
    for (size_t i = 0; i < figures.alias.n_targets; i++) {
        cJSON *target = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(target, "service", figures.targets[i].service);
        (void)cJSON_AddNumberToObject(target, "wantedPercent", 100 * figures.targets[i].wanted);
        (void)cJSON_AddNumberToObject(target, "effectivePercent", 100 * figures.targets[i].effective);
        (void)cJSON_AddItemToArray(targets, target);
    }
    *ret_text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return *ret_text ? 0 : -ENOMEM;
}

/* ---- endpoints ---- */

int live_endpoint_text(struct api *api, const struct list_key *service, struct live_endpoints *endpoints,
                       char **ret_text)
{
    return list_step(api, &endpoint_list, service, &endpoints->json, &endpoints->has_begun, &endpoints->part,
                     ret_text);
}

void live_endpoints_done(struct live_endpoints *endpoints)
{
    endpoint_list.drop(endpoints->part);
    *endpoints = (struct live_endpoints){0};
}
