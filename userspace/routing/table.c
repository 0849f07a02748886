/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In: targets with their candidates. Out: the slots of an alias-method table (Vose), in whole numbers
 * throughout: a column holds 2^32 units, n columns hold n * 2^32, and each outcome gets its whole number of
 * them. Integers make the bytes the same everywhere and leave no column that rounding has to repair.
 */
#include "routing/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/target_weights.h"
#include "routing/target_zones.h"

#define COLUMN_UNITS (UINT64_C(1) << 32)

typedef unsigned __int128 wide;

/* Targets are few (2^8) with weights of 16 bits, candidates fewer than 2^16 with weights of 20 and a scale of
 * 48 (1 where there are no groups): the sums have 24 and 84 bits, their product 108, and with zones, whose shares
 * have 16, 124. */
struct outcome {
    const struct table_candidate *candidate;
    uint64_t units;
    wide remainder; /* what rounding down has cut off, in units / divisor */
    wide divisor;
};

/* Weights of the candidates that can be drawn: 0 if the target has none or has itself weight 0. */
static uint64_t target_sum(const struct table_target *target, bool only_v4, size_t *n_drawn)
{
    uint64_t sum = 0;

    for (size_t i = 0; target->weight > 0 && i < target->n_candidates; i++)
        if (candidate_is_drawn(&target->candidates[i], only_v4)) {
            sum += target->candidates[i].weight;
            *n_drawn += 1;
        }
    return sum;
}

static uint64_t all_targets_sum(const struct table_target *targets, size_t n_targets, bool only_v4,
                                size_t *n_drawn)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n_targets; i++)
        if (target_sum(&targets[i], only_v4, n_drawn) > 0)
            sum += targets[i].weight;
    return sum;
}

/* a/b against c/d, all exact: where the whole parts are equal, the reciprocals of what is left decide. */
static int compare_fractions(wide a, wide b, wide c, wide d)
{
    for (int sign = 1;; sign = -sign) {
        wide whole_a = a / b;
        wide whole_c = c / d;
        wide rest_a = a % b;
        wide rest_c = c % d;

        if (whole_a != whole_c)
            return whole_a < whole_c ? -sign : sign;
        if (!rest_a || !rest_c)
            return rest_a ? sign : rest_c ? -sign : 0;
        a = b;
        b = rest_a;
        c = d;
        d = rest_c;
    }
}

/* Cut-off parts from large to small, then by place. */
static int by_remainder(const void *left, const void *right)
{
    const struct outcome *a = *(const struct outcome *const *)left;
    const struct outcome *b = *(const struct outcome *const *)right;
    int order = a->divisor == b->divisor
                    ? (a->remainder < b->remainder ? -1 : a->remainder > b->remainder)
                    : compare_fractions(a->remainder, a->divisor, b->remainder, b->divisor);

    if (order)
        return -order;
    return a < b ? -1 : a > b;
}

/* Gives the units that rounding down has left over to those who lost most by it, one each. */
static int table_hand_out(struct outcome *outcomes, size_t n, uint64_t units)
{
    _cleanup_free_ struct outcome **order = malloc(n * sizeof(struct outcome *));

    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        order[i] = &outcomes[i];
    qsort(order, n, sizeof(struct outcome *), by_remainder);
    for (size_t i = 0; i < units; i++)
        order[i]->units++;
    return 0;
}

/* Takes back what raising tiny probabilities to one unit has overdrawn; the largest can spare it. */
static void table_take_back(struct outcome *outcomes, size_t n, uint64_t units)
{
    struct outcome *largest = &outcomes[0];

    for (size_t i = 1; i < n; i++)
        if (outcomes[i].units > largest->units)
            largest = &outcomes[i];
    largest->units -= units;
}

static unsigned table_leading_zeros(wide number)
{
    uint64_t high = (uint64_t)(number >> 64);
    uint64_t low = (uint64_t)number;

    if (high)
        return (unsigned)__builtin_clzll(high);
    return low ? 64 + (unsigned)__builtin_clzll(low) : 128;
}

/* n columns' units times part / divisor, part being at most divisor. Where 32 bits more have no room, the
 * division goes on by as many at a time as there is room for. */
static void divide(wide part, size_t n, wide divisor, struct outcome *outcome)
{
    unsigned room = table_leading_zeros(divisor);
    wide rest = part * n;
    wide units;

    if (room >= 64) {
        rest *= COLUMN_UNITS;
        outcome->units = (uint64_t)(rest / divisor);
        outcome->remainder = rest % divisor;
        return;
    }
    units = rest / divisor;
    for (unsigned left = 32; left > 0;) {
        unsigned step = left < room ? left : room;

        rest = rest % divisor << step;
        units = (units << step) + rest / divisor;
        left -= step;
    }
    outcome->units = (uint64_t)units;
    outcome->remainder = rest % divisor;
}

/* Of a candidate's weight: the weight of what it competes with by weight, and the share which that has. */
struct share_of {
    wide sum;
    uint32_t share;
    uint32_t all;
};

static struct share_of table_share_of(const struct target_weights *weights, const struct target_zones *zones,
                                      const struct table_candidate *candidate)
{
    if (zones->n == 0)
        return (struct share_of){weights->sum, 1, 1};
    return (struct share_of){zones->sides[candidate->zone].drawn, zones->shares[candidate->zone], ZONE_ALL};
}

/* One target's outcomes; *filled and *given go on. */
static int share_target(const struct table_target *target, bool only_v4, uint64_t weight_sum,
                        struct outcome *outcomes, size_t n, size_t *filled, uint64_t *given)
{
    _cleanup_(target_weights_done) struct target_weights weights = {0};
    struct target_zones zones;
    int r = target_weights_build(target, only_v4, &weights);

    if (r == 0)
        target_zones_find(target, only_v4, &weights, &zones);
    for (size_t c = 0; r == 0 && weight_sum > 0 && c < target->n_candidates; c++) {
        struct outcome *outcome = &outcomes[*filled];
        struct share_of of;

        if (weights.weights[c] == 0)
            continue;
        of = table_share_of(&weights, &zones, &target->candidates[c]);
        *outcome =
            (struct outcome){.candidate = &target->candidates[c], .divisor = of.sum * weight_sum * of.all};
        divide(weights.weights[c] * target->weight * of.share, n, outcome->divisor, outcome);
        if (outcome->units == 0) {
            outcome->units = 1;
            outcome->remainder = 0;
        }
        *given += outcome->units;
        ++*filled;
    }
    return r;
}

/* Fills the outcomes with units that add up to exactly n columns. */
static int share_units(const struct table_target *targets, size_t n_targets, bool only_v4,
                       uint64_t weight_sum, struct outcome *outcomes, size_t n)
{
    uint64_t given = 0;
    size_t filled = 0;
    int r = 0;

    for (size_t t = 0; t < n_targets && r == 0; t++)
        if (targets[t].weight > 0)
            r = share_target(&targets[t], only_v4, weight_sum, outcomes, n, &filled, &given);
    if (r < 0)
        return r;
    if (given > n * COLUMN_UNITS)
        table_take_back(outcomes, n, given - n * COLUMN_UNITS);
    return given < n * COLUMN_UNITS ? table_hand_out(outcomes, n, n * COLUMN_UNITS - given) : 0;
}

static void fill_slot(struct svc_slot *slot, const struct table_candidate *a, const struct table_candidate *b,
                      uint32_t threshold)
{
    slot->threshold = threshold;
    slot->port_a_be = htons(a->port);
    slot->port_b_be = htons(b->port);
    slot->endpoint_a = a->endpoint;
    slot->endpoint_b = b->endpoint;
    slot->networks_a = a->networks;
    slot->networks_b = b->networks;
    memcpy(slot->address_a, a->address.bytes, sizeof(slot->address_a));
    memcpy(slot->address_b, b->address.bytes, sizeof(slot->address_b));
}

/*
 * Vose: what an outcome lacks for a full column is filled up by one that has more than a column. The units
 * add up to n full columns, so as long as one outcome lacks something another has too much, and what is left
 * over at the end are full columns. An outcome never falls to 0 units, so a threshold of 0 means a single
 * outcome.
 */
static int fill_columns(struct outcome *outcomes, uint32_t n, struct svc_slot *slots)
{
    _cleanup_free_ uint32_t *work =
        malloc(n * sizeof(*work)); /* two stacks: lacking from the front, rich from the back */
    uint32_t n_lacking = 0;
    uint32_t rich = n;

    if (!work)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        if (outcomes[i].units < COLUMN_UNITS)
            work[n_lacking++] = i;
        else
            work[--rich] = i;
    }
    while (n_lacking > 0) {
        uint32_t low = work[--n_lacking];
        uint32_t high = work[rich];

        fill_slot(&slots[low], outcomes[low].candidate, outcomes[high].candidate,
                  (uint32_t)outcomes[low].units);
        outcomes[high].units -= COLUMN_UNITS - outcomes[low].units;
        if (outcomes[high].units < COLUMN_UNITS) {
            rich++;
            work[n_lacking++] = high;
        }
    }
    for (; rich < n; rich++)
        fill_slot(&slots[work[rich]], outcomes[work[rich]].candidate, outcomes[work[rich]].candidate, 0);
    return 0;
}

int table_build(const struct table_target *targets, size_t n_targets, bool only_v4,
                struct svc_slot **ret_slots, uint32_t *ret_count)
{
    _cleanup_free_ struct outcome *outcomes = NULL;
    _cleanup_free_ struct svc_slot *slots = NULL;
    size_t n = 0;
    uint64_t weight_sum = all_targets_sum(targets, n_targets, only_v4, &n);
    int r;

    if (n > SVC_MAX_TABLE_SLOTS)
        return -E2BIG;
    if (n > 0) {
        outcomes = calloc(n, sizeof(*outcomes));
        slots = calloc(n, sizeof(*slots));
        if (!outcomes || !slots)
            return -ENOMEM;
        r = share_units(targets, n_targets, only_v4, weight_sum, outcomes, n);
        if (r == 0)
            r = fill_columns(outcomes, (uint32_t)n, slots);
        if (r < 0)
            return r;
    }
    *ret_slots = TAKE_PTR(slots);
    *ret_count = (uint32_t)n;
    return 0;
}

/* One target's candidates; `of_all` is what they share. */
static int share_candidates(const struct table_target *target, bool only_v4, double of_all, double *shares)
{
    _cleanup_(target_weights_done) struct target_weights weights = {0};
    struct target_zones zones;
    int r = target_weights_build(target, only_v4, &weights);

    if (r == 0)
        target_zones_find(target, only_v4, &weights, &zones);
    for (size_t c = 0; r == 0 && c < target->n_candidates; c++) {
        const struct share_of of = table_share_of(&weights, &zones, &target->candidates[c]);

        if (weights.weights[c] > 0)
            shares[c] = of_all * (double)weights.weights[c] / (double)of.sum * of.share / of.all;
    }
    return r;
}

int table_shares(const struct table_target *targets, size_t n_targets, bool only_v4, double *ret_targets,
                 double *ret_candidates)
{
    size_t ignored = 0;
    uint64_t weight_sum = all_targets_sum(targets, n_targets, only_v4, &ignored);

    for (size_t t = 0; t < n_targets; t++) {
        bool is_drawn = target_sum(&targets[t], only_v4, &ignored) > 0;
        int r = 0;

        ret_targets[t] = is_drawn ? (double)targets[t].weight / (double)weight_sum : 0;
        for (size_t c = 0; c < targets[t].n_candidates; c++)
            ret_candidates[c] = 0;
        if (is_drawn)
            r = share_candidates(&targets[t], only_v4, ret_targets[t], ret_candidates);
        if (r < 0)
            return r;
        ret_candidates += targets[t].n_candidates;
    }
    return 0;
}
