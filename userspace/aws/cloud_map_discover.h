/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* DiscoverInstances: the instances of one service that match, some of them drawn at random if there are more
 * than were asked for. Writes JSON text itself: this is the call that clients make all the time. */
#pragma once

#include <stdint.h>

#include "aws/aws_error.h"
#include "model/catalog.h"

enum discover_health {
    DISCOVER_HEALTHY,
    DISCOVER_UNHEALTHY,
    DISCOVER_ALL,
    DISCOVER_HEALTHY_OR_ELSE_ALL,
};

struct discover_query {
    size_t maximum;
    enum discover_health health; /* of no account where the service has no health check */
    const cJSON *parameters;     /* object of texts; all must match */
    const cJSON *optional;       /* these too, if something then is left */
    uint64_t random;             /* anything */
};

/* Reads the members of a request. */
int discover_read(const cJSON *body, struct discover_query *ret, struct aws_error *error);

/* The answer's text, which the caller frees. NULL: no memory. */
char *discover_answer(const struct service *service, const struct discover_query *query, size_t *ret_length);
