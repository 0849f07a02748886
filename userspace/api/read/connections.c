/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/connections: the log of connections that have ended, from a number on. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "api/read/reads.h"
#include "base/number.h"
#include "datapath/datapath.h"
#include "events/connection_log.h"
#include "events/event_log.h"

#define CONNECTIONS_AT_ONCE 500u
#define CONNECTIONS_MOST    ((uint64_t)1 << 53)

struct connections_wanted {
    struct connection_filter filter;
    uint64_t after;
    bool has_after;
};

static int connections_read_query(const struct api *api, const struct control_call *call,
                                  struct connections_wanted *wanted, struct error *error)
{
    const char *after = evhttp_find_header(call->query, "after");
    const char *failed = evhttp_find_header(call->query, "failed");
    const char *slow = evhttp_find_header(call->query, "slow");
    uint64_t slow_ms = 0;

    *wanted = (struct connections_wanted){
        .filter = {.namespace_name = read_wanted_namespace(api, call),
                   .client = evhttp_find_header(call->query, "client"),
                   .service = evhttp_find_header(call->query, "service"),
                   .only_failed = failed && strcmp(failed, "true") == 0},
        .has_after = after != NULL,
    };
    if (after && parse_number(after, 0, CONNECTIONS_MOST, &wanted->after) < 0)
        return error_input(error, "after", after, "the sequence number of a connection, or 0");
    if (failed && strcmp(failed, "true") != 0 && strcmp(failed, "false") != 0)
        return error_input(error, "failed", failed, "true or false");
    if (slow && parse_number(slow, 0, UINT32_MAX, &slow_ms) < 0)
        return error_input(error, "slow", slow, "milliseconds");
    wanted->filter.slow_us = slow_ms * 1000;
    return 0;
}

static void connections_add_time(cJSON *object, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    char date[32] = "", text[48];
    struct tm parts;

    if (gmtime_r(&seconds, &parts))
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(time_ms % 1000));
    (void)cJSON_AddStringToObject(object, "time", text);
}

static void connections_add_address(cJSON *object, const char *name, const __u8 bytes[16])
{
    char text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address address;

    memcpy(address.bytes, bytes, sizeof(address.bytes));
    (void)cJSON_AddStringToObject(object, name, ip_address_format(&address, text));
}

static cJSON *connection_item(const struct connection_entry *entry)
{
    const struct svc_connection *what = &entry->what;
    uint64_t duration_us = connection_duration_us(what);
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(object, "sequence", (double)entry->sequence);
    connections_add_time(object, entry->time_ms);
    (void)cJSON_AddStringToObject(object, "namespace", entry->names.namespace_name);
    (void)cJSON_AddStringToObject(object, "client", entry->names.client);
    if (*entry->names.cgroup)
        (void)cJSON_AddStringToObject(object, "cgroup", entry->names.cgroup);
    if (what->pid) {
        (void)cJSON_AddStringToObject(object, "process", what->process);
        (void)cJSON_AddNumberToObject(object, "pid", what->pid);
    }
    if (what->alias_port_be) {
        (void)cJSON_AddStringToObject(object, "alias", entry->names.alias);
        connections_add_address(object, "aliasAddress", what->alias);
        (void)cJSON_AddNumberToObject(object, "aliasPort", ntohs(what->alias_port_be));
    }
    (void)cJSON_AddStringToObject(object, "service", entry->names.service);
    (void)cJSON_AddStringToObject(object, "instance", entry->names.instance);
    connections_add_address(object, "address", what->address);
    (void)cJSON_AddNumberToObject(object, "port", ntohs(what->port_be));
    (void)cJSON_AddStringToObject(object, "outcome", connection_outcome(what->outcome));
    if (connection_reason(what->outcome))
        (void)cJSON_AddStringToObject(object, "reason", connection_reason(what->outcome));
    if (duration_us != UINT64_MAX)
        (void)cJSON_AddNumberToObject(object, "milliseconds", (double)duration_us / 1000);
    (void)cJSON_AddNumberToObject(object, "bytesSent", (double)what->bytes_sent);
    (void)cJSON_AddNumberToObject(object, "bytesReceived", (double)what->bytes_received);
    if (what->rtt_us)
        (void)cJSON_AddNumberToObject(object, "roundTripMicroseconds", what->rtt_us);
    if (what->first_byte_us)
        (void)cJSON_AddNumberToObject(object, "firstByteMicroseconds", what->first_byte_us);
    return object;
}

/* So many entries are looked at, too: a filter that keeps none takes no longer than one that keeps all. */
int read_connections(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    const struct connection_log *log = api->connections;
    const struct connection_entry *entry;
    struct connections_wanted wanted;
    unsigned n = 0;
    uint64_t next, newest = log ? log->newest : 0;
    cJSON *answer, *list;
    int r = connections_read_query(api, call, &wanted, error);

    if (r < 0)
        return r;
    answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(answer, "connections");
    next = wanted.after < newest ? wanted.after : newest; /* a number from before a restart */
    while (log && n < CONNECTIONS_AT_ONCE && (entry = connection_log_next(log, next))) {
        if (connection_is_wanted(&wanted.filter, entry)) {
            (void)cJSON_AddItemToArray(list, connection_item(entry));
            n++;
        }
        next = entry->sequence;
    }
    (void)cJSON_AddNumberToObject(answer, "next", (double)next);
    (void)cJSON_AddBoolToObject(answer, "isWhole", next == newest);
    (void)cJSON_AddBoolToObject(answer, "lost",
                                wanted.has_after && log && wanted.after + 1 < connection_log_oldest(log));
    (void)cJSON_AddNumberToObject(answer, "unlogged", (double)datapath_caller(api->datapath, 0)->unlogged);
    (void)cJSON_AddStringToObject(answer, "log", api->settings.connection_log);
    (void)cJSON_AddStringToObject(answer, "epoch", event_log_epoch(api->events));
    *ret_answer = answer;
    return 0;
}
