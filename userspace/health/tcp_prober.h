/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* TCP probes: a connection comes about. It is ended by a reset, so that neither side keeps a TIME_WAIT. */
#pragma once

#include <event2/event.h>

#include "health/probe.h"

struct tcp_prober;
struct tcp_probe;

/* -ENOMEM. */
int tcp_prober_new(struct event_base *base, probe_done_fn done, struct tcp_prober **ret_prober);
void tcp_prober_free(struct tcp_prober **prober); /* NULL-safe; no probe is under way */

/* Negative errno: not started, and nothing will be told. */
int tcp_prober_start(struct tcp_prober *prober, const struct probe_request *request,
                     struct tcp_probe **ret_probe);
void tcp_prober_cancel(struct tcp_prober *prober, struct tcp_probe *probe);
