/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Families and samples as text: Prometheus' own format 0.0.4, or OpenMetrics 1.0. Both are written from the same
 * calls. They differ in the names of families of counters, which OpenMetrics has without `_total`, in whole bounds
 * of histograms, and in the end, which OpenMetrics says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "metrics/histogram.h"

struct metrics_text {
    FILE *file;
    bool is_openmetrics;
};

struct metrics_label {
    const char *name;
    const char *value; /* any text: it is escaped */
};

/* `type`: counter, gauge or histogram. The name of a counter ends in _total. */
void metrics_text_family(const struct metrics_text *text, const char *name, const char *type,
                         const char *help);

void metrics_text_count(const struct metrics_text *text, const char *name, const struct metrics_label *labels,
                        size_t n_labels, uint64_t value);
void metrics_text_number(const struct metrics_text *text, const char *name,
                         const struct metrics_label *labels, size_t n_labels, double value);

/* A family of one sample without labels. */
void metrics_text_counter(const struct metrics_text *text, const char *name, const char *help,
                          uint64_t value);
void metrics_text_gauge(const struct metrics_text *text, const char *name, const char *help, double value);
void metrics_text_histogram(const struct metrics_text *text, const char *name, const char *help,
                            const struct histogram *values);

/* The last of all. */
void metrics_text_end(const struct metrics_text *text);
