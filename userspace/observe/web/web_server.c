/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/web_server.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "http/gzip.h"
#include "observe/web/live.h"
#include "observe/web/web_files.h"
#include "observe/web/web_guard.h"
#include "observe/web/web_token.h"

#define LIVE_PATH "/live"
#define LIVE_TYPE "text/event-stream; charset=utf-8"

/* What is registered may name anything, and a browser still runs and shows nothing but the page's own files. */
#define SAFE_HEADERS                                                                                         \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "     \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                      \
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"                                           \
    "X-Content-Type-Options: nosniff\r\n"                                                                    \
    "X-Frame-Options: DENY\r\n"                                                                              \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                            \
    "Cross-Origin-Resource-Policy: same-origin\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"

/* ---- one request ---- */

static const char *web_type(const struct http_request *request)
{
    const struct web_file *file = web_file_find(request->path);

    return file ? file->type : strcmp(request->path, LIVE_PATH) == 0 ? LIVE_TYPE : NULL;
}

static int web_admit(const struct http_request *request, struct evbuffer *answer, void *user)
{
    const struct web_server *self = user;
    const char *sentence = "";
    int status = web_guard_judge(request, self->token, &sentence);

    if (status == 0 && !web_type(request)) {
        status = 404;
        sentence = "nothing is served here by this path";
    }
    if (status != 0)
        (void)evbuffer_add_printf(answer, "%s\n", sentence);
    return status;
}

static bool is_known_to_reader(const struct http_request *request, const struct web_file *file)
{
    const char *known = http_request_header(request, "If-None-Match");

    return known && (strcmp(known, "*") == 0 || strstr(known, file->etag));
}

static int answer_file(struct http_call *call, const struct web_file *file, struct evbuffer *answer)
{
    bool is_packed = gzip_is_wanted(call->request);

    http_call_headers(call, is_packed ? file->packed_lines : file->lines);
    if (is_known_to_reader(call->request, file))
        return 304;
    if (evbuffer_add_reference(answer, is_packed ? file->packed : file->bytes,
                               is_packed ? file->packed_length : file->length, NULL, NULL) < 0)
        return 500;
    return 200;
}

static int answer_live(struct http_call *call, const struct web_server *self, struct evbuffer *answer)
{
    struct live_settings settings = {.api = self->settings.api,
                                     .totals = self->settings.totals,
                                     .callers = self->settings.callers,
                                     .has_status = true};
    struct evkeyvalq query = {0};
    struct http_writer writer;
    int r = evhttp_parse_query_str(call->request->query, &query);

    if (r == 0) {
        settings.namespace_name = evhttp_find_header(&query, "namespace");
        settings.service = evhttp_find_header(&query, "service");
        settings.has_all_endpoints = evhttp_find_header(&query, "all") != NULL;
        settings.has_tasks = evhttp_find_header(&query, "tasks") != NULL;
        settings.has_callers = evhttp_find_header(&query, "callers") != NULL;
        r = live_writer(&settings, &writer);
    }
    evhttp_clear_headers(&query);
    if (r < 0) {
        (void)evbuffer_add_printf(answer, "out of memory\n");
        return 500;
    }
    http_call_headers(call, "Cache-Control: no-store\r\n");
    return http_call_stream(call, 200, &writer);
}

static int web_handle(struct http_call *call, struct evbuffer *answer, void *user)
{
    const struct web_file *file = web_file_find(call->request->path);

    return file ? answer_file(call, file, answer) : answer_live(call, user, answer);
}

static void web_refuse(int status, const char *sentence, struct evbuffer *body)
{
    (void)evbuffer_add_printf(body, "HTTP %d: %s\n", status, sentence);
}

static void web_headers(struct evbuffer *head, int status, void *user)
{
    (void)user;
    (void)evbuffer_add_printf(
        head, "%s%s", SAFE_HEADERS,
        status == 401 ? "WWW-Authenticate: Basic realm=\"svcconnect\", charset=\"UTF-8\"\r\n" : "");
}

/* A reader that does not read for so long is dropped; a stream says something each second. */
static const struct http_service web_service = {
    .name = "page",
    .option = "webListen",
    .content_type = "text/plain; charset=utf-8",
    .content_type_of = web_type,
    .handle = web_handle,
    .admit = web_admit,
    .refuse = web_refuse,
    .add_headers = web_headers,
    .limits = {.connections = 128, .streams = 16, .replies = 1, .body_bytes = 1, .reply_ms = 10000},
};

/* ---- who may reach it ---- */

static bool web_has_file(const struct web_server_settings *settings)
{
    return strcmp(settings->token_file, "off") != 0;
}

static bool is_on_loopback(const char *listen)
{
    struct ip_address address;
    uint16_t port;

    return ip_endpoint_parse(listen, &address, &port) == 0 && ip_address_is_loopback(&address);
}

static int read_token(struct web_server *self, struct error *error)
{
    const struct web_server_settings *settings = &self->settings;

    if (web_has_file(settings))
        return web_token_read(settings->token_file, &self->token, error);
    if (!is_on_loopback(settings->listen))
        return error_input(error, "webTokenFile", settings->token_file,
                           "a file with a token, because webListen is no address of the loopback interface");
    self->token = strdup("");
    return self->token ? 0 : error_errno(error, ENOMEM, "starting");
}

int web_server_start(struct web_server *self, const struct web_server_settings *settings, struct error *error)
{
    const struct listener_settings listener = {
        .base = settings->base,
        .listen = settings->listen,
        .service = &web_service,
        .user = self,
        .what = "nobody sees the page there",
        .flag = "--web-listen",
        .up = "page on",
    };
    int r;

    *self = (struct web_server){.settings = *settings};
    if (strcmp(settings->listen, "off") == 0)
        return 0;
    r = read_token(self, error);
    if (r == 0)
        r = listener_start(&self->listener, &listener, error);
    if (r == 0 && !is_on_loopback(settings->listen))
        log_warning("webListen: %s can be reached by others, and neither what they read nor the token is "
                    "encrypted on "
                    "the way: put a proxy with TLS before it, or a tunnel (docs/page.md)",
                    settings->listen);
    return r;
}

void web_server_done(struct web_server *self)
{
    listener_done(&self->listener);
    free(self->token);
    self->token = NULL;
}
