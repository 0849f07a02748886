/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tables against the weights they were built from: every unit of every column is counted.
 * Long because shares, groups and both families are held against one way of counting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/table.h"

#define COLUMN (UINT64_C(1) << 32)

/* Address and port follow from the endpoint, so that a slot that mixes two endpoints is found out. */
static struct ip_address address_of(uint32_t endpoint)
{
    struct ip_address address = ip_address_from_v4(0x0a000000 + endpoint);

    if (endpoint >= 1000000)
        address.bytes[0] = 0xfd; /* no longer the mapped prefix: IPv6 */
    return address;
}

static struct table_candidate candidate(uint32_t endpoint, uint32_t weight)
{
    return (struct table_candidate){.endpoint = endpoint,
                                    .address = address_of(endpoint),
                                    .port = (uint16_t)(1000 + endpoint % 5000),
                                    .weight = weight,
                                    .is_eligible = true,
                                    .networks = endpoint % 7};
}

static bool is_wanted(const struct table_candidate *one, bool only_v4)
{
    return one->is_eligible && one->weight > 0 && (!only_v4 || ip_address_is_v4(&one->address));
}

static uint64_t sum_of(const struct table_target *target, bool only_v4)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < target->n_candidates; i++)
        sum += is_wanted(&target->candidates[i], only_v4) ? target->candidates[i].weight : 0;
    return target->weight ? sum : 0;
}

static uint64_t units_of(const struct svc_slot *slots, uint32_t count, uint32_t endpoint)
{
    uint64_t units = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (slots[i].endpoint_a == endpoint)
            units += slots[i].threshold;
        if (slots[i].endpoint_b == endpoint)
            units += COLUMN - slots[i].threshold;
    }
    return units;
}

static void check_outcome(uint32_t endpoint, const uint8_t address[16], uint16_t port_be)
{
    struct ip_address wanted = address_of(endpoint);

    assert_memory_equal(address, wanted.bytes, 16);
    assert_int_equal(ntohs(port_be), 1000 + endpoint % 5000);
}

static void check_slots(const struct svc_slot *slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        check_outcome(slots[i].endpoint_a, slots[i].address_a, slots[i].port_a_be);
        check_outcome(slots[i].endpoint_b, slots[i].address_b, slots[i].port_b_be);
        assert_int_equal(slots[i].groups, 0);
        assert_int_equal(slots[i].reserved, 0);
        if (slots[i].endpoint_a == slots[i].endpoint_b)
            assert_int_equal(slots[i].threshold, 0);
        else
            assert_int_not_equal(slots[i].threshold, 0);
    }
}

/*
 * Builds the table and compares each endpoint's units with n * 2^32 * tw * iw / (TW * IW), multiplied out:
 * they are less than `limit` units of a column apart. Endpoints are unique across the targets. Returns the
 * number of slots.
 */
static uint32_t check_within(const struct table_target *targets, size_t n_targets, bool only_v4,
                             unsigned limit)
{
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 0;
    uint32_t n_seen = 0;
    uint64_t all = 0;
    uint64_t given = 0;

    assert_int_equal(table_build(targets, n_targets, only_v4, &slots, &count), 0);
    check_slots(slots, count);
    for (size_t t = 0; t < n_targets; t++)
        all += sum_of(&targets[t], only_v4) ? targets[t].weight : 0;
    for (size_t t = 0; t < n_targets; t++) {
        uint64_t sum = sum_of(&targets[t], only_v4);

        for (size_t c = 0; c < targets[t].n_candidates; c++) {
            const struct table_candidate *one = &targets[t].candidates[c];
            uint64_t units = units_of(slots, count, one->endpoint);
            __int128 difference = (__int128)units * all * sum;

            given += units;
            assert_int_equal(units > 0, sum > 0 && is_wanted(one, only_v4));
            if (units == 0)
                continue;
            assert_int_equal(slots[n_seen++].endpoint_a, one->endpoint);
            difference -= (__int128)(count * COLUMN) * targets[t].weight * one->weight;
            assert_true((difference < 0 ? -difference : difference) < (__int128)all * sum * limit);
        }
    }
    assert_int_equal(n_seen, count);
    assert_true(given == count * COLUMN);
    return count;
}

/* Nobody below one unit: rounding moves nobody by a whole unit, 2^-32 / n of overall probability. */
static uint32_t check_table(const struct table_target *targets, size_t n_targets, bool only_v4)
{
    return check_within(targets, n_targets, only_v4, 1);
}

static void test_nobody(void **state)
{
    struct table_candidate candidates[] = {candidate(1, 0), candidate(2, 5), candidate(1000003, 5)};
    struct table_target targets[] = {
        {1, candidates, 2, NULL}, {0, candidates + 2, 1, NULL}, {9, NULL, 0, NULL}};
    struct svc_slot *slots = (void *)&targets;
    uint32_t count = 99;

    (void)state;
    candidates[1].is_eligible = false;
    assert_int_equal(table_build(targets, 3, false, &slots, &count), 0);
    assert_null(slots);
    assert_int_equal(count, 0);
    targets[1].weight = 1;
    assert_int_equal(table_build(targets, 3, true, &slots, &count), 0);
    assert_null(slots);
    assert_int_equal(count, 0);
    assert_int_equal(table_build(NULL, 0, false, &slots, &count), 0);
    assert_null(slots);
}

static void test_weights(void **state)
{
    static const uint32_t weights[][4] = {
        {1, 1, 1, 1},         {1, 65535, 0, 0}, {65535, 1, 0, 0},
        {95, 5, 0, 0},        {1, 2, 3, 4},     {65535, 65535, 65535, 1},
        {3, 0, 7, 0},         {0, 0, 0, 1},     {65521, 65519, 65497, 65479},
        {1, 1, 65535, 65535}, {1, 1, 1, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(weights); i++) {
        struct table_candidate candidates[4];
        struct table_target target = {100, candidates, 4, NULL};
        uint32_t n = 0;

        for (uint32_t c = 0; c < 4; c++) {
            candidates[c] = candidate(c + 1, weights[i][c]);
            n += weights[i][c] > 0;
        }
        assert_int_equal(check_table(&target, 1, false), n);
    }
}

static void test_exact_units(void **state)
{
    struct table_candidate candidates[] = {candidate(1, 1), candidate(2, 65535), candidate(3, 0)};
    struct table_target target = {1, candidates, 3, NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 0;

    (void)state;
    assert_int_equal(table_build(&target, 1, false, &slots, &count), 0);
    assert_int_equal(count, 2);
    /* 1/65536 of two columns of 2^32 units is exactly 2^17. */
    assert_true(units_of(slots, count, 1) == 1 << 17);
    assert_true(units_of(slots, count, 2) == 2 * COLUMN - (1 << 17));
    assert_int_equal(slots[0].threshold, 1 << 17);
    assert_int_equal(slots[0].endpoint_b, 2);
    assert_int_equal(slots[1].threshold, 0);
    /* Alone: one column, both outcomes the same. */
    target.n_candidates = 1;
    assert_int_equal(check_table(&target, 1, true), 1);
}

/* Thirds: 3 * 2^32 / 7 leaves remainders; the largest get the units left over, the first of equals first. */
static void test_largest_remainder(void **state)
{
    struct table_candidate candidates[] = {candidate(1, 2), candidate(2, 2), candidate(3, 3)};
    struct table_target target = {1, candidates, 3, NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint64_t total = 3 * COLUMN;
    uint32_t count = 0;

    (void)state;
    assert_int_equal(table_build(&target, 1, false, &slots, &count), 0);
    /* total % 7 == 5: cut off are 3/7, 3/7 and 1/7, one unit is left over and the first has it. */
    assert_int_equal(total % 7, 5);
    assert_true(units_of(slots, count, 1) == total * 2 / 7 + 1);
    assert_true(units_of(slots, count, 2) == total * 2 / 7);
    assert_true(units_of(slots, count, 3) == total * 3 / 7);
}

/*
 * 36 endpoints with 0.68 of a unit each are raised to one unit. What rounding down leaves over, 25 units,
 * does not pay for that: the largest gives the other 11 and keeps the sum.
 */
static void test_tiny_probability(void **state)
{
    enum {
        TINY = 36,
        NORMAL = 105,
        N = TINY + NORMAL + 2
    };
    struct table_candidate shared[TINY + NORMAL];
    struct table_candidate large[] = {candidate(1000, 1), candidate(1001, 1)};
    struct table_target targets[] = {
        {1, shared, TINY + NORMAL, NULL}, {65535, large, 1, NULL}, {65535, large + 1, 1, NULL}};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint64_t exact = N * COLUMN * 65535 / 131071;
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < TINY + NORMAL; i++)
        shared[i] = candidate(i, i < TINY ? 1 : 65535);
    /* 2 * 2^-32 of overall probability are 2 * N units of a column. */
    assert_int_equal(check_within(targets, 3, false, 2 * N), N);
    assert_int_equal(table_build(targets, 3, false, &slots, &count), 0);
    for (uint32_t i = 0; i < TINY; i++)
        assert_true(units_of(slots, count, i) == 1);
    assert_true(units_of(slots, count, 1000) == exact - 11);
    assert_true(units_of(slots, count, 1001) == exact);
}

static void test_thousand(void **state)
{
    static struct table_candidate candidates[1000];
    struct table_target target = {1, candidates, 1000, NULL};

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        candidates[i] = candidate(i, 1);
    assert_int_equal(check_table(&target, 1, false), 1000);
    for (uint32_t i = 0; i < 1000; i++)
        candidates[i].weight = i % 10 == 0 ? 0 : i * 65 + 1;
    assert_int_equal(check_table(&target, 1, false), 900);
    for (uint32_t i = 0; i < 1000; i++)
        candidates[i].weight = i == 500 ? 65535 : 1;
    assert_int_equal(check_table(&target, 1, false), 1000);
}

/* Of three targets 50:30:20 the second has nobody: 5/7 and 2/7 for the others. */
static void test_empty_target(void **state)
{
    struct table_candidate first[] = {candidate(1, 10), candidate(2, 30)};
    struct table_candidate second[] = {candidate(3, 1), candidate(4, 0)};
    struct table_candidate third[] = {candidate(5, 1)};
    struct table_target targets[] = {{50, first, 2, NULL}, {30, second, 2, NULL}, {20, third, 1, NULL}};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 0;

    (void)state;
    assert_int_equal(check_table(targets, 3, false), 4);
    second[0].is_eligible = false;
    assert_int_equal(check_table(targets, 3, false), 3);
    assert_int_equal(table_build(targets, 3, false, &slots, &count), 0);
    assert_true(units_of(slots, count, 5) == 3 * COLUMN * 2 / 7);
    assert_true(units_of(slots, count, 1) == 3 * COLUMN * 5 / 28);
    targets[0].weight = 0;
    assert_int_equal(check_table(targets, 3, false), 1);
}

static void test_only_v4(void **state)
{
    struct table_candidate first[] = {candidate(1, 1), candidate(1000002, 3)};
    struct table_candidate second[] = {candidate(1000003, 1)};
    struct table_target targets[] = {{1, first, 2, NULL}, {3, second, 1, NULL}};

    (void)state;
    assert_int_equal(check_table(targets, 2, false), 3);
    assert_int_equal(check_table(targets, 2, true), 1);
}

static void test_random(void **state)
{
    static struct table_candidate candidates[400];
    struct table_target targets[8];

    (void)state;
    srand48(20240817);
    for (int round = 0; round < 2000; round++) {
        size_t n_targets = 1 + (size_t)lrand48() % 8;
        uint32_t used = 0;

        for (size_t t = 0; t < n_targets; t++) {
            uint32_t limit = lrand48() % 2 ? 65535 : 5;

            targets[t] = (struct table_target){(uint32_t)lrand48() % (limit + 1), candidates + used,
                                               (size_t)lrand48() % (round % 10 ? 8 : 50), NULL};
            for (size_t c = 0; c < targets[t].n_candidates; c++, used++) {
                candidates[used] =
                    candidate(used + (lrand48() % 3 ? 0 : 1000000), (uint32_t)lrand48() % (limit + 1));
                candidates[used].is_eligible = lrand48() % 5 != 0;
            }
        }
        check_table(targets, n_targets, round % 2);
    }
}

/* The same table as from weights that are multiplied out by hand. */
static void test_groups_share_a_weight(void **state)
{
    struct table_candidate grouped[] = {candidate(1, 3), candidate(2, 3), candidate(3, 3), candidate(4, 2),
                                        candidate(5, 5), candidate(6, 5), candidate(7, 3)};
    struct table_candidate plain[] = {candidate(1, 2), candidate(2, 2), candidate(3, 2),
                                      candidate(4, 4), candidate(5, 5), candidate(6, 5)};
    struct table_target one = {7, grouped, 7, NULL};
    struct table_target other = {7, plain, 6, NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    _cleanup_free_ struct svc_slot *wanted = NULL;
    uint32_t count = 0;
    uint32_t count_wanted = 0;
    double of_target, shares[7];

    (void)state;
    grouped[0].group = grouped[1].group = grouped[2].group = grouped[6].group = 9;
    grouped[4].group = grouped[5].group = 4;
    grouped[6].is_eligible = false; /* nobody that the weight is divided by */
    assert_int_equal(table_build(&one, 1, false, &slots, &count), 0);
    assert_int_equal(table_build(&other, 1, false, &wanted, &count_wanted), 0);
    assert_int_equal(count, count_wanted);
    assert_memory_equal(slots, wanted, count * sizeof(*slots));
    assert_int_equal(table_shares(&one, 1, false, &of_target, shares), 0);
    assert_true(fabs(shares[0] - 0.1) < 1e-12 && fabs(shares[4] - 0.25) < 1e-12 && shares[6] == 0);
    /* An IPv4 socket finds the weight divided among those it can reach. */
    grouped[5] = candidate(1000006, 5);
    grouped[5].group = 4;
    assert_int_equal(table_shares(&one, 1, true, &of_target, shares), 0);
    assert_true(fabs(shares[4] - 0.5) < 1e-12);
    assert_int_equal(table_shares(&one, 1, false, &of_target, shares), 0);
    assert_true(fabs(shares[4] - 0.25) < 1e-12);
}

/* Groups of every size, whose least common multiple is largest, with the largest weights. */
static void test_groups_of_every_size(void **state)
{
    static struct table_candidate candidates[8 * TABLE_MAX_GROUP * (TABLE_MAX_GROUP + 1) / 2];
    struct table_target targets[8];
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t used = 0;
    uint32_t count = 0;
    uint32_t group = 0;

    (void)state;
    for (size_t t = 0; t < 8; t++) {
        targets[t] = (struct table_target){65535 - (uint32_t)t, candidates + used, 0, NULL};
        for (uint32_t size = 1; size <= TABLE_MAX_GROUP; size++, group++)
            for (uint32_t i = 0; i < size; i++, used++) {
                candidates[used] = candidate(used, TABLE_MAX_WEIGHT * TABLE_WEIGHT_PARTS - size);
                candidates[used].group = group + 1;
                targets[t].n_candidates++;
            }
    }
    assert_int_equal(table_build(targets, 8, false, &slots, &count), 0);
    assert_int_equal(count, used);
    check_slots(slots, count);
    used = 0;
    for (size_t t = 0; t < 8; t++) {
        long double sum = 0;
        long double all = 8 * 65535 - 28;

        for (uint32_t size = 1; size <= TABLE_MAX_GROUP; size++)
            sum += TABLE_MAX_WEIGHT * TABLE_WEIGHT_PARTS - size;
        for (uint32_t size = 1; size <= TABLE_MAX_GROUP; size++)
            for (uint32_t i = 0; i < size; i++, used++) {
                long double wanted = (long double)count * COLUMN * targets[t].weight / all *
                                     candidates[used].weight / sum / size;

                assert_true(fabsl((long double)units_of(slots, count, used) - wanted) < 1.01L);
            }
    }
    for (uint32_t i = 0; i <= TABLE_MAX_GROUP; i++)
        candidates[i].group = 1;
    assert_int_equal(table_build(targets, 8, false, &slots, &count), -E2BIG);
}

static void test_deterministic(void **state)
{
    static struct table_candidate candidates[300];
    struct table_target target = {5, candidates, 300, NULL};

    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        candidates[i] = candidate(i, 1 + i * 217 % 65535);
    for (int round = 0; round < 5; round++) {
        _cleanup_free_ struct svc_slot *once = NULL;
        _cleanup_free_ struct svc_slot *again = NULL;
        uint32_t count_once = 0;
        uint32_t count_again = 0;

        assert_int_equal(table_build(&target, 1, false, &once, &count_once), 0);
        assert_int_equal(table_build(&target, 1, false, &again, &count_again), 0);
        assert_int_equal(count_once, count_again);
        assert_memory_equal(once, again, count_once * sizeof(*once));
        candidates[round].weight += 1;
    }
}

static void test_too_many(void **state)
{
    _cleanup_free_ struct table_candidate *many = calloc(SVC_MAX_TABLE_SLOTS + 2, sizeof(*many));
    struct table_target target = {1, many, SVC_MAX_TABLE_SLOTS + 1, NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 42;

    (void)state;
    assert_non_null(many);
    for (uint32_t i = 0; i <= SVC_MAX_TABLE_SLOTS; i++)
        many[i] = candidate(i, 1 + i % 65535);
    assert_int_equal(table_build(&target, 1, false, &slots, &count), -E2BIG);
    assert_null(slots);
    assert_int_equal(count, 42);
    many[9].is_eligible = false;
    assert_int_equal(table_build(&target, 1, false, &slots, &count), 0);
    assert_int_equal(count, SVC_MAX_TABLE_SLOTS);
    check_slots(slots, count);
}

/* Three targets, four candidates. */
static void check_shares(const struct table_target *targets, bool only_v4, const double wanted_targets[3],
                         const double wanted[4])
{
    double of_targets[3] = {-1, -1, -1}, shares[4] = {-1, -1, -1, -1};

    assert_int_equal(table_shares(targets, 3, only_v4, of_targets, shares), 0);
    for (size_t t = 0; t < 3; t++)
        assert_true(fabs(of_targets[t] - wanted_targets[t]) < 1e-12);
    for (size_t c = 0; c < 4; c++)
        assert_true(fabs(shares[c] - wanted[c]) < 1e-12);
}

static void test_shares(void **state)
{
    struct table_candidate first[] = {candidate(1, 10), candidate(2, 30), candidate(3, 0)};
    struct table_candidate second[] = {candidate(1000004, 1)};
    struct table_target targets[] = {{60, first, 3, NULL}, {40, second, 1, NULL}, {100, NULL, 0, NULL}};

    (void)state;
    check_shares(targets, false, (const double[]){0.6, 0.4, 0}, (const double[]){0.15, 0.45, 0, 0.4});
    check_shares(targets, true, (const double[]){1, 0, 0}, (const double[]){0.25, 0.75, 0, 0});
    first[0].is_eligible = false;
    check_shares(targets, false, (const double[]){0.6, 0.4, 0}, (const double[]){0, 0.6, 0, 0.4});
    first[1].is_eligible = false;
    check_shares(targets, false, (const double[]){0, 1, 0}, (const double[]){0, 0, 0, 1});
    targets[1].weight = 0;
    check_shares(targets, false, (const double[]){0, 0, 0}, (const double[]){0, 0, 0, 0});
}

/* The weights are gone through once for all: for each candidate anew, this would take hours. */
static void test_shares_of_many(void **state)
{
    const size_t n = 400000;
    _cleanup_free_ struct table_candidate *many = calloc(n, sizeof(*many));
    _cleanup_free_ double *shares = calloc(n, sizeof(*shares));
    struct table_target targets[] = {{1, many, n / 2, NULL}, {3, many + n / 2, n / 2, NULL}};
    double of_targets[2], sum = 0;

    (void)state;
    assert_non_null(many);
    assert_non_null(shares);
    for (uint32_t i = 0; i < n; i++) {
        many[i] = candidate(i, 1 + i % 65535);
        many[i].group = i % 3 ? 0 : 1 + i / 6;
    }
    assert_int_equal(table_shares(targets, 2, false, of_targets, shares), 0);
    for (size_t i = 0; i < n / 2; i++)
        sum += shares[i];
    assert_true(fabs(sum - 0.25) < 1e-9);
    for (size_t i = n / 2; i < n; i++)
        sum += shares[i];
    assert_true(fabs(sum - 1) < 1e-9);
}

/* As addresses: whoever mixes up two endpoints is found out. */
static void test_networks_go_with_their_endpoints(void **state)
{
    const struct table_candidate candidates[] = {candidate(3, 1), candidate(7, 5), candidate(11, 2)};
    const struct table_target target = {1, candidates, ARRAY_SIZE(candidates), NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 0;

    (void)state;
    assert_int_equal(table_build(&target, 1, false, &slots, &count), 0);
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(slots[i].networks_a, slots[i].endpoint_a % 7);
        assert_int_equal(slots[i].networks_b, slots[i].endpoint_b % 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_share_a_weight),
        cmocka_unit_test(test_groups_of_every_size),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_exact_units),
        cmocka_unit_test(test_largest_remainder),
        cmocka_unit_test(test_tiny_probability),
        cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_empty_target),
        cmocka_unit_test(test_only_v4),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_shares_of_many),
        cmocka_unit_test(test_networks_go_with_their_endpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
