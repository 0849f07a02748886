/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/callers: who calls whom, most used first, as the programs have counted it (svcconnect/callers.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/callers.h"
#include "api/read/first_byte.h"
#include "api/read/reads.h"
#include "base/cleanup.h"
#include "base/number.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "tasks/task_list.h"

#define CALLERS_LIMIT 500

void caller_find_names(const struct api *api, const struct svc_caller *row, struct caller_names *ret_names)
{
    const struct svc_caller_name *name = task_callers_name(&api->tasks->callers, row->caller);
    const struct instance *instance = engine_instance(api->engine, row->endpoint);
    struct ip_address alias;
    struct engine_name found;
    uint32_t scope;

    *ret_names = (struct caller_names){.namespace_name = name ? name->namespace : "",
                                       .client = name ? name->service : "",
                                       .cgroup = name ? name->cgroup : "",
                                       .service = "",
                                       .instance = "",
                                       .alias = ""};
    memcpy(ret_names->address.bytes, row->address, sizeof(row->address));
    memcpy(alias.bytes, row->alias, sizeof(row->alias));
    /* The number may be another endpoint's by now. */
    if (instance && ip_address_equal(&instance->address, &ret_names->address) &&
        instance->port == ntohs(row->port_be)) {
        ret_names->service = instance->service->name;
        ret_names->instance = instance->id;
    }
    if (row->alias_port_be && name &&
        engine_find_scope(api->engine, name->namespace, name->service, &scope) == 0 &&
        engine_find_address(api->engine, scope, &alias, &found) == 0)
        ret_names->alias = found.name;
}

uint64_t caller_ended(const struct svc_caller *row)
{
    return row->closed + row->failed[RESET_EARLY] + row->failed[REFUSED] + row->failed[TIMED_OUT] +
           row->failed[GAVE_UP];
}

uint64_t caller_open(const struct svc_caller *row)
{
    uint64_t ended = caller_ended(row);

    return row->connections > ended ? row->connections - ended : 0;
}

uint32_t caller_rtt(const struct svc_caller *row, unsigned percent)
{
    uint64_t all = 0, seen = 0;

    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++)
        all += row->rtt[i];
    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++) {
        seen += row->rtt[i];
        if (seen * 100 >= all * percent)
            return svc_rtt_bucket_end(i);
    }
    return 0;
}

static void callers_add_outcomes(const struct svc_caller *row, cJSON *object)
{
    cJSON *outcomes = cJSON_AddObjectToObject(object, "outcomes");

    (void)cJSON_AddNumberToObject(outcomes, "closed", (double)row->closed);
    (void)cJSON_AddNumberToObject(outcomes, "refused", (double)row->failed[REFUSED]);
    (void)cJSON_AddNumberToObject(outcomes, "timedOut", (double)row->failed[TIMED_OUT]);
    (void)cJSON_AddNumberToObject(outcomes, "retransmitted", (double)row->failed[RETRANSMITTED]);
    (void)cJSON_AddNumberToObject(outcomes, "gaveUp", (double)row->failed[GAVE_UP]);
    (void)cJSON_AddNumberToObject(outcomes, "resetEarly", (double)row->failed[RESET_EARLY]);
}

/* By buckets; whoever wants other percentiles adds up. The last one has no end. */
static void callers_add_rtt(const struct svc_caller *row, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "roundTrips");

    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateNumber(row->rtt[i]));
    (void)cJSON_AddNumberToObject(object, "roundTripMicroseconds50", caller_rtt(row, 50));
    (void)cJSON_AddNumberToObject(object, "roundTripMicroseconds99", caller_rtt(row, 99));
}

static void caller_add_first_byte(const struct svc_first_byte *counted, cJSON *object)
{
    struct first_byte_sum sum = first_byte_sum_of(counted);

    if (first_byte_sum_count(&sum))
        read_first_byte(&sum, cJSON_AddObjectToObject(object, "firstByte"));
}

static void callers_add_counts(const struct api *api, const struct svc_caller *row, uint32_t number,
                               cJSON *object)
{
    (void)cJSON_AddNumberToObject(object, "connections", (double)row->connections);
    (void)cJSON_AddNumberToObject(object, "open", (double)caller_open(row));
    callers_add_outcomes(row, object);
    (void)cJSON_AddNumberToObject(object, "bytesSent", (double)row->bytes_sent);
    (void)cJSON_AddNumberToObject(object, "bytesReceived", (double)row->bytes_received);
    callers_add_rtt(row, object);
    caller_add_first_byte(datapath_caller_first_byte(api->datapath, number), object);
}

static cJSON *caller_item(const struct api *api, const struct caller_names *names,
                          const struct svc_caller *row)
{
    cJSON *object = cJSON_CreateObject();
    char text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address alias;

    (void)cJSON_AddStringToObject(object, "namespace", names->namespace_name);
    (void)cJSON_AddStringToObject(object, "client", names->client);
    if (*names->cgroup)
        (void)cJSON_AddStringToObject(object, "cgroup", names->cgroup);
    if (row->alias_port_be) {
        memcpy(alias.bytes, row->alias, sizeof(row->alias));
        (void)cJSON_AddStringToObject(object, "alias", names->alias);
        (void)cJSON_AddStringToObject(object, "aliasAddress", ip_address_format(&alias, text));
        (void)cJSON_AddNumberToObject(object, "aliasPort", ntohs(row->alias_port_be));
    }
    (void)cJSON_AddStringToObject(object, "service", names->service);
    (void)cJSON_AddStringToObject(object, "instance", names->instance);
    (void)cJSON_AddStringToObject(object, "address", ip_address_format(&names->address, text));
    (void)cJSON_AddNumberToObject(object, "port", ntohs(row->port_be));
    callers_add_counts(api, row, (uint32_t)(row - datapath_caller(api->datapath, 0)), object);
    return object;
}

struct cJSON *read_caller(const struct api *api, uint32_t number)
{
    const struct svc_caller *row = datapath_caller(api->datapath, number);
    struct caller_names names;

    if (!row || !row->caller)
        return NULL;
    caller_find_names(api, row, &names);
    return caller_item(api, &names, row);
}

struct callers_wanted {
    const char *namespace_name, *client, *service; /* NULL: any */
    uint64_t limit;
};

static int callers_read_query(const struct api *api, const struct control_call *call,
                              struct callers_wanted *wanted, struct error *error)
{
    const char *limit = evhttp_find_header(call->query, "limit");

    wanted->namespace_name = read_wanted_namespace(api, call);
    wanted->client = evhttp_find_header(call->query, "client");
    wanted->service = evhttp_find_header(call->query, "service");
    wanted->limit = CALLERS_LIMIT;
    if (limit && parse_number(limit, 1, SVC_CALLERS, &wanted->limit) < 0)
        return error_input(error, "limit", limit, "a whole number from 1 to %u", SVC_CALLERS);
    return 0;
}

static bool is_as_wanted(const char *wanted, const char *text)
{
    return !wanted || strcmp(wanted, text) == 0;
}

static int callers_by_use(const void *a, const void *b)
{
    const struct svc_caller *left = *(const struct svc_caller *const *)a;
    const struct svc_caller *right = *(const struct svc_caller *const *)b;

    return (left->connections < right->connections) - (left->connections > right->connections);
}

int read_callers(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    _cleanup_free_ const struct svc_caller **rows = calloc(SVC_CALLERS, sizeof(*rows));
    struct callers_wanted wanted;
    cJSON *answer, *list;
    size_t n = 0;
    uint64_t shown = 0;
    bool is_whole = true;
    int r = callers_read_query(api, call, &wanted, error);

    if (r < 0)
        return r;
    if (!rows)
        return -ENOMEM;
    for (uint32_t i = 1; i <= SVC_CALLERS; i++)
        if (datapath_caller(api->datapath, i)->caller)
            rows[n++] = datapath_caller(api->datapath, i);
    qsort((void *)rows, n, sizeof(*rows), callers_by_use);
    answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(answer, "callers");
    for (size_t i = 0; i < n && is_whole; i++) {
        struct caller_names names;

        caller_find_names(api, rows[i], &names);
        if (!is_as_wanted(wanted.namespace_name, names.namespace_name) ||
            !is_as_wanted(wanted.client, names.client) || !is_as_wanted(wanted.service, names.service))
            continue;
        is_whole = shown++ < wanted.limit;
        if (is_whole)
            (void)cJSON_AddItemToArray(list, caller_item(api, &names, rows[i]));
    }
    callers_add_counts(api, datapath_caller(api->datapath, 0), 0, cJSON_AddObjectToObject(answer, "others"));
    (void)cJSON_AddBoolToObject(answer, "isWhole", is_whole);
    (void)cJSON_AddBoolToObject(answer, "isCounted", api->settings.counts_callers);
    *ret_answer = answer;
    return 0;
}
