/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections as spans of OTLP's JSON: one of kind CLIENT for each, of a trace of its own, with the client's service as the
 * resource. Pure.
 */
#pragma once

#include "observe/otlp/otlp_text.h"

struct connection_log;

/* A piece of the log. */
struct otlp_batch {
    char *body;    /* of the request; the caller frees it */
    uint64_t last; /* the number of its last connection */
    unsigned n;    /* of connections in it */
};

/*
 * The first ones after the number `after` that are kept, so many at most; without any there is no body. The same
 * connection has the same ids each time. -ENOMEM: *ret_batch is untouched.
 */
int otlp_spans(const struct otlp_source *source, const struct connection_log *log, uint64_t after,
               unsigned most, struct otlp_batch *ret_batch);
