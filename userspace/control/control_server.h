/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The control API's server side: HTTP on a unix socket (libevent), limits, a table of requests, JSON in and
 * out. Handlers run on the event loop, one at a time, and answer before they return.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/error.h"

#define CONTROL_MAX_BODY    (1u << 20)
#define CONTROL_HARD_BODY   (18u << 20) /* beyond it libevent answers by itself, not in JSON */
#define CONTROL_MAX_HEADERS (16u << 10)
#define CONTROL_TIMEOUT_S   10 /* for a client that sends or reads too slowly */

/*
 * One request. The body is the parsed JSON object (an empty one if there was none); `query` its URL query.
 * The handler returns 0 with *ret_answer (taken over by the server), or a negative errno with the error
 * filled, which becomes the status: EINVAL 400, ENOENT 404, EEXIST and EBUSY 409, ENOSPC and E2BIG 507,
 * others 500.
 */
struct control_call {
    const cJSON *body;
    const struct evkeyvalq *query;
};

struct control_route {
    enum evhttp_cmd_type method;
    const char *path;
    int (*handle)(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
    /* Or, for an answer that is not JSON: text in *ret_text, malloc'd. */
    int (*handle_text)(char **ret_text, void *user);
    size_t max_body; /* 0: CONTROL_MAX_BODY */
};

struct control_server;

/* `routes` ends with an entry without path and must outlive the server. Replaces a socket file nobody listens
 * on. */
int control_server_new(struct event_base *base, const char *socket_path, const struct control_route *routes,
                       void *user, struct control_server **ret_server, struct error *error);
void control_server_free(struct control_server **server); /* NULL-safe; sets to NULL */

/* The JSON form of an error (docs/api.md); the caller's. */
cJSON *control_error_json(const struct error *error);
