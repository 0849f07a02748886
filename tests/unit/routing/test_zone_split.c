/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rule by which connects stay in a zone: properties over random zones, cases that people know, and tables by it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "routing/table.h"
#include "routing/zone_split.h"

#define ROUNDS 20000
#define NEAR   (1.0 / 4096) /* of a share: 64 zones may each hold a part of ZONE_ALL back */

static uint32_t below(uint32_t n)
{
    return (uint32_t)random() % n;
}

static struct zone_side side(uint64_t able, uint64_t drawn, uint64_t clients)
{
    return (struct zone_side){able, drawn, clients};
}

static double kept(const struct zone_side *sides, size_t n)
{
    return (double)zone_kept(sides, n) / (double)ZONE_KEPT_ALL;
}

/* What each zone gets once ejected endpoints have been skipped; returns the sum of what is left. */
static double chances(const struct zone_side *sides, size_t n, double *ret_chances)
{
    uint32_t shares[ZONE_MOST];
    uint32_t sum = 0;
    double left = 0;

    zone_split(sides, n, shares);
    for (size_t z = 0; z < n; z++) {
        sum += shares[z];
        assert_true((shares[z] > 0) == (sides[z].drawn > 0));
        ret_chances[z] =
            sides[z].drawn ? shares[z] * (double)sides[z].able / (double)sides[z].drawn / ZONE_ALL : 0;
        left += ret_chances[z];
    }
    assert_true(sum == ZONE_ALL || sum == 0);
    for (size_t z = 0; z < n && left > 0; z++)
        ret_chances[z] /= left;
    return left;
}

static void one_zone_has_everything(void **state)
{
    const struct zone_side one = side(5, 5, 5);
    uint32_t share = 7;

    (void)state;
    zone_split(&one, 1, &share);
    assert_int_equal(share, ZONE_ALL);
}

static void nothing_drawn_has_no_share(void **state)
{
    const struct zone_side none[2] = {side(0, 0, 3), side(0, 0, 4)};
    uint32_t shares[2] = {9, 9};

    (void)state;
    zone_split(none, 2, shares);
    assert_int_equal(shares[0] + shares[1], 0);
    assert_true(zone_kept(none, 2) == 0);
}

/* Envoy's documentation has this one: half of the clients, a third of the endpoints: two thirds stay. */
static void part_of_capacity_by_part_of_clients_stays(void **state)
{
    const struct zone_side three[3] = {side(2, 2, 3), side(2, 2, 2), side(2, 2, 1)};
    double share[3];

    (void)state;
    assert_true(fabs(kept(three, 3) - 2.0 / 3) < 1e-9);
    (void)chances(three, 3, share);
    assert_true(fabs(share[0] - 2.0 / 3) < NEAR);
    assert_true(share[1] < NEAR); /* as many clients as capacity: it has nothing over */
    assert_true(fabs(share[2] - 1.0 / 3) < NEAR);
}

static void enough_capacity_keeps_all(void **state)
{
    const struct zone_side two[2] = {side(10, 10, 9), side(10, 10, 11)};
    uint32_t shares[2];

    (void)state;
    assert_true(zone_kept(two, 2) == ZONE_KEPT_ALL);
    zone_split(two, 2, shares);
    assert_int_equal(shares[1], 1); /* the way out for programs that nobody tells of ejections */
}

/* Nobody is known to be here, and so nothing is known of where else there is room. */
static void unknown_clients_go_by_capacity(void **state)
{
    const struct zone_side three[3] = {side(0, 0, 0), side(30, 30, 30), side(9, 9, 10)};
    double share[3];

    (void)state;
    (void)chances(three, 3, share);
    assert_true(fabs(share[1] - 30.0 / 39) < NEAR);
}

static void ejected_endpoints_leave_the_zone_by_what_they_had(void **state)
{
    struct zone_side two[2] = {side(4, 4, 4), side(4, 4, 4)};
    double before = 1;
    double share[2];

    (void)state;
    for (unsigned able = 4; able > 0; able--) {
        two[0].able = able;
        (void)chances(two, 2, share);
        assert_true(share[0] <= before + NEAR);
        assert_true(fabs(share[0] - kept(two, 2)) < NEAR);
        before = share[0];
    }
    two[0].able = 0;
    (void)chances(two, 2, share);
    assert_true(share[1] == 1);
}

/* It is drawn as without zones when its time is over, which is how the programs find out. */
static void ejected_zone_stays_in_the_table(void **state)
{
    const struct zone_side two[2] = {side(0, 4, 4), side(12, 12, 12)};
    uint32_t shares[2];

    (void)state;
    zone_split(two, 2, shares);
    assert_true(shares[0] > ZONE_ALL / 8 && shares[0] < ZONE_ALL / 2);
}

static void all_ejected_is_as_none(void **state)
{
    const struct zone_side out[2] = {side(0, 6, 1), side(0, 6, 1)};
    const struct zone_side well[2] = {side(6, 6, 1), side(6, 6, 1)};
    uint32_t shares[2][2];

    (void)state;
    zone_split(out, 2, shares[0]);
    zone_split(well, 2, shares[1]);
    assert_memory_equal(shares[0], shares[1], sizeof(shares[0]));
}

static size_t random_sides(struct zone_side *sides)
{
    size_t n = 1 + below(6);
    uint64_t scale = below(2) ? 1 : UINT64_C(1) << below(60);

    for (size_t z = 0; z < n; z++) {
        uint64_t drawn = below(4) ? below(20) : 0;
        uint64_t able = below(3) ? drawn : drawn ? below((uint32_t)drawn + 1) : 0;

        sides[z] = (struct zone_side){(unsigned __int128)able * scale, (unsigned __int128)drawn * scale,
                                      below(3) ? below(50) : 0};
    }
    return n;
}

/* What is ejected takes a part of the table, and what is held back for a way out weighs the more. */
static double most_ejected(const struct zone_side *sides, size_t n)
{
    double most = 1;

    for (size_t z = 0; z < n; z++)
        if (sides[z].able > 0 && (double)sides[z].drawn / (double)sides[z].able > most)
            most = (double)sides[z].drawn / (double)sides[z].able;
    return 2 * most;
}

/* For any zones: the own one keeps what the rule says, no other zone without room gets more than its least share,
 * and the unit of weights does not matter. */
static void random_zones_keep_the_rule(void **state)
{
    struct zone_side sides[6];
    double share[6];

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = random_sides(sides);
        double able = 0;
        double clients = 0;
        double wanted = 0;

        for (size_t z = 0; z < n; z++) {
            able += (double)sides[z].able;
            clients += (double)sides[z].clients;
        }
        if (chances(sides, n, share) <= 0)
            continue;
        if (sides[0].able > 0)
            wanted = sides[0].clients == 0
                         ? 1
                         : ((double)sides[0].able / able) / ((double)sides[0].clients / clients);
        wanted = wanted < 1 ? wanted : 1;
        assert_true(fabs(share[0] - wanted) < NEAR * most_ejected(sides, n));
        for (size_t z = 1; z < n && clients > 0 && sides[0].clients > 0; z++)
            if ((double)sides[z].able / able < (double)sides[z].clients / clients)
                assert_true(share[z] < NEAR * most_ejected(sides, n));
    }
}

/* If all hosts go by the rule and clients are where they are said to be, each zone gets what its endpoints are worth. */
static void every_zone_gets_what_it_can_carry(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        uint32_t endpoints[5], clients[5];
        double load[5] = {0};
        size_t n = 2 + below(4);
        double all_endpoints = 0;
        double all_clients = 0;

        for (size_t z = 0; z < n; z++) {
            endpoints[z] = 1 + below(30);
            clients[z] = 1 + below(30);
            all_endpoints += endpoints[z];
            all_clients += clients[z];
        }
        for (size_t from = 0; from < n; from++) {
            struct zone_side sides[5];
            double share[5];

            for (size_t z = 0; z < n; z++) {
                size_t to = (from + z) % n;

                sides[z] = side(endpoints[to], endpoints[to], clients[to]);
            }
            (void)chances(sides, n, share);
            for (size_t z = 0; z < n; z++)
                load[(from + z) % n] += share[z] * clients[from] / all_clients;
        }
        for (size_t z = 0; z < n; z++)
            assert_true(fabs(load[z] - endpoints[z] / all_endpoints) < 4 * NEAR);
    }
}

/* ---- tables ---- */

static struct table_candidate in_zone(uint32_t endpoint, uint8_t zone)
{
    return (struct table_candidate){.endpoint = endpoint,
                                    .address = ip_address_from_v4(0x0a000000 + endpoint),
                                    .port = 80,
                                    .weight = 1,
                                    .is_eligible = true,
                                    .is_present = true,
                                    .zone = zone};
}

static double units_in(const struct svc_slot *slots, uint32_t count, uint32_t first, uint32_t last)
{
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        double part = slots[i].threshold / 4294967296.0;

        sum += slots[i].endpoint_a >= first && slots[i].endpoint_a <= last ? part : 0;
        sum += slots[i].endpoint_b >= first && slots[i].endpoint_b <= last ? 1 - part : 0;
    }
    return sum / count;
}

/* 90/10 stays 90/10 to a unit of a column each, whatever the zones of either target do. */
static void weights_of_targets_stay_exact(void **state)
{
    const uint32_t clients[3] = {60, 25, 15};
    const struct table_zones zones = {.n = 3, .clients = clients};

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct table_candidate all[24];
        struct table_target targets[2] = {{.weight = 90, .zones = &zones}, {.weight = 10, .zones = &zones}};
        _cleanup_free_ struct svc_slot *slots = NULL;
        size_t n = 2 + below(22);
        size_t first = 1 + below((uint32_t)n - 1);
        double of_targets[2], shares[24];
        uint32_t count = 0;

        for (size_t c = 0; c < n; c++) {
            all[c] = in_zone((uint32_t)c + 1, (uint8_t)below(3));
            all[c].weight = 1 + below(3) * below(65535);
            all[c].is_ejected = below(5) == 0;
            all[c].group = below(4) ? 0 : 1 + below(3) + (c < first ? 0 : 8);
        }
        targets[0].candidates = all;
        targets[0].n_candidates = first;
        targets[1].candidates = all + first;
        targets[1].n_candidates = n - first;
        assert_int_equal(table_build(targets, 2, false, &slots, &count), 0);
        assert_int_equal(table_shares(targets, 2, false, of_targets, shares), 0);
        assert_true(fabs(units_in(slots, count, 1, (uint32_t)first) - 0.9) < 1e-8);
        for (size_t c = 0; c < n; c++)
            assert_true(fabs(units_in(slots, count, (uint32_t)c + 1, (uint32_t)c + 1) - shares[c]) < 1e-8);
    }
}

/* Two local ones of six, clients as the endpoints are: all stays; one of them sick: half of what it carried leaves. */
static void unhealthy_endpoints_spill(void **state)
{
    const struct table_zones zones = {.n = 2};
    struct table_candidate all[6];
    const struct table_target target = {.weight = 1, .candidates = all, .n_candidates = 6, .zones = &zones};
    double of_target, shares[6];

    (void)state;
    for (uint32_t c = 0; c < 6; c++)
        all[c] = in_zone(c + 1, c >= 2);
    assert_int_equal(table_shares(&target, 1, true, &of_target, shares), 0);
    assert_true(fabs(shares[0] + shares[1] - 1) < NEAR);
    all[0].is_eligible = false;
    assert_int_equal(table_shares(&target, 1, true, &of_target, shares), 0);
    assert_true(fabs(shares[1] - 0.6) < NEAR); /* a fifth of what there is, for a third of the clients */
    all[0].is_present = false;                 /* deregistered: nobody knows of its clients any more */
    assert_int_equal(table_shares(&target, 1, true, &of_target, shares), 0);
    assert_true(fabs(shares[1] - 1) < NEAR);
}

static void few_endpoints_ignore_zones(void **state)
{
    struct table_zones zones = {.n = 2, .minimum = 5};
    struct table_candidate all[4] = {in_zone(1, 0), in_zone(2, 1), in_zone(3, 1), in_zone(4, 1)};
    const struct table_target target = {.weight = 1, .candidates = all, .n_candidates = 4, .zones = &zones};
    double of_target, shares[4];

    (void)state;
    assert_int_equal(table_shares(&target, 1, true, &of_target, shares), 0);
    assert_true(shares[0] == 0.25);
    zones.minimum = 4;
    all[3].is_eligible = false; /* sick ones count: a service does not change its ways with its health */
    assert_int_equal(table_shares(&target, 1, true, &of_target, shares), 0);
    assert_true(shares[0] > 0.99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_zone_has_everything),
        cmocka_unit_test(nothing_drawn_has_no_share),
        cmocka_unit_test(part_of_capacity_by_part_of_clients_stays),
        cmocka_unit_test(enough_capacity_keeps_all),
        cmocka_unit_test(unknown_clients_go_by_capacity),
        cmocka_unit_test(ejected_endpoints_leave_the_zone_by_what_they_had),
        cmocka_unit_test(ejected_zone_stays_in_the_table),
        cmocka_unit_test(all_ejected_is_as_none),
        cmocka_unit_test(random_zones_keep_the_rule),
        cmocka_unit_test(every_zone_gets_what_it_can_carry),
        cmocka_unit_test(weights_of_targets_stay_exact),
        cmocka_unit_test(unhealthy_endpoints_spill),
        cmocka_unit_test(few_endpoints_ignore_zones),
    };

    srandom(19);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
