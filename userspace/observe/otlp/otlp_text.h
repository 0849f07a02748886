/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Parts that spans and metrics of OTLP's JSON have in common: texts, attributes, resources. Whole numbers are texts there,
 * as the JSON mapping of protobuf has those of 64 bits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Who tells. */
struct otlp_source {
    const char *host;
    uint64_t seed[2];   /* of one life of the daemon: the ids of its spans are made from it */
    int64_t started_ms; /* wall clock: sums count from then on */
};

/* With its quotes. What is no UTF-8 becomes "?", since a receiver may refuse a whole request for one such byte. */
void otlp_put_text(FILE *out, const char *text);

/* Attributes of a list: each with a comma before it unless it is the list's first, as *is_next says and is told. */
void otlp_put_attribute(FILE *out, bool *is_next, const char *key, const char *text);
void otlp_put_number(FILE *out, bool *is_next, const char *key, uint64_t number);

/* The member "resource" and the head of "scopeSpans" or "scopeMetrics", up to its scope. `namespace_name` may be "". */
void otlp_put_resource(FILE *out, const struct otlp_source *source, const char *service,
                       const char *namespace_name, const char *scopes);
