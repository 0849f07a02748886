/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What there is to tell of the daemon and of its endpoints, family by family. */
#include "metrics/fleet.h"
#include "metrics/snapshot.h"
#include "metrics/outcomes.h"

#include "base/cleanup.h"

static void connects(const struct metrics_text *text, const char *result, uint64_t value)
{
    metrics_text_count(text, "svcconnect_connects_total", &(struct metrics_label){"result", result}, 1,
                       value);
}

static void states(const struct metrics_text *text, const char *name, const char *label,
                   const struct metrics_state *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        metrics_text_count(text, name, &(struct metrics_label){label, items[i].name}, 1, items[i].n);
}

static void write_build(const struct metrics_text *text, const struct metrics_snapshot *snapshot)
{
    const struct metrics_label labels[] = {
        {"version", snapshot->version},
        {"kernel", snapshot->kernel ? snapshot->kernel : "unknown"},
    };

    if (!snapshot->version)
        return;
    metrics_text_family(text, "svcconnect_build_info", "gauge", "1, with the versions of daemon and kernel.");
    metrics_text_count(text, "svcconnect_build_info", labels, ARRAY_SIZE(labels), 1);
}

static void write_otlp(const struct metrics_text *text, const struct metrics_otlp *otlp)
{
    metrics_text_counter(text, "svcconnect_otlp_sent_total",
                         "Connections of the log that the collector has taken as spans.", otlp->sent);
    metrics_text_counter(text, "svcconnect_otlp_dropped_total",
                         "Connections of the log that it refused, or did not take while there was room.",
                         otlp->dropped);
    metrics_text_counter(text, "svcconnect_otlp_failed_requests_total",
                         "Requests to the collector that it did not take.", otlp->failed_requests);
}

/* What is under way, and what serves names. */
static void write_activity(const struct metrics_text *text, const struct metrics_snapshot *snapshot)
{
    metrics_text_gauge(text, "svcconnect_tasks_not_attached",
                       "Tasks whose cgroup the programs could not be attached to.",
                       (double)snapshot->tasks_not_attached);
    metrics_text_gauge(text, "svcconnect_drains", "Instances that drain.", (double)snapshot->drains);
    metrics_text_family(text, "svcconnect_canaries", "gauge", "Canaries by their state.");
    states(text, "svcconnect_canaries", "state", snapshot->canaries, snapshot->n_canaries);
    metrics_text_gauge(text, "svcconnect_dns_on", "1 while the DNS questions of tasks are answered.",
                       snapshot->is_dns_on);
    metrics_text_family(text, "svcconnect_dns_questions_total", "counter",
                        "DNS questions by what became of them; timed_out ones are among those forwarded.");
    states(text, "svcconnect_dns_questions_total", "result", snapshot->dns_questions,
           snapshot->n_dns_questions);
    metrics_text_gauge(text, "svcconnect_container_runtimes", "Container runtimes that are followed.",
                       (double)snapshot->runtimes);
    metrics_text_gauge(text, "svcconnect_container_runtimes_connected", "Those of them that answer.",
                       (double)snapshot->runtimes_connected);
    if (snapshot->changed_at > 0)
        metrics_text_gauge(text, "svcconnect_registry_changed_timestamp_seconds",
                           "When the registry was last changed, in seconds since 1970.",
                           snapshot->changed_at);
}

void metrics_write(const struct metrics_text *text, const struct metrics_snapshot *snapshot)
{
    metrics_text_family(text, "svcconnect_connects_total", "counter",
                        "Connects of tasks by what the program did with them.");
    connects(text, "hit", snapshot->counters.hit);
    connects(text, "miss", snapshot->counters.miss);
    connects(text, "no_endpoint", snapshot->counters.no_endpoint);
    connects(text, "no_alias", snapshot->refusals.no_alias);
    connects(text, "policy", snapshot->refusals.policy);
    connects(text, "inconsistent", snapshot->counters.inconsistent);
    metrics_text_family(text, "svcconnect_lookup_retries_total", "counter",
                        "Lookups done again because an entry was in change.");
    metrics_text_count(text, "svcconnect_lookup_retries_total", NULL, 0, snapshot->counters.retried);
    metrics_text_counter(text, "svcconnect_redraws_total",
                         "Draws of an ejected endpoint that were done again.", snapshot->counters.redrawn);
    metrics_text_counter(text, "svcconnect_all_ejected_total",
                         "Connects for which every endpoint was ejected: one was used.",
                         snapshot->counters.all_ejected);
    metrics_text_counter(
        text, "svcconnect_saved_total",
        "Connects that drew an endpoint of this host where nobody listened: another was used.",
        snapshot->refusals.saved);
    metrics_text_counter(
        text, "svcconnect_policy_audited_total",
        "Connects and datagrams that a policy would have refused, if its policyMode were enforce.",
        snapshot->refusals.audited);
    metrics_text_counter(text, "svcconnect_events_lost_total",
                         "Events of the programs that found the ring buffer full.",
                         snapshot->counters.events_lost);
    metrics_text_counter(text, "svcconnect_pins_put_back_total",
                         "Pins of maps and links that somebody had removed and that were put back.",
                         snapshot->pins_put_back);
    metrics_text_counter(text, "svcconnect_probes_total", "Health checks done.", snapshot->probes);
    metrics_text_counter(text, "svcconnect_probes_failed_total", "Health checks that failed.",
                         snapshot->probes_failed);
    metrics_text_gauge(text, "svcconnect_probe_targets", "Endpoints with a health check.",
                       snapshot->probe_targets);
    metrics_text_gauge(
        text, "svcconnect_weak_observer",
        "1 while so many checks of different services fail that this host is taken for the cause.",
        snapshot->is_weak_observer);
    metrics_text_family(text, "svcconnect_map_used", "gauge", "Entries in use of a map of the data path.");
    for (size_t i = 0; i < snapshot->n_maps; i++)
        metrics_text_count(text, "svcconnect_map_used",
                           &(struct metrics_label){"map", snapshot->maps[i].name}, 1, snapshot->maps[i].used);
    metrics_text_family(text, "svcconnect_map_max", "gauge", "Entries a map of the data path has room for.");
    for (size_t i = 0; i < snapshot->n_maps; i++)
        metrics_text_count(text, "svcconnect_map_max", &(struct metrics_label){"map", snapshot->maps[i].name},
                           1, snapshot->maps[i].max);
    metrics_text_family(text, "svcconnect_map_writes_total", "counter",
                        "Entries this daemon has written into the data path.");
    metrics_text_count(text, "svcconnect_map_writes_total", NULL, 0, snapshot->map_writes);
    metrics_text_gauge(text, "svcconnect_namespaces", "Namespaces registered.", (double)snapshot->namespaces);
    metrics_text_gauge(text, "svcconnect_services", "Services registered.", (double)snapshot->services);
    metrics_text_gauge(text, "svcconnect_instances", "Instances registered.", (double)snapshot->instances);
    metrics_text_gauge(text, "svcconnect_aliases", "Client aliases published.", (double)snapshot->aliases);
    metrics_text_gauge(text, "svcconnect_tasks", "Task cgroups attached.", (double)snapshot->tasks);
    metrics_text_gauge(text, "svcconnect_registry_revision", "Revision of the registry.",
                       (double)snapshot->revision);
    metrics_text_gauge(text, "svcconnect_degraded",
                       "How many conditions make the daemon's state degraded; status tells them.",
                       snapshot->troubles);
    metrics_text_gauge(text, "svcconnect_registry_degraded",
                       "1 while the registry is not the one that what is published came from, or is damaged.",
                       snapshot->is_registry_degraded);
    metrics_text_gauge(text, "svcconnect_kept_aliases", "Aliases that stay published because of that.",
                       snapshot->kept_aliases);
    metrics_text_gauge(text, "svcconnect_uptime_seconds", "Seconds since this daemon was ready.",
                       snapshot->uptime_seconds);
    write_build(text, snapshot);
    write_activity(text, snapshot);
    if (snapshot->fleet)
        metrics_write_fleet(text, snapshot->fleet);
    if (snapshot->otlp)
        write_otlp(text, snapshot->otlp);
    if (snapshot->loop_lag)
        metrics_text_histogram(text, "svcconnect_loop_lag_seconds",
                               "How late the event loop came to a clock that ticks every 100 ms.",
                               snapshot->loop_lag);
}

/* One endpoint's value; `label` may be NULL. */
static void sample(const struct metrics_text *text, const char *name, const struct metrics_endpoint *endpoint,
                   const char *label, const char *label_value, uint64_t value)
{
    struct metrics_label labels[5] = {{"namespace", endpoint->namespace_name},
                                      {"service", endpoint->service},
                                      {"instance", endpoint->instance}};
    size_t n = 3;

    if (*endpoint->address)
        labels[n++] = (struct metrics_label){"address", endpoint->address};
    if (label)
        labels[n++] = (struct metrics_label){label, label_value};
    metrics_text_count(text, name, labels, n, value);
}

/* ---- families of endpoints ---- */

static void write_connections(const struct metrics_text *text, const char *name,
                              const struct metrics_endpoint *endpoint)
{
    sample(text, name, endpoint, NULL, NULL, endpoint->stats.connections);
}

static void write_outcomes(const struct metrics_text *text, const char *name,
                           const struct metrics_endpoint *endpoint)
{
    for (size_t i = 0; i < METRICS_OUTCOMES; i++) {
        uint64_t count;
        const char *outcome = metrics_outcome(&endpoint->stats, i, &count);

        sample(text, name, endpoint, "outcome", outcome, count);
    }
}

static void write_ejections(const struct metrics_text *text, const char *name,
                            const struct metrics_endpoint *endpoint)
{
    sample(text, name, endpoint, NULL, NULL, endpoint->stats.ejections);
}

static void write_ejected(const struct metrics_text *text, const char *name,
                          const struct metrics_endpoint *endpoint)
{
    sample(text, name, endpoint, NULL, NULL, endpoint->is_ejected);
}

static void write_open(const struct metrics_text *text, const char *name,
                       const struct metrics_endpoint *endpoint)
{
    sample(text, name, endpoint, NULL, NULL, endpoint->open);
}

static void write_health(const struct metrics_text *text, const char *name,
                         const struct metrics_endpoint *endpoint)
{
    sample(text, name, endpoint, "state", endpoint->health, 1);
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(const struct metrics_text *text, const char *name, const struct metrics_endpoint *endpoint);
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

void metrics_begin_family(const struct metrics_text *text, unsigned family)
{
    metrics_text_family(text, families[family].name, families[family].type, families[family].help);
}

void metrics_write_endpoint(const struct metrics_text *text, unsigned family,
                            const struct metrics_endpoint *endpoint)
{
    families[family].write(text, families[family].name, endpoint);
}

bool metrics_family_has_stats(unsigned family)
{
    return families[family].has_stats;
}

void metrics_write_tail(const struct metrics_text *text, bool is_consistent)
{
    metrics_text_gauge(
        text, "svcconnect_scrape_consistent",
        "0 if what is registered has changed while this was written: new endpoints may lack metrics.",
        is_consistent);
}
