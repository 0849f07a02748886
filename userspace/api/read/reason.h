/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Why an endpoint is drawn by connects or is not, in one place for all that tell it: by what is known of the
 * endpoint itself, whatever alias it is drawn for.
 */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "model/catalog.h"

struct api;

#define REASON_TEXT_SIZE 256
#define REASONS_MAX      8

struct reason {
    const char *code; /* a word that stays as it is: "draining", "weight", ...; a constant */
    char text[REASON_TEXT_SIZE];
    time_t since;      /* wall clock; 0: not known */
    bool is_against;   /* it keeps the endpoint from being drawn */
    bool is_of_health; /* which a panic threshold or a route's onEmpty may overrule */
};

/* Those against it first, the most lasting before the others; what health comes from is always among them. */
struct reasons {
    struct reason items[REASONS_MAX];
    size_t n;
    bool is_drawn; /* none is against it */
};

/* Of an instance with an address, by its own account. */
void reasons_find(const struct api *api, const struct instance *instance, struct reasons *ret_reasons);

/* Its service is in panic (tables_service_is_panic()): what health has against it counts no more, and is told behind
 * that. */
void reasons_panic(const struct instance *instance, struct reasons *reasons);

/* Of a host name without an address, which is in no endpoint's place. */
void reasons_find_unresolved(const struct api *api, const struct instance *record,
                             struct reasons *ret_reasons);
