/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Host names of instances, for people. */
#include <stdio.h>

#include "base/clock.h"
#include "daemon/config_external.h"
#include "daemon/daemon.h"
#include "api/read/reads.h"

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
        read_add_time(object, "resolvedAt", (time_t)external->resolved_at);
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

static struct counts count(const struct daemon *daemon)
{
    struct counts counts = {0};
    const struct external *external;

    for (external = daemon->externals.all; external; external = external->hh.next) {
        counts.unresolved += external->n == 0;
        if (external->failures == 0)
            continue;
        counts.failing++;
        if (!counts.first)
            counts.first = external;
    }
    return counts;
}

cJSON *externals_describe(const struct daemon *daemon)
{
    const struct externals *self = &daemon->externals;
    struct counts counts = count(daemon);
    struct resolver_figures figures = resolver_figures(self->resolver);
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(object, "count", HASH_COUNT(self->all));
    (void)cJSON_AddNumberToObject(object, "failing", counts.failing);
    (void)cJSON_AddNumberToObject(object, "unresolved", counts.unresolved);
    (void)cJSON_AddNumberToObject(object, "asked", (double)figures.asked);
    (void)cJSON_AddNumberToObject(object, "failed", (double)self->failed);
    (void)cJSON_AddNumberToObject(object, "inFlight", figures.in_flight);
    (void)cJSON_AddNumberToObject(object, "waiting", figures.waiting);
    (void)cJSON_AddItemToObject(object, "nameServers", config_external_servers_json(&daemon->config));
    return object;
}

const char *externals_trouble(const struct daemon *daemon, char *text, size_t size)
{
    struct counts counts = count(daemon);

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
