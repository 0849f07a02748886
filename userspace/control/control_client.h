/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One HTTP request to the daemon's unix socket, one answer (docs/api.md). In: method, path, JSON body. Out:
 * the status, the body as it came and as parsed JSON; or why there was no answer, with "nobody is there" kept
 * apart.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

#define CONTROL_CLIENT_RESPONSE_LIMIT ((size_t)256 << 20)
#define CONTROL_CLIENT_CONNECT_MS     5000
#define CONTROL_CLIENT_TIMEOUT_MS     60000

enum control_client_result {
    CONTROL_CLIENT_ANSWERED = 0,
    CONTROL_CLIENT_UNREACHABLE = 1, /* no connection: error.number is ENOENT, ECONNREFUSED, EACCES, ... */
};

struct control_request {
    const char *socket_path;
    const char *method;  /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;    /* with the query, escaped: "/v1/services?namespace=default" */
    const cJSON *body;   /* NULL: none */
    unsigned timeout_ms; /* whole request; 0: CONTROL_CLIENT_TIMEOUT_MS */
};

struct control_response {
    long status;
    char *text; /* the body, NUL-terminated, never NULL after an answer */
    size_t length;
    cJSON *json; /* NULL: the body is not JSON */
};

/*
 * CONTROL_CLIENT_ANSWERED with any HTTP status; the caller releases *ret_response.
 * CONTROL_CLIENT_UNREACHABLE: the request was not sent. Negative errno: it broke after that (whether a change
 * was made is not known), took longer than the timeout, or the answer is beyond the limit. `error` is set
 * unless ANSWERED.
 */
int control_client_request(const struct control_request *request, struct control_response *ret_response,
                           struct error *error);

/* Releases the parts and leaves the struct empty; harmless on an empty one. */
void control_response_done(struct control_response *response);

/* Its parts, for a new owner; the struct is left empty. */
static inline struct control_response control_response_take(struct control_response *response)
{
    struct control_response taken = *response;

    *response = (struct control_response){0};
    return taken;
}

#define _cleanup_control_response_ _cleanup_(control_response_done)
