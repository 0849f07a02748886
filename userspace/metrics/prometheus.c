/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Prometheus text exposition format 0.0.4. */
#include <inttypes.h>

#include "metrics/snapshot.h"

static void header(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
    header(out, name, "gauge", help);
    (void)fprintf(out, "%s %.17g\n", name, value);
}

static void connects(FILE *out, const char *result, uint64_t value)
{
    (void)fprintf(out, "svcconnect_connects_total{result=\"%s\"} %" PRIu64 "\n", result, value);
}

static void write_label(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '\n')
            (void)fputc('\\', out);
        (void)fputc(*text == '\n' ? 'n' : *text, out);
    }
}

void metrics_write(FILE *out, const struct metrics_snapshot *snapshot)
{
    header(out, "svcconnect_connects_total", "counter",
           "Connects of tasks by what the program did with them.");
    connects(out, "hit", snapshot->counters.hit);
    connects(out, "miss", snapshot->counters.miss);
    connects(out, "no_endpoint", snapshot->counters.no_endpoint);
    connects(out, "inconsistent", snapshot->counters.inconsistent);
    header(out, "svcconnect_lookup_retries_total", "counter",
           "Lookups done again because an entry was in change.");
    (void)fprintf(out, "svcconnect_lookup_retries_total %" PRIu64 "\n", (uint64_t)snapshot->counters.retried);
    header(out, "svcconnect_map_used", "gauge", "Entries in use of a map of the data path.");
    for (size_t i = 0; i < snapshot->n_maps; i++)
        (void)fprintf(out, "svcconnect_map_used{map=\"%s\"} %u\n", snapshot->maps[i].name,
                      snapshot->maps[i].used);
    header(out, "svcconnect_map_max", "gauge", "Entries a map of the data path has room for.");
    for (size_t i = 0; i < snapshot->n_maps; i++)
        (void)fprintf(out, "svcconnect_map_max{map=\"%s\"} %u\n", snapshot->maps[i].name,
                      snapshot->maps[i].max);
    header(out, "svcconnect_map_writes_total", "counter",
           "Entries this daemon has written into the data path.");
    (void)fprintf(out, "svcconnect_map_writes_total %" PRIu64 "\n", snapshot->map_writes);
    gauge(out, "svcconnect_namespaces", "Namespaces registered.", (double)snapshot->namespaces);
    gauge(out, "svcconnect_services", "Services registered.", (double)snapshot->services);
    gauge(out, "svcconnect_instances", "Instances registered.", (double)snapshot->instances);
    gauge(out, "svcconnect_aliases", "Client aliases published.", (double)snapshot->aliases);
    gauge(out, "svcconnect_tasks", "Task cgroups attached.", (double)snapshot->tasks);
    gauge(out, "svcconnect_registry_revision", "Revision of the registry.", (double)snapshot->revision);
    gauge(out, "svcconnect_uptime_seconds", "Seconds since this daemon was ready.", snapshot->uptime_seconds);
}

void metrics_write_endpoint_header(FILE *out)
{
    header(out, "svcconnect_endpoint_connections_total", "counter", "Connects sent to an endpoint.");
}

void metrics_write_endpoint(FILE *out, const struct metrics_endpoint *endpoint)
{
    (void)fputs("svcconnect_endpoint_connections_total{namespace=\"", out);
    write_label(out, endpoint->namespace_name);
    (void)fputs("\",service=\"", out);
    write_label(out, endpoint->service);
    (void)fputs("\",instance=\"", out);
    write_label(out, endpoint->instance);
    (void)fprintf(out, "\"} %" PRIu64 "\n", endpoint->connections);
}
