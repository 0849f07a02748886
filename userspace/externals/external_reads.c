/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Host names of instances, for people. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "externals/externals.h"

cJSON *external_describe(const struct external *external)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *list;
    uint64_t now = clock_monotonic_ms();

    (void)cJSON_AddStringToObject(object, "host", external->host);
    list = cJSON_AddArrayToObject(object, "addresses");
    for (size_t i = 0; i < external->n; i++) {
        char text[IP_ADDRESS_TEXT_SIZE];

        if (!external->addresses[i].leaves_at)
            (void)cJSON_AddItemToArray(
                list, cJSON_CreateString(ip_address_format(&external->addresses[i].address, text)));
    }
    if (external->resolved_at)
        json_add_time(object, "resolvedAt", (time_t)external->resolved_at);
    (void)cJSON_AddBoolToObject(object, "asking", external->query != NULL);
    if (!external->query)
        (void)cJSON_AddNumberToObject(object, "nextSeconds",
                                      external->next_ms > now ? (double)(external->next_ms - now) / 1000 : 0);
    (void)cJSON_AddNumberToObject(object, "failures", external->failures);
    if (external->failures)
        (void)cJSON_AddStringToObject(object, "error", external->failure);
    return object;
}

struct counts {
    unsigned failing;
    unsigned unresolved;
    const struct external *first; /* that fails */
};

static struct counts external_reads_count(const struct externals *externals)
{
    struct counts counts = {0};
    const struct external *external;

    for (external = externals->all; external; external = external->hh.next) {
        counts.unresolved += external->n == 0;
        if (external->failures == 0)
            continue;
        counts.failing++;
        if (!counts.first)
            counts.first = external;
    }
    return counts;
}

cJSON *externals_describe(const struct externals *externals)
{
    struct counts counts = external_reads_count(externals);
    struct resolver_figures figures = resolver_figures(externals->resolver);
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(object, "count", HASH_COUNT(externals->all));
    (void)cJSON_AddNumberToObject(object, "failing", counts.failing);
    (void)cJSON_AddNumberToObject(object, "unresolved", counts.unresolved);
    (void)cJSON_AddNumberToObject(object, "asked", (double)figures.asked);
    (void)cJSON_AddNumberToObject(object, "failed", (double)externals->failed);
    (void)cJSON_AddNumberToObject(object, "inFlight", figures.in_flight);
    (void)cJSON_AddNumberToObject(object, "waiting", figures.waiting);
    external_add_servers(externals->settings.servers, object);
    return object;
}

const char *externals_trouble(const struct externals *externals, char *text, size_t size)
{
    struct counts counts = external_reads_count(externals);

    if (!counts.first)
        return NULL;
    (void)snprintf(
        text, size,
        "%u host name%s cannot be resolved, addresses known last stay in use; for one %.200s of %.200s: "
        "%s",
        counts.failing, counts.failing == 1 ? "" : "s", counts.first->host, counts.first->name,
        counts.first->failure);
    return text;
}

void external_add_servers(const char *servers, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "nameServers");
    _cleanup_free_ char *text = strdup(servers ? servers : "");
    char *rest = text;
    char *item;

    while (rest && *rest && (item = strsep(&rest, ",")))
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(item));
}
