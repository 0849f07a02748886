/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Prometheus text exposition format 0.0.4. */
#include <inttypes.h>
#include <math.h>

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

static void counter(FILE *out, const char *name, const char *help, uint64_t value)
{
    header(out, name, "counter", help);
    (void)fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void connects(FILE *out, const char *result, uint64_t value)
{
    (void)fprintf(out, "svcconnect_connects_total{result=\"%s\"} %" PRIu64 "\n", result, value);
}

/* Buckets of this format hold what is in those below them, too; the last one is named +Inf. */
static void histogram(FILE *out, const char *name, const char *help, const struct histogram *values)
{
    uint64_t seen = 0;

    header(out, name, "histogram", help);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        double bound = histogram_bound(i);

        seen += values->buckets[i];
        if (isinf(bound))
            (void)fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, seen);
        else
            (void)fprintf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bound, seen);
    }
    (void)fprintf(out, "%s_sum %.17g\n%s_count %" PRIu64 "\n", name, values->sum, name, values->count);
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
    connects(out, "no_alias", snapshot->refusals.no_alias);
    connects(out, "inconsistent", snapshot->counters.inconsistent);
    header(out, "svcconnect_lookup_retries_total", "counter",
           "Lookups done again because an entry was in change.");
    (void)fprintf(out, "svcconnect_lookup_retries_total %" PRIu64 "\n", (uint64_t)snapshot->counters.retried);
    counter(out, "svcconnect_redraws_total", "Draws of an ejected endpoint that were done again.",
            snapshot->counters.redrawn);
    counter(out, "svcconnect_all_ejected_total",
            "Connects for which every endpoint was ejected: one was used.", snapshot->counters.all_ejected);
    counter(out, "svcconnect_events_lost_total", "Events of the programs that found the ring buffer full.",
            snapshot->counters.events_lost);
    counter(out, "svcconnect_pins_put_back_total",
            "Pins of maps and links that somebody had removed and that were put back.",
            snapshot->pins_put_back);
    counter(out, "svcconnect_probes_total", "Health checks done.", snapshot->probes);
    counter(out, "svcconnect_probes_failed_total", "Health checks that failed.", snapshot->probes_failed);
    gauge(out, "svcconnect_probe_targets", "Endpoints with a health check.", snapshot->probe_targets);
    gauge(out, "svcconnect_weak_observer",
          "1 while so many checks of different services fail that this host is taken for the cause.",
          snapshot->is_weak_observer);
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
    gauge(out, "svcconnect_degraded",
          "How many conditions make the daemon's state degraded; status tells them.", snapshot->troubles);
    gauge(out, "svcconnect_registry_degraded",
          "1 while the registry is not the one that what is published came from, or is damaged.",
          snapshot->is_registry_degraded);
    gauge(out, "svcconnect_kept_aliases", "Aliases that stay published because of that.",
          snapshot->kept_aliases);
    gauge(out, "svcconnect_uptime_seconds", "Seconds since this daemon was ready.", snapshot->uptime_seconds);
    if (snapshot->loop_lag)
        histogram(out, "svcconnect_loop_lag_seconds",
                  "How late the event loop came to a clock that ticks every 100 ms.", snapshot->loop_lag);
}

/* One endpoint's value; `label` may be NULL, its value needs no escaping. */
static void sample(FILE *out, const char *name, const struct metrics_endpoint *endpoint, const char *label,
                   const char *label_value, uint64_t value)
{
    (void)fprintf(out, "%s{namespace=\"", name);
    write_label(out, endpoint->namespace_name);
    (void)fputs("\",service=\"", out);
    write_label(out, endpoint->service);
    (void)fputs("\",instance=\"", out);
    write_label(out, endpoint->instance);
    if (*endpoint->address)
        (void)fprintf(out, "\",address=\"%s", endpoint->address);
    if (label)
        (void)fprintf(out, "\",%s=\"%s", label, label_value);
    (void)fprintf(out, "\"} %" PRIu64 "\n", value);
}

/* ---- families of endpoints ---- */

static void write_connections(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    sample(out, name, endpoint, NULL, NULL, endpoint->stats.connections);
}

static void write_outcomes(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    const struct svc_endpoint_stats *stats = &endpoint->stats;

    sample(out, name, endpoint, "outcome", "established", stats->established);
    sample(out, name, endpoint, "outcome", "refused", stats->refused);
    sample(out, name, endpoint, "outcome", "timed_out", stats->timed_out);
    sample(out, name, endpoint, "outcome", "retransmitted", stats->retransmitted);
    sample(out, name, endpoint, "outcome", "gave_up", stats->gave_up);
    sample(out, name, endpoint, "outcome", "reset_early", stats->reset_early);
    sample(out, name, endpoint, "outcome", "unreachable", stats->unreachable);
}

static void write_ejections(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    sample(out, name, endpoint, NULL, NULL, endpoint->stats.ejections);
}

static void write_ejected(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    sample(out, name, endpoint, NULL, NULL, endpoint->is_ejected);
}

static void write_open(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    sample(out, name, endpoint, NULL, NULL, endpoint->open);
}

static void write_health(FILE *out, const char *name, const struct metrics_endpoint *endpoint)
{
    sample(out, name, endpoint, "state", endpoint->health, 1);
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(FILE *out, const char *name, const struct metrics_endpoint *endpoint);
    bool has_stats;
} families[] = {
    {"svcconnect_endpoint_connections_total", "counter", "Connects sent to an endpoint.", write_connections,
     true},
    {"svcconnect_endpoint_outcomes_total", "counter",
     "What became of TCP connects of tasks to an endpoint's address.", write_outcomes, true},
    {"svcconnect_endpoint_ejections_total", "counter", "Times an endpoint was ejected.", write_ejections,
     true},
    {"svcconnect_endpoint_ejected", "gauge", "1 while an endpoint is ejected.", write_ejected, false},
    {"svcconnect_endpoint_open", "gauge", "Open connections of tasks to an endpoint.", write_open, true},
    {"svcconnect_endpoint_health", "gauge", "1 for the state an endpoint is in.", write_health, false},
};

_Static_assert(sizeof(families) / sizeof(families[0]) == METRICS_FAMILIES, "as many as the header says");

void metrics_begin_family(FILE *out, unsigned family)
{
    header(out, families[family].name, families[family].type, families[family].help);
}

void metrics_write_endpoint(FILE *out, unsigned family, const struct metrics_endpoint *endpoint)
{
    families[family].write(out, families[family].name, endpoint);
}

bool metrics_family_has_stats(unsigned family)
{
    return families[family].has_stats;
}

void metrics_write_tail(FILE *out, bool is_consistent)
{
    gauge(out, "svcconnect_scrape_consistent",
          "0 if what is registered has changed while this was written: new endpoints may lack metrics.",
          is_consistent);
}
