/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Three zones with uneven clients and endpoints: hosts of each zone draw from the tables that they would publish, and
 * the load of every endpoint is held against what it would have without zones. Prints a line for each zone of each case,
 * which docs/zones.svg is drawn from (scripts/draw-zones).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/table.h"

#define ZONES    3
#define MOST     64
#define CONNECTS 1200000
#define FAIR     1.2

struct simulated {
    const char *name;
    uint32_t clients[ZONES]; /* where they are */
    uint32_t told[ZONES];    /* where they are said to be; all 0: nobody says */
    uint32_t endpoints[ZONES];
    uint32_t sick[ZONES];    /* of them */
    uint32_t ejected[ZONES]; /* of them, beside the sick */
    bool is_wrong;           /* what is taken of the clients is not so */
};

struct load {
    size_t n;
    double of_endpoint[MOST]; /* connects */
    uint8_t zone[MOST];
    bool is_able[MOST];
    double kept[ZONES]; /* connects that stay, of each zone */
    double crossing;    /* of all */
};

/* The candidates as a host in zone `from` sees them: zones count from its own. */
static size_t fill_candidates(const struct simulated *one, uint32_t from,
                              struct table_candidate candidates[static MOST])
{
    size_t n = 0;

    for (uint32_t z = 0; z < ZONES; z++)
        for (uint32_t i = 0; i < one->endpoints[z]; i++, n++)
            candidates[n] = (struct table_candidate){
                .endpoint = (uint32_t)n + 1,
                .address = ip_address_from_v4(0x0a000001 + (uint32_t)n),
                .port = 80,
                .weight = 1,
                .is_eligible = i >= one->sick[z],
                .is_present = true,
                .is_ejected = i >= one->sick[z] && i < one->sick[z] + one->ejected[z],
                .zone = (uint8_t)((z + ZONES - from) % ZONES),
            };
    return n;
}

/* One draw as the programs make it, an ejected endpoint being drawn again. */
static uint32_t draw(const struct svc_slot *slots, uint32_t count, const struct table_candidate *candidates)
{
    for (;;) {
        uint32_t word = (uint32_t)random() << 1 ^ (uint32_t)random();
        const struct svc_slot *slot = &slots[svc_draw_column(word, count)];
        uint32_t endpoint = svc_slot_outcome(slot, svc_draw_fraction(word, count)).endpoint;

        if (!candidates[endpoint - 1].is_ejected)
            return endpoint - 1;
    }
}

static void connect_from(const struct simulated *one, uint32_t from, double connects, struct load *load)
{
    struct table_candidate candidates[MOST];
    uint32_t told[ZONES];
    bool is_told = false;
    struct table_zones zones = {.n = ZONES};
    struct table_target target = {.weight = 1, .candidates = candidates, .zones = &zones};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count = 0;

    for (uint32_t z = 0; z < ZONES; z++) {
        told[(z + ZONES - from) % ZONES] = one->told[z];
        is_told |= one->told[z] > 0;
    }
    if (is_told)
        zones.clients = told;
    target.n_candidates = load->n = fill_candidates(one, from, candidates);
    assert_int_equal(table_build(&target, 1, true, &slots, &count), 0);
    for (double i = 0; i < connects; i++) {
        uint32_t endpoint = draw(slots, count, candidates);

        load->of_endpoint[endpoint]++;
        if (candidates[endpoint].zone == ZONE_OWN)
            load->kept[from]++;
        else
            load->crossing++;
    }
    for (size_t i = 0; i < load->n; i++) {
        load->zone[i] = (uint8_t)((candidates[i].zone + from) % ZONES);
        load->is_able[i] = candidates[i].is_eligible && !candidates[i].is_ejected;
    }
}

static double part(const uint32_t parts[ZONES], uint32_t z)
{
    return (double)parts[z] / (double)(parts[0] + parts[1] + parts[2]);
}

static void simulate(const struct simulated *one)
{
    struct load load = {0};
    double fair = 0;

    for (uint32_t from = 0; from < ZONES; from++)
        connect_from(one, from, CONNECTS * part(one->clients, from), &load);
    for (size_t i = 0; i < load.n; i++)
        fair += load.is_able[i];
    fair = CONNECTS / fair;
    for (uint32_t z = 0; z < ZONES; z++) {
        double most = 0;

        for (size_t i = 0; i < load.n; i++) {
            assert_true(load.is_able[i] || load.of_endpoint[i] == 0);
            if (load.zone[i] == z && load.of_endpoint[i] / fair > most)
                most = load.of_endpoint[i] / fair;
        }
        print_message(
            "zones: %s; zone %c; clients %2.0f %%; endpoints %u; stays %5.1f %%; most loaded %.2f of fair; "
            "crossing %4.1f %% of all\n",
            one->name, 'a' + (int)z, 100 * part(one->clients, z),
            one->endpoints[z] - one->sick[z] - one->ejected[z],
            100 * load.kept[z] / (CONNECTS * part(one->clients, z)), most, 100 * load.crossing / CONNECTS);
        if (!one->is_wrong && most > FAIR)
            fail_msg("%s: an endpoint of zone %c has %.2f times its fair load", one->name, 'a' + (int)z,
                     most);
    }
}

static void test_no_endpoint_above_its_fair_load(void **state)
{
    static const struct simulated cases[] = {
        {.name = "clients as endpoints", .clients = {10, 6, 2}, .endpoints = {10, 6, 2}},
        {.name = "uneven clients, told",
         .clients = {60, 25, 15},
         .told = {60, 25, 15},
         .endpoints = {6, 6, 6}},
        {.name = "uneven both, told", .clients = {20, 50, 30}, .told = {20, 50, 30}, .endpoints = {10, 6, 2}},
        {.name = "half of a zone sick", .clients = {1, 1, 1}, .endpoints = {8, 8, 8}, .sick = {4, 0, 0}},
        {.name = "half of a zone ejected",
         .clients = {1, 1, 1},
         .endpoints = {8, 8, 8},
         .ejected = {0, 4, 0}},
        {.name = "a zone gone", .clients = {1, 1, 1}, .endpoints = {8, 8, 8}, .sick = {8, 0, 0}},
        {.name = "uneven clients, not told",
         .clients = {60, 25, 15},
         .endpoints = {6, 6, 6},
         .is_wrong = true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        simulate(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_endpoint_above_its_fair_load),
    };

    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
