/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp_metrics.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "metrics/outcomes.h"

#define TEMPORALITY_CUMULATIVE 2

/* All points of one metric. */
struct otlp_points {
    FILE *out;
    const struct otlp_source *source;
    int64_t time_ms;
    bool is_sum;
    bool is_next;
};

/* `label` may be NULL. */
static void put_point(struct otlp_points *points, const struct metrics_service *service, const char *label,
                      const char *label_value, uint64_t value)
{
    bool is_next = false;

    (void)fputs(points->is_next ? ",{\"attributes\":[" : "{\"attributes\":[", points->out);
    points->is_next = true;
    otlp_put_attribute(points->out, &is_next, "svcconnect.namespace", service->namespace_name);
    otlp_put_attribute(points->out, &is_next, "svcconnect.service", service->service);
    if (label)
        otlp_put_attribute(points->out, &is_next, label, label_value);
    (void)fputs("],", points->out);
    if (points->is_sum)
        (void)fprintf(points->out, "\"startTimeUnixNano\":\"%" PRId64 "000000\",",
                      points->source->started_ms);
    (void)fprintf(points->out, "\"timeUnixNano\":\"%" PRId64 "000000\",\"asInt\":\"%" PRIu64 "\"}",
                  points->time_ms, value);
}

static void otlp_connections(struct otlp_points *points, const struct metrics_service *service)
{
    put_point(points, service, NULL, NULL, service->stats.connections);
}

static void otlp_outcomes(struct otlp_points *points, const struct metrics_service *service)
{
    for (size_t i = 0; i < METRICS_OUTCOMES; i++) {
        uint64_t count;
        const char *outcome = metrics_outcome(&service->stats, i, &count);

        put_point(points, service, "svcconnect.outcome", outcome, count);
    }
}

static void otlp_ejections(struct otlp_points *points, const struct metrics_service *service)
{
    put_point(points, service, NULL, NULL, service->stats.ejections);
}

static void otlp_open(struct otlp_points *points, const struct metrics_service *service)
{
    put_point(points, service, NULL, NULL, service->open);
}

static void otlp_endpoints(struct otlp_points *points, const struct metrics_service *service)
{
    for (unsigned i = 0; i < METRICS_SERVICE_STATES; i++)
        put_point(points, service, "svcconnect.state", metrics_service_state_name(i), service->endpoints[i]);
}

static const struct {
    const char *name;
    const char *unit;
    const char *description;
    bool is_sum;
    void (*put)(struct otlp_points *points, const struct metrics_service *service);
} otlp_families[] = {
    {"svcconnect.service.connections", "{connection}", "Connects sent to a service's endpoints.", true,
     otlp_connections},
    {"svcconnect.service.outcomes", "{connection}",
     "What became of TCP connects of tasks to the addresses of a service's endpoints.", true, otlp_outcomes},
    {"svcconnect.service.ejections", "{ejection}", "Times an endpoint of a service was ejected.", true,
     otlp_ejections},
    {"svcconnect.service.open", "{connection}", "Open connections of tasks to a service's endpoints.", false,
     otlp_open},
    {"svcconnect.service.endpoints", "{endpoint}",
     "Endpoints of a service by what keeps them from being drawn, or drawn.", false, otlp_endpoints},
};

/* The point of a service; one without a measurement has none. */
static void otlp_first_byte(struct otlp_points *points, const struct metrics_service *service)
{
    const struct first_byte_sum *sum = &service->first_byte;
    uint64_t n = first_byte_sum_count(sum);
    bool is_next = false;

    if (n == 0)
        return;
    (void)fputs(points->is_next ? ",{\"attributes\":[" : "{\"attributes\":[", points->out);
    points->is_next = true;
    otlp_put_attribute(points->out, &is_next, "svcconnect.namespace", service->namespace_name);
    otlp_put_attribute(points->out, &is_next, "svcconnect.service", service->service);
    (void)fprintf(points->out,
                  "],\"startTimeUnixNano\":\"%" PRId64 "000000\",\"timeUnixNano\":\"%" PRId64
                  "000000\",\"count\":\"%" PRIu64 "\",\"sum\":%.6f,\"bucketCounts\":[",
                  points->source->started_ms, points->time_ms, n, (double)sum->sum_us / 1e6);
    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        (void)fprintf(points->out, "%s\"%" PRIu64 "\"", i ? "," : "", sum->buckets[i]);
    (void)fputs("],\"explicitBounds\":[", points->out);
    for (unsigned i = 0; svc_first_byte_bucket_end(i); i++)
        (void)fprintf(points->out, "%s%g", i ? "," : "", svc_first_byte_bucket_end(i) / 1e6);
    (void)fputs("]}", points->out);
}

static void otlp_put_first_bytes(FILE *out, const struct otlp_source *source,
                                 const struct metrics_service *services, size_t n, int64_t time_ms)
{
    struct otlp_points points = {.out = out, .source = source, .time_ms = time_ms};

    (void)fputs(",{\"name\":\"svcconnect.service.first_byte\",\"unit\":\"s\",\"description\":"
                "\"Time to the first byte of an answer, of the connections that were measured.\","
                "\"histogram\":{\"dataPoints\":[",
                out);
    for (size_t i = 0; i < n; i++)
        otlp_first_byte(&points, &services[i]);
    (void)fprintf(out, "],\"aggregationTemporality\":%d}}", TEMPORALITY_CUMULATIVE);
}

char *otlp_metrics(const struct otlp_source *source, const struct metrics_service *services, size_t n,
                   int64_t time_ms)
{
    char *body = NULL;
    size_t size;
    FILE *out = open_memstream(&body, &size);

    if (!out)
        return NULL;
    (void)fputs("{\"resourceMetrics\":[{", out);
    otlp_put_resource(out, source, "svcconnect", "", "scopeMetrics");
    (void)fputs(",\"metrics\":[", out);
    for (size_t i = 0; i < ARRAY_SIZE(otlp_families); i++) {
        struct otlp_points points = {
            .out = out, .source = source, .time_ms = time_ms, .is_sum = otlp_families[i].is_sum};

        (void)fprintf(out,
                      "%s{\"name\":\"%s\",\"unit\":\"%s\",\"description\":\"%s\",\"%s\":{\"dataPoints\":[",
                      i ? "," : "", otlp_families[i].name, otlp_families[i].unit,
                      otlp_families[i].description, points.is_sum ? "sum" : "gauge");
        for (size_t j = 0; j < n; j++)
            otlp_families[i].put(&points, &services[j]);
        (void)fputc(']', out);
        if (points.is_sum)
            (void)fprintf(out, ",\"aggregationTemporality\":%d,\"isMonotonic\":true", TEMPORALITY_CUMULATIVE);
        (void)fputs("}}", out);
    }
    otlp_put_first_bytes(out, source, services, n, time_ms);
    (void)fputs("]}]}]}", out);
    if (fclose(out) != 0) {
        free(body);
        return NULL;
    }
    return body;
}
