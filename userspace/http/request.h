/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The head of an HTTP/1.1 request, as far as an RPC over POST needs it: request line, header fields, how long
 * the body is. Pure. Strict where leniency would let two readers see two requests: no obsolete folding, no
 * space before a colon, one Content-Length, no transfer coding.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HTTP_MAX_HEADERS 64

struct http_header {
    const char *name;  /* as it was sent */
    const char *value; /* without the space around it */
};

struct http_request {
    const char *method;
    const char *path;  /* of the target, in origin or absolute form; "/" where that has none */
    const char *query; /* without the '?'; "" */
    struct http_header headers[HTTP_MAX_HEADERS];
    size_t n_headers;
    size_t content_length;
    bool keeps_alive;
    bool takes_chunks; /* in an answer: HTTP/1.1 */
    bool expects_continue;
};

/*
 * Takes a head apart in place: `head` is `length` bytes up to and including the empty line, and one byte
 * behind them that is overwritten with NUL; the request points into it. Returns 0 or the HTTP status of the
 * refusal: 400 malformed, 411 no length, 431 too many fields, 501 a transfer coding, 505 the version.
 */
int http_request_parse(char *head, size_t length, struct http_request *ret_request);

/* The length of the head in `bytes` with its empty line; 0: it is not complete. */
size_t http_request_head_length(const char *bytes, size_t length);

/* The first value of a field, whatever the case of its name; NULL. */
const char *http_request_header(const struct http_request *request, const char *name);
