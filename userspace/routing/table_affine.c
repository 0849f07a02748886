/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "routing/table_affine.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"

#define COLUMN_UNITS 4294967296.0

struct affine_endpoint {
    struct svc_slot whole; /* a column of its own */
    uint64_t hash;
    double units;
};

static struct svc_slot affine_column(const struct svc_slot *slot, bool is_b)
{
    struct svc_slot whole = *slot;

    whole.threshold = 0;
    if (is_b) {
        memcpy(whole.address_a, slot->address_b, sizeof(whole.address_a));
        whole.port_a_be = slot->port_b_be;
        whole.endpoint_a = slot->endpoint_b;
        whole.networks_a = slot->networks_b;
    } else {
        memcpy(whole.address_b, slot->address_a, sizeof(whole.address_b));
        whole.port_b_be = slot->port_a_be;
        whole.endpoint_b = slot->endpoint_a;
        whole.networks_b = slot->networks_a;
    }
    return whole;
}

static uint64_t affine_hash(const struct svc_slot *whole)
{
    uint64_t halves[2];

    memcpy(halves, whole->address_a, sizeof(halves));
    return svc_mix64(svc_mix64(svc_mix64(halves[0]) ^ halves[1]) ^ whole->port_a_be);
}

static void affine_add(struct affine_endpoint *endpoints, size_t *n, const struct svc_slot *slot, bool is_b,
                       double units)
{
    uint32_t number = is_b ? slot->endpoint_b : slot->endpoint_a;
    size_t i = 0;

    if (units <= 0)
        return;
    while (i < *n && endpoints[i].whole.endpoint_a != number)
        i++;
    if (i == *n) {
        endpoints[i].whole = affine_column(slot, is_b);
        endpoints[i].hash = affine_hash(&endpoints[i].whole);
        ++*n;
    }
    endpoints[i].units += units;
}

/* Rounding in the table that they come from may tell equal weights apart by a unit or two. */
static bool affine_are_equal(const struct affine_endpoint *endpoints, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (fabs(endpoints[i].units - endpoints[0].units) > 4)
            return false;
    return true;
}

/* Larger is better; for equal weights the logarithm changes no order. */
static double affine_score(const struct affine_endpoint *endpoint, uint32_t column, bool are_equal)
{
    double u = ((double)(svc_mix64(endpoint->hash ^ svc_mix64(column)) >> 11) + 0.5) * 0x1p-53;

    return are_equal ? u : log(u) / endpoint->units;
}

static const struct svc_slot *affine_winner(const struct affine_endpoint *endpoints, size_t n,
                                            uint32_t column, bool are_equal)
{
    const struct affine_endpoint *winner = &endpoints[0];
    double best = affine_score(winner, column, are_equal);

    for (size_t i = 1; i < n; i++) {
        double score = affine_score(&endpoints[i], column, are_equal);

        if (score > best) {
            best = score;
            winner = &endpoints[i];
        }
    }
    return &winner->whole;
}

int table_make_affine(struct svc_slot **slots, uint32_t *count)
{
    _cleanup_free_ struct affine_endpoint *endpoints = NULL;
    struct svc_slot *columns;
    size_t n = 0;
    bool are_equal;

    if (*count < 2 || *count > TABLE_AFFINE_MOST)
        return 0;
    endpoints = calloc(2 * (size_t)*count, sizeof(*endpoints));
    columns = calloc(TABLE_AFFINE_COLUMNS, sizeof(*columns));
    if (!endpoints || !columns) {
        free(columns);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < *count; i++) {
        double a = (*slots)[i].threshold ? (*slots)[i].threshold : COLUMN_UNITS;

        affine_add(endpoints, &n, &(*slots)[i], false, a);
        affine_add(endpoints, &n, &(*slots)[i], true, COLUMN_UNITS - a);
    }
    are_equal = affine_are_equal(endpoints, n);
    for (uint32_t column = 0; column < TABLE_AFFINE_COLUMNS; column++)
        columns[column] = *affine_winner(endpoints, n, column, are_equal);
    free(*slots);
    *slots = columns;
    *count = TABLE_AFFINE_COLUMNS;
    return 0;
}
