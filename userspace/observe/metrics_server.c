/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/metrics_server.h"

#include <string.h>
#include <strings.h>

#include "http/gzip.h"
#include "observe/scrape.h"

#define TEXT_TYPE        "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS      "application/openmetrics-text"
#define OPENMETRICS_TYPE OPENMETRICS "; version=1.0.0; charset=utf-8"
#define VARY             "Vary: Accept, Accept-Encoding\r\n"

/* ---- one request ---- */

/* The first of the two that its Accept names; nothing, or none of them: Prometheus' own. */
static bool wants_openmetrics(const struct http_request *request)
{
    const char *accept = http_request_header(request, "Accept");
    const char *found = accept ? strcasestr(accept, OPENMETRICS) : NULL;
    const char *plain = accept ? strcasestr(accept, "text/plain") : NULL;

    return found && (!plain || found < plain);
}

static const char *metrics_type(const struct http_request *request)
{
    return wants_openmetrics(request) ? OPENMETRICS_TYPE : TEXT_TYPE;
}

/* Whoever asks for anything else stays a stranger, who gives way when there are too many. */
static int metrics_admit(const struct http_request *request, struct evbuffer *answer, void *user)
{
    (void)user;
    if (strcmp(request->path, "/metrics") != 0) {
        (void)evbuffer_add_printf(answer, "nothing is served here but /metrics\n");
        return 404;
    }
    if (strcmp(request->method, "GET") != 0) {
        (void)evbuffer_add_printf(answer, "/metrics is only read: GET\n");
        return 405;
    }
    if (request->content_length > 0) {
        (void)evbuffer_add_printf(answer, "GET /metrics has no body\n");
        return 400;
    }
    return 0;
}

static int metrics_handle(struct http_call *call, struct evbuffer *answer, void *user)
{
    const struct metrics_server *self = user;
    const struct scrape_settings settings = {
        .api = self->settings.api,
        .totals = self->settings.totals,
        .callers = self->settings.callers,
        .is_openmetrics = wants_openmetrics(call->request),
        .has_endpoints = self->settings.has_endpoints,
    };
    bool is_packed = gzip_is_wanted(call->request);
    struct http_writer writer;
    int r = scrape_writer(&settings, &writer);

    if (r == 0 && is_packed)
        r = gzip_writer_new(&(struct http_writer){writer.write, writer.done, writer.user}, &writer);
    if (r < 0) {
        (void)evbuffer_add_printf(answer, "out of memory\n");
        return 500;
    }
    http_call_headers(call, is_packed ? VARY GZIP_HEADERS : VARY);
    return http_call_stream(call, 200, &writer);
}

static void metrics_refuse(int status, const char *sentence, struct evbuffer *body)
{
    (void)evbuffer_add_printf(body, "HTTP %d: %s\n", status, sentence);
}

static const struct http_service metrics_service = {
    .name = "metrics",
    .option = "metricsListen",
    .content_type = "text/plain; charset=utf-8",
    .content_type_of = metrics_type,
    .handle = metrics_handle,
    .admit = metrics_admit,
    .refuse = metrics_refuse,
    .limits = {.connections = 64, .streams = 8, .replies = 1, .body_bytes = 1},
};

int metrics_server_start(struct metrics_server *self, const struct metrics_server_settings *settings,
                         struct error *error)
{
    const struct listener_settings listener = {
        .base = settings->base,
        .listen = settings->listen,
        .service = &metrics_service,
        .user = self,
        .what = "nobody reads the metrics there",
        .flag = "--metrics-listen",
        .up = "metrics (GET /metrics) on",
    };

    *self = (struct metrics_server){.settings = *settings};
    return listener_start(&self->listener, &listener, error);
}

void metrics_server_done(struct metrics_server *self)
{
    listener_done(&self->listener);
}
