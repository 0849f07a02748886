/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/services.h"
#include "metrics/outcomes.h"

#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"

#define LABELS 5

/* ---- services ---- */

static void services_sample(const struct metrics_text *text, const char *name,
                            const struct metrics_service *service, const char *label, const char *label_value,
                            uint64_t value)
{
    const struct metrics_label labels[] = {
        {"namespace", service->namespace_name}, {"service", service->service}, {label, label_value}};

    metrics_text_count(text, name, labels, label ? 3 : 2, value);
}

static void services_connections(const struct metrics_text *text, const char *name,
                                 const struct metrics_service *service)
{
    services_sample(text, name, service, NULL, NULL, service->stats.connections);
}

static void services_outcomes(const struct metrics_text *text, const char *name,
                              const struct metrics_service *service)
{
    for (size_t i = 0; i < METRICS_OUTCOMES; i++) {
        uint64_t count;
        const char *outcome = metrics_outcome(&service->stats, i, &count);

        services_sample(text, name, service, "outcome", outcome, count);
    }
}

static void services_ejections(const struct metrics_text *text, const char *name,
                               const struct metrics_service *service)
{
    services_sample(text, name, service, NULL, NULL, service->stats.ejections);
}

static void services_open(const struct metrics_text *text, const char *name,
                          const struct metrics_service *service)
{
    services_sample(text, name, service, NULL, NULL, service->open);
}

const char *metrics_service_state_name(enum metrics_service_state state)
{
    static const char *const states[METRICS_SERVICE_STATES] = {
        [METRICS_DRAWN] = "drawn",     [METRICS_EJECTED] = "ejected",   [METRICS_UNHEALTHY] = "unhealthy",
        [METRICS_UNKNOWN] = "unknown", [METRICS_DRAINING] = "draining", [METRICS_IDLE] = "idle",
    };

    return states[state];
}

static void services_endpoints(const struct metrics_text *text, const char *name,
                               const struct metrics_service *service)
{
    for (unsigned i = 0; i < METRICS_SERVICE_STATES; i++)
        services_sample(text, name, service, "state", metrics_service_state_name(i), service->endpoints[i]);
}

static void services_first_byte(const struct metrics_text *text, const char *name,
                                const struct metrics_service *service)
{
    struct metrics_label labels[] = {
        {"namespace", service->namespace_name}, {"service", service->service}, {0}};

    metrics_write_first_byte(text, name, labels, ARRAY_SIZE(labels), &service->first_byte);
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(const struct metrics_text *text, const char *name, const struct metrics_service *service);
} service_families[] = {
    {"svcconnect_service_connections_total", "counter", "Connects sent to a service's endpoints.",
     services_connections},
    {"svcconnect_service_outcomes_total", "counter",
     "What became of TCP connects of tasks to the addresses of a service's endpoints.", services_outcomes},
    {"svcconnect_service_ejections_total", "counter", "Times an endpoint of a service was ejected.",
     services_ejections},
    {"svcconnect_service_open", "gauge", "Open connections of tasks to a service's endpoints.",
     services_open},
    {"svcconnect_service_endpoints", "gauge",
     "Endpoints of a service by what keeps them from being drawn, or drawn.", services_endpoints},
    {"svcconnect_service_first_byte_seconds", "histogram",
     "Time to the first byte of an answer, of the connections that were measured (responseTime).",
     services_first_byte},
};

_Static_assert(ARRAY_SIZE(service_families) == METRICS_SERVICE_FAMILIES, "as many as the header says");

void metrics_begin_service_family(const struct metrics_text *text, unsigned family)
{
    metrics_text_family(text, service_families[family].name, service_families[family].type,
                        service_families[family].help);
}

void metrics_write_service(const struct metrics_text *text, unsigned family,
                           const struct metrics_service *service)
{
    service_families[family].write(text, service_families[family].name, service);
}

/* ---- aliases ---- */

static const struct {
    const char *name;
    const char *help;
} alias_families[] = {
    {"svcconnect_alias_endpoints", "Endpoints that connects to a client alias are sent to."},
    {"svcconnect_alias_target_wanted_ratio",
     "Share of a client alias's connects that its route gives a service."},
    {"svcconnect_alias_target_effective_ratio", "Share that the service gets, as its endpoints are."},
    {"svcconnect_alias_target_zone_ratio",
     "Share of the service's connects that stays in the zone of this host, where that is known."},
};

_Static_assert(ARRAY_SIZE(alias_families) == METRICS_ALIAS_FAMILIES, "as many as the header says");

void metrics_begin_alias_family(const struct metrics_text *text, unsigned family)
{
    metrics_text_family(text, alias_families[family].name, "gauge", alias_families[family].help);
}

void metrics_write_alias(const struct metrics_text *text, unsigned family, const struct metrics_alias *alias)
{
    char port[8];
    struct metrics_label labels[LABELS] = {{"namespace", alias->namespace_name},
                                           {"alias", alias->dns_name},
                                           {"port", port},
                                           {"protocol", alias->protocol}};

    (void)snprintf(port, sizeof(port), "%u", alias->port);
    if (family == 0)
        metrics_text_count(text, alias_families[0].name, labels, LABELS - 1, alias->endpoints);
    for (size_t i = 0; family > 0 && i < alias->n_targets; i++) {
        const struct metrics_target *target = &alias->targets[i];
        double share = family == METRICS_ALIAS_ZONES    ? target->in_zone
                       : family == METRICS_ALIAS_SHARES ? target->effective
                                                        : target->wanted;

        labels[LABELS - 1] = (struct metrics_label){"service", target->service};
        if (!isnan(share))
            metrics_text_number(text, alias_families[family].name, labels, LABELS, share);
    }
}
