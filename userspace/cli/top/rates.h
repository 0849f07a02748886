/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What was counted of an endpoint in the last ten seconds. Private to top/. */
#pragma once

#include "base/hash.h"
#include "cli/top/model.h"

#define RATES_SAMPLES 16

struct top_sample {
    uint64_t at_ms;
    uint64_t connections, failures;
};

struct top_endpoint {
    char *key; /* namespace, service, id and address, with tabs between them */
    struct top_sample samples[RATES_SAMPLES];
    unsigned n, newest;
    uint64_t round; /* in which it was last there */
    UT_hash_handle hh;
};

struct top_rate {
    double connections, failures; /* a second */
    uint64_t n;                   /* connections in the window */
    bool is_known;                /* it was looked at twice */
};

/* The endpoint with this key, made if there is none. NULL: no memory. */
struct top_endpoint *rates_endpoint(struct top_endpoint **all, const char *key);
void rates_add(struct top_endpoint *endpoint, const struct top_sample *sample, uint64_t round);
struct top_rate rates_of(const struct top_endpoint *endpoint, uint64_t window_ms);

/* Those that were not there in this round; all of them with UINT64_MAX. */
void rates_drop(struct top_endpoint **all, uint64_t round);
