/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * HTTP and HTTPS probes: one GET on a connection of its own; the final answer's status decides. No redirect
 * is followed, no proxy used, headers and body are bounded and thrown away. Endpoints are called by address,
 * which certificates rarely hold, so those of HTTPS are not verified (and no server name is sent).
 *
 * The process ignores SIGPIPE.
 */
#pragma once

#include <event2/event.h>

#include "health/probe.h"

#define HTTP_PROBER_HEADER_LIMIT (64u << 10) /* more fails the probe */
#define HTTP_PROBER_BODY_LIMIT   (64u << 10) /* more is not read */

struct http_prober;
struct http_probe;

/* -ENOMEM. */
int http_prober_new(struct event_base *base, probe_done_fn done, struct http_prober **ret_prober);
void http_prober_free(struct http_prober **prober); /* NULL-safe; no probe is under way */

/* Negative errno: not started, and nothing will be told. */
int http_prober_start(struct http_prober *prober, const struct probe_request *request,
                      struct http_probe **ret_probe);
void http_prober_cancel(struct http_prober *prober, struct http_probe *probe);
