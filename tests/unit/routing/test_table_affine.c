/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a client keeps, and what weights are worth, in tables that hashes draw from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/table.h"
#include "routing/table_affine.h"

#define MOST    300
#define CLIENTS 20000

struct affine {
    struct svc_slot *slots;
    uint32_t count;
};

/* Endpoints offset + 1..n at addresses of their own, the one of that place not eligible. */
static struct affine make_from(uint32_t offset, const uint32_t *weights, size_t n, uint32_t left_out)
{
    struct table_candidate candidates[MOST] = {0};
    const struct table_target target = {.weight = 1, .candidates = candidates, .n_candidates = n};
    struct affine table = {0};

    for (size_t i = 0; i < n; i++)
        candidates[i] = (struct table_candidate){
            .endpoint = offset + (uint32_t)i + 1,
            .address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i}},
            .port = 8080,
            .weight = weights[i],
            .networks = (uint32_t)i + 7,
            .is_eligible = i + 1 != left_out,
        };
    assert_int_equal(table_build(&target, 1, true, &table.slots, &table.count), 0);
    assert_int_equal(table_make_affine(&table.slots, &table.count), 0);
    return table;
}

static struct affine make(const uint32_t *weights, size_t n, uint32_t left_out)
{
    return make_from(0, weights, n, left_out);
}

static uint32_t drawn_by(const struct affine *table, uint64_t client)
{
    uint32_t word = svc_affinity_word(client, 0);
    const struct svc_slot *slot = &table->slots[svc_draw_column(word, table->count)];

    return svc_slot_outcome(slot, svc_draw_fraction(word, table->count)).endpoint;
}

static void test_each_column_has_one_endpoint_whole(void **state)
{
    static const uint32_t weights[] = {1, 2, 3};
    struct affine table = make(weights, 3, 0);

    (void)state;
    assert_int_equal(table.count, TABLE_AFFINE_COLUMNS);
    for (uint32_t i = 0; i < table.count; i++) {
        const struct svc_slot *slot = &table.slots[i];

        assert_int_equal(slot->threshold, 0);
        assert_int_equal(slot->endpoint_a, slot->endpoint_b);
        assert_int_equal(slot->port_a_be, slot->port_b_be);
        assert_int_equal(slot->networks_a, slot->endpoint_a + 6);
        assert_int_equal(slot->networks_b, slot->networks_a);
        assert_memory_equal(slot->address_a, slot->address_b, sizeof(slot->address_a));
        assert_int_equal(slot->address_a[15], slot->endpoint_a - 1);
    }
    free(table.slots);
}

/* To three standard deviations of what chance gives columns and clients. */
static void check_shares(const uint32_t *weights, size_t n)
{
    struct affine table = make(weights, n, 0);
    uint32_t seen[MOST + 1] = {0};
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    for (uint64_t client = 1; client <= CLIENTS; client++)
        seen[drawn_by(&table, client * 4099)]++;
    for (size_t i = 0; i < n; i++) {
        double p = weights[i] / sum;
        double sigma = sqrt(p * (1 - p) * (1.0 / CLIENTS + 1.0 / TABLE_AFFINE_COLUMNS));

        assert_true(fabs(seen[i + 1] / (double)CLIENTS - p) < 3.5 * sigma);
    }
    free(table.slots);
}

static void test_weights_hold_over_many_clients(void **state)
{
    static const uint32_t canary[] = {90, 10};
    static const uint32_t equal[] = {1, 1, 1, 1, 1};
    static const uint32_t uneven[] = {1, 2, 3, 50, 200, 7};
    uint32_t many[200];

    (void)state;
    for (size_t i = 0; i < 200; i++)
        many[i] = 1 + (uint32_t)i % 3;
    check_shares(canary, 2);
    check_shares(equal, 5);
    check_shares(uneven, 6);
    check_shares(many, 200);
}

/* Whoever had another endpoint than the one that goes keeps it; nobody changes between two that stay. */
static void check_that_only_its_own_move(const uint32_t *weights, size_t n)
{
    struct affine whole = make(weights, n, 0);

    for (uint32_t gone = 1; gone <= n; gone += 1 + (uint32_t)n / 5) {
        struct affine less = make(weights, n, gone);
        uint32_t moved = 0;

        for (uint64_t client = 1; client <= CLIENTS; client++) {
            uint32_t before = drawn_by(&whole, client * 4099);
            uint32_t after = drawn_by(&less, client * 4099);

            assert_true(before == gone ? after != gone : after == before);
            moved += before == gone;
        }
        assert_true(moved > 0);
        free(less.slots);
    }
    free(whole.slots);
}

static void test_only_the_clients_of_one_that_goes_move(void **state)
{
    static const uint32_t equal[] = {1, 1, 1, 1, 1};
    static const uint32_t uneven[] = {10, 20, 30, 50, 200, 70};

    (void)state;
    check_that_only_its_own_move(equal, 5);
    check_that_only_its_own_move(uneven, 6);
}

/* A number is given anew with each registration, an address is not. */
static void test_numbers_do_not_matter(void **state)
{
    static const uint32_t weights[] = {1, 1, 1};
    struct affine before = make(weights, 3, 0);
    struct affine after = make_from(100, weights, 3, 0);

    (void)state;
    for (uint64_t client = 1; client <= 1000; client++)
        assert_int_equal(drawn_by(&before, client) + 100, drawn_by(&after, client));
    free(before.slots);
    free(after.slots);
}

static void test_tables_that_stay_as_they_are(void **state)
{
    uint32_t weights[MOST];
    struct affine table;

    (void)state;
    for (size_t i = 0; i < MOST; i++)
        weights[i] = 1;
    table = make(weights, 0, 0);
    assert_int_equal(table.count, 0);
    assert_null(table.slots);
    table = make(weights, 1, 0);
    assert_int_equal(table.count, 1);
    free(table.slots);
    table = make(weights, TABLE_AFFINE_MOST, 0);
    assert_int_equal(table.count, TABLE_AFFINE_COLUMNS);
    free(table.slots);
    table = make(weights, TABLE_AFFINE_MOST + 1, 0);
    assert_int_equal(table.count, TABLE_AFFINE_MOST + 1);
    free(table.slots);
}

/* One that is out leads to another, and always to the same one. */
static void test_words_of_one_client(void **state)
{
    uint32_t differ = 0;

    (void)state;
    for (uint64_t client = 1; client <= 1000; client++) {
        assert_int_equal(svc_affinity_word(client, 1), svc_affinity_word(client, 1));
        differ += svc_affinity_word(client, 0) != svc_affinity_word(client, 1);
        differ += svc_affinity_word(client, 0) != svc_affinity_word(client + 1, 0);
    }
    assert_true(differ > 1990);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_column_has_one_endpoint_whole),
        cmocka_unit_test(test_weights_hold_over_many_clients),
        cmocka_unit_test(test_only_the_clients_of_one_that_goes_move),
        cmocka_unit_test(test_numbers_do_not_matter),
        cmocka_unit_test(test_tables_that_stay_as_they_are),
        cmocka_unit_test(test_words_of_one_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
