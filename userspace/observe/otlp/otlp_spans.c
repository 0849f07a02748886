/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp_spans.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "events/connection_log.h"

#define KIND_CLIENT  3
#define STATUS_ERROR 2

/* Numbers that differ for different ones, and look random (splitmix64); never 0, which is no id. */
static uint64_t otlp_mix(uint64_t seed, uint64_t number)
{
    uint64_t mixed = seed + number * 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    return mixed ? mixed : 1;
}

/* Whose connection it is; of a task without a service its cgroup. */
static const char *span_client(const struct connection_names *names)
{
    return *names->client ? names->client : *names->cgroup ? names->cgroup : "unknown_service";
}

static bool is_of_same_client(const struct connection_entry *a, const struct connection_entry *b)
{
    return strcmp(span_client(&a->names), span_client(&b->names)) == 0 &&
           strcmp(a->names.namespace_name, b->names.namespace_name) == 0;
}

static void otlp_put_address(FILE *out, bool *is_next, const char *key, const __u8 bytes[16])
{
    char text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address address;

    memcpy(address.bytes, bytes, sizeof(address.bytes));
    otlp_put_attribute(out, is_next, key, ip_address_format(&address, text));
}

/* What was dialled is the server, what answered is the peer. */
static void otlp_put_addresses(FILE *out, bool *is_next, const struct connection_entry *entry)
{
    const struct svc_connection *what = &entry->what;
    bool has_alias = what->alias_port_be != 0;

    if (has_alias && *entry->names.alias)
        otlp_put_attribute(out, is_next, "server.address", entry->names.alias);
    else
        otlp_put_address(out, is_next, "server.address", has_alias ? what->alias : what->address);
    otlp_put_number(out, is_next, "server.port", ntohs(has_alias ? what->alias_port_be : what->port_be));
    otlp_put_address(out, is_next, "network.peer.address", what->address);
    otlp_put_number(out, is_next, "network.peer.port", ntohs(what->port_be));
    otlp_put_attribute(out, is_next, "network.transport", "tcp");
}

static void put_span_attributes(FILE *out, const struct connection_entry *entry)
{
    const struct svc_connection *what = &entry->what;
    const char *outcome = connection_outcome(what->outcome);
    bool is_next = false;

    otlp_put_addresses(out, &is_next, entry);
    if (*entry->names.service)
        otlp_put_attribute(out, &is_next, "peer.service", entry->names.service);
    if (*entry->names.instance)
        otlp_put_attribute(out, &is_next, "svcconnect.instance", entry->names.instance);
    otlp_put_attribute(out, &is_next, "svcconnect.outcome", outcome);
    if (what->outcome != CLOSED)
        otlp_put_attribute(out, &is_next, "error.type", outcome);
    otlp_put_number(out, &is_next, "svcconnect.bytes_sent", what->bytes_sent);
    otlp_put_number(out, &is_next, "svcconnect.bytes_received", what->bytes_received);
    if (what->rtt_us)
        otlp_put_number(out, &is_next, "svcconnect.round_trip_us", what->rtt_us);
    if (what->first_byte_us)
        otlp_put_number(out, &is_next, "svcconnect.first_byte_us", what->first_byte_us);
    if (what->pid) {
        otlp_put_number(out, &is_next, "process.pid", what->pid);
        otlp_put_attribute(out, &is_next, "process.executable.name", what->process);
    }
}

static void put_span(FILE *out, const struct otlp_source *source, const struct connection_entry *entry)
{
    const struct connection_names *names = &entry->names;
    const char *to = *names->alias ? names->alias : *names->service ? names->service : "endpoint";
    uint64_t us = connection_duration_us(&entry->what);
    int64_t end_us = entry->time_ms * 1000;
    int64_t start_us = us == UINT64_MAX ? end_us : end_us - (int64_t)us;
    char name[256];

    (void)snprintf(name, sizeof(name), "connect %s", to);
    (void)fprintf(out,
                  "{\"traceId\":\"%016" PRIx64 "%016" PRIx64 "\",\"spanId\":\"%016" PRIx64 "\",\"name\":",
                  otlp_mix(source->seed[0], entry->sequence), otlp_mix(source->seed[1], entry->sequence),
                  otlp_mix(source->seed[0] ^ source->seed[1], entry->sequence));
    otlp_put_text(out, name);
    (void)fprintf(out,
                  ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64 "000\",\"endTimeUnixNano\":\"%" PRId64
                  "000\",\"attributes\":[",
                  KIND_CLIENT, start_us, end_us);
    put_span_attributes(out, entry);
    (void)fputs("],\"status\":{", out);
    if (entry->what.outcome != CLOSED)
        (void)fprintf(out, "\"code\":%d,\"message\":\"%s\"", STATUS_ERROR,
                      connection_outcome(entry->what.outcome));
    (void)fputs("}}", out);
}

/* Neighbours of one client share a resource. */
static void put_spans(FILE *out, const struct otlp_source *source, const struct connection_log *log,
                      uint64_t after, unsigned most, struct otlp_batch *batch)
{
    const struct connection_entry *entry, *before = NULL;

    (void)fputs("{\"resourceSpans\":[", out);
    batch->last = after;
    while (batch->n < most && (entry = connection_log_next(log, batch->last))) {
        if (before && is_of_same_client(before, entry)) {
            (void)fputc(',', out);
        } else {
            (void)fputs(before ? "]}]},{" : "{", out);
            otlp_put_resource(out, source, span_client(&entry->names), entry->names.namespace_name,
                              "scopeSpans");
            (void)fputs(",\"spans\":[", out);
        }
        put_span(out, source, entry);
        before = entry;
        batch->last = entry->sequence;
        batch->n++;
    }
    (void)fputs(before ? "]}]}]}" : "]}", out);
}

int otlp_spans(const struct otlp_source *source, const struct connection_log *log, uint64_t after,
               unsigned most, struct otlp_batch *ret_batch)
{
    struct otlp_batch batch = {0};
    size_t size;
    FILE *out;

    if (most == 0 || !connection_log_next(log, after)) {
        *ret_batch = (struct otlp_batch){.last = after};
        return 0;
    }
    out = open_memstream(&batch.body, &size);
    if (!out)
        return -ENOMEM;
    put_spans(out, source, log, after, most, &batch);
    if (fclose(out) != 0) {
        free(batch.body);
        return -ENOMEM;
    }
    *ret_batch = batch;
    return 0;
}
