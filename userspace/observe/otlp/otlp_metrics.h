/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is counted of services as metrics of OTLP's JSON: sums from the daemon's start on, and gauges. Pure. */
#pragma once

#include <stddef.h>

#include "metrics/services.h"
#include "observe/otlp/otlp_text.h"

/* The body of a request, which the caller frees; NULL: no memory. `time_ms` is the wall clock. */
char *otlp_metrics(const struct otlp_source *source, const struct metrics_service *services, size_t n,
                   int64_t time_ms);
