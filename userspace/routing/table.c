/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Vose's alias method in whole numbers. A column is worth 2^32 units and there are as many columns as outcomes; every
 * outcome gets its share of n * 2^32 units, rounded so that the sum is exact, and the columns are filled without loss.
 */
#include "routing/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"

#define COLUMN_UNITS (1ull << 32)

typedef unsigned __int128 wide;

struct outcome {
    const struct table_candidate *candidate;
    uint64_t units;
    uint64_t target_sum; /* eligible instance weights of its target */
    wide remainder;      /* of the division, over (sum of target weights * target_sum) */
    uint32_t index;
};

static bool counts(const struct table_candidate *candidate, bool only_v4)
{
    return candidate->is_eligible && candidate->weight > 0 && (!only_v4 || ip_address_is_v4(&candidate->address));
}

static uint64_t target_sum(const struct table_target *target, bool only_v4)
{
    uint64_t sum = 0;

    for (size_t c = 0; target->weight > 0 && c < target->n_candidates; c++)
        if (counts(&target->candidates[c], only_v4))
            sum += target->candidates[c].weight;
    return sum;
}

/* Sum of the weights of targets that have somebody to send to. */
static uint64_t live_weight(const struct table_target *targets, size_t n_targets, bool only_v4)
{
    uint64_t sum = 0;

    for (size_t t = 0; t < n_targets; t++)
        if (target_sum(&targets[t], only_v4) > 0)
            sum += targets[t].weight;
    return sum;
}

static size_t count_outcomes(const struct table_target *targets, size_t n_targets, bool only_v4)
{
    size_t n = 0;

    for (size_t t = 0; t < n_targets; t++)
        for (size_t c = 0; targets[t].weight > 0 && c < targets[t].n_candidates; c++)
            n += counts(&targets[t].candidates[c], only_v4);
    return n;
}

static void list_outcomes(const struct table_target *targets, size_t n_targets, bool only_v4, struct outcome *outcomes,
                          size_t n)
{
    uint64_t all = live_weight(targets, n_targets, only_v4);
    uint32_t index = 0;

    for (size_t t = 0; t < n_targets; t++) {
        uint64_t sum = target_sum(&targets[t], only_v4);

        for (size_t c = 0; sum > 0 && c < targets[t].n_candidates; c++) {
            const struct table_candidate *candidate = &targets[t].candidates[c];
            wide numerator, divisor;

            if (!counts(candidate, only_v4))
                continue;
            numerator = (wide)targets[t].weight * candidate->weight * n * COLUMN_UNITS;
            divisor = (wide)all * sum;
            outcomes[index] = (struct outcome){
                .candidate = candidate,
                .units = (uint64_t)(numerator / divisor),
                .target_sum = sum,
                .remainder = numerator % divisor,
                .index = index,
            };
            index++;
        }
    }
}

/* Largest remainder first; the divisors differ only in target_sum, so the fractions compare crosswise. */
static int by_remainder(const void *a, const void *b)
{
    const struct outcome *left = *(const struct outcome *const *)a;
    const struct outcome *right = *(const struct outcome *const *)b;
    wide left_part = left->remainder * right->target_sum;
    wide right_part = right->remainder * left->target_sum;

    if (left_part != right_part)
        return left_part > right_part ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

static struct outcome *largest(struct outcome *outcomes, size_t n)
{
    struct outcome *found = &outcomes[0];

    for (size_t i = 1; i < n; i++)
        if (outcomes[i].units > found->units)
            found = &outcomes[i];
    return found;
}

/* Makes the units add up to n columns exactly, and leaves nobody with a weight without any. */
static int settle_rounding(struct outcome *outcomes, size_t n)
{
    _cleanup_free_ struct outcome **order = calloc(n, sizeof(struct outcome *));
    uint64_t wanted = n * COLUMN_UNITS;
    uint64_t sum = 0;

    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        order[i] = &outcomes[i];
        sum += outcomes[i].units;
    }
    qsort(order, n, sizeof(struct outcome *), by_remainder);
    for (size_t i = 0; sum < wanted; i = (i + 1) % n) {
        order[i]->units++;
        sum++;
    }
    for (size_t i = 0; i < n; i++)
        if (outcomes[i].units == 0) {
            outcomes[i].units = 1;
            largest(outcomes, n)->units--;
        }
    return 0;
}

static void set_slot(struct svc_slot *slot, uint32_t threshold, const struct table_candidate *a,
                     const struct table_candidate *b)
{
    *slot = (struct svc_slot){
        .threshold = threshold,
        .port_a_be = htons(a->port),
        .port_b_be = htons(b->port),
        .endpoint_a = a->endpoint,
        .endpoint_b = b->endpoint,
    };
    memcpy(slot->address_a, a->address.bytes, sizeof(slot->address_a));
    memcpy(slot->address_b, b->address.bytes, sizeof(slot->address_b));
}

/* Every column takes what is left of one outcome and is filled up by one that has more than a column's worth. */
static int fill_columns(struct outcome *outcomes, size_t n, struct svc_slot *slots)
{
    _cleanup_free_ uint32_t *small = calloc(n, sizeof(*small));
    _cleanup_free_ uint32_t *large = calloc(n, sizeof(*large));
    size_t n_small = 0;
    size_t n_large = 0;

    if (!small || !large)
        return -ENOMEM;
    for (size_t i = n; i-- > 0;)
        if (outcomes[i].units < COLUMN_UNITS)
            small[n_small++] = (uint32_t)i;
        else
            large[n_large++] = (uint32_t)i;
    while (n_small > 0) {
        struct outcome *poor = &outcomes[small[--n_small]];
        struct outcome *rich = &outcomes[large[n_large - 1]];

        set_slot(&slots[poor->index], (uint32_t)poor->units, poor->candidate, rich->candidate);
        rich->units -= COLUMN_UNITS - poor->units;
        if (rich->units < COLUMN_UNITS) {
            n_large--;
            small[n_small++] = rich->index;
        }
    }
    while (n_large > 0) {
        const struct outcome *whole = &outcomes[large[--n_large]];

        set_slot(&slots[whole->index], 0, whole->candidate, whole->candidate);
    }
    return 0;
}

int table_build(const struct table_target *targets, size_t n_targets, bool only_v4, struct svc_slot **ret_slots,
                uint32_t *ret_count)
{
    size_t n = count_outcomes(targets, n_targets, only_v4);
    _cleanup_free_ struct outcome *outcomes = NULL;
    _cleanup_free_ struct svc_slot *slots = NULL;
    int r;

    if (n > SVC_MAX_TABLE_SLOTS)
        return -E2BIG;
    if (n > 0) {
        outcomes = calloc(n, sizeof(*outcomes));
        slots = calloc(n, sizeof(*slots));
        if (!outcomes || !slots)
            return -ENOMEM;
        list_outcomes(targets, n_targets, only_v4, outcomes, n);
        r = settle_rounding(outcomes, n);
        if (r == 0)
            r = fill_columns(outcomes, n, slots);
        if (r < 0)
            return r;
    }
    *ret_slots = TAKE_PTR(slots);
    *ret_count = (uint32_t)n;
    return 0;
}

double table_target_share(const struct table_target *targets, size_t n_targets, bool only_v4, size_t target)
{
    uint64_t all = live_weight(targets, n_targets, only_v4);

    return target_sum(&targets[target], only_v4) > 0 ? (double)targets[target].weight / (double)all : 0;
}

double table_share(const struct table_target *targets, size_t n_targets, bool only_v4, size_t target, size_t candidate)
{
    uint64_t sum = target_sum(&targets[target], only_v4);
    const struct table_candidate *one = &targets[target].candidates[candidate];

    if (sum == 0 || !counts(one, only_v4))
        return 0;
    return table_target_share(targets, n_targets, only_v4, target) * one->weight / (double)sum;
}
