/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* An ejected endpoint leaves its part to other zones, and takes it back when its time is over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "engine/plan/tables.h"
#include "unit/house.h"
#include "upkeep/outliers.h"
#include "upkeep/spill.h"

struct lab {
    struct house house;
    struct outliers outliers;
    struct spill spill;
};

#define SERVICE "services/ns/web"
#define ALIAS   "\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]"
#define PREFER  "{" ALIAS ",\"settings\":{\"zoneMinEndpoints\":0}}"
#define OFF     "{" ALIAS ",\"settings\":{\"zone\":\"off\"}}"
#define INSTANCE(last, zone)                                                                                 \
    "{\"address\":\"10.0.0." last "\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\","  \
    "\"attributes\":{\"AVAILABILITY_ZONE\":\"" zone "\"}}"

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct house *house = &lab->house;

    *state = lab;
    house_make(house);
    assert_int_equal(catalog_set_host_zone(engine_catalog(house->engine), "a"), 0);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    lab->outliers.datapath = house->datapath;
    spill_init(&lab->spill, house->engine, &lab->outliers);
    assert_int_equal(engine_follow(house->engine, &outliers_follower, &lab->outliers), 0);
    assert_int_equal(engine_follow(house->engine, &spill_follower, &lab->spill), 0);
    house_begin(house);
    assert_int_equal(spill_begin(&lab->spill, house->base), 0);
    house_put(house, SERVICE, PREFER);
    house_put(house, "instances/ns/web/1", INSTANCE("1", "a"));
    house_put(house, "instances/ns/web/2", INSTANCE("2", "a"));
    house_put(house, "instances/ns/web/3", INSTANCE("3", "b"));
    house_put(house, "instances/ns/web/4", INSTANCE("4", "b"));
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    spill_done(&lab->spill);
    outliers_done(&lab->outliers);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static uint32_t number_of(const struct lab *lab, const char *id)
{
    return house_instance(&lab->house, "web", id)->endpoint;
}

/* What of the published table leads to the two in zone b; ejected ones are in it as well. */
static double share_elsewhere(const struct lab *lab)
{
    static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
    struct kept_alias published;
    uint32_t scope = 0;
    double sum = 0;

    assert_int_equal(engine_find_scope(lab->house.engine, "ns", "", &scope), 0);
    assert_int_equal(engine_find_published(lab->house.engine, scope, &web, &published), 0);
    for (uint32_t i = 0; i < published.count4; i++) {
        const struct svc_slot *slot = &published.slots4[i];
        double part = slot->threshold / 4294967296.0;

        sum += slot->endpoint_a == number_of(lab, "3") || slot->endpoint_a == number_of(lab, "4") ? part : 0;
        sum +=
            slot->endpoint_b == number_of(lab, "3") || slot->endpoint_b == number_of(lab, "4") ? 1 - part : 0;
    }
    return sum / published.count4;
}

static bool has_spilt(void *user)
{
    return share_elsewhere(user) > 0.1;
}

static bool has_come_back(void *user)
{
    return share_elsewhere(user) < 0.001;
}

static bool is_forgotten(void *user)
{
    return ((const struct lab *)user)->spill.n == 0;
}

/* Half of the capacity for half of the clients; one of two out: a third for half, so two thirds stay. Both are in the
 * table with a weight each, so that one third left over is a fifth of it. */
static void test_ejected_spills_and_comes_back(void **state)
{
    struct lab *lab = *state;

    assert_true(has_come_back(lab));
    assert_int_equal(outliers_eject(&lab->outliers, number_of(lab, "1"), 600000), 0);
    spill_note(&lab->spill, number_of(lab, "1"));
    house_until(&lab->house, has_spilt, lab, "the tables to spill");
    assert_true(fabs(share_elsewhere(lab) - 0.2) < 0.001);
    assert_true(house_instance(&lab->house, "web", "1")->is_ejected);
    assert_int_equal(outliers_clear(&lab->outliers, number_of(lab, "1")), 0);
    house_until(&lab->house, has_come_back, lab, "them to come back"); /* without a word: its time is over */
    house_until(&lab->house, is_forgotten, lab, "it to be forgotten");
}

/* A change for another reason sees it too, and nothing is noted where zones do not matter. */
static void test_who_is_noted(void **state)
{
    struct lab *lab = *state;

    house_put(&lab->house, SERVICE, OFF);
    assert_int_equal(outliers_eject(&lab->outliers, number_of(lab, "2"), 600000), 0);
    spill_note(&lab->spill, number_of(lab, "2"));
    assert_int_equal(lab->spill.n, 0);
    house_put(&lab->house, SERVICE, PREFER);
    assert_true(has_spilt(lab));
    assert_int_equal(lab->spill.n, 1);
    spill_note(&lab->spill, number_of(lab, "3")); /* it is not ejected */
    spill_note(&lab->spill, HOUSE_ENDPOINTS);     /* nobody */
    spill_note(NULL, number_of(lab, "2"));
    assert_int_equal(lab->spill.n, 1);
    house_put(&lab->house, "instances/ns/web/2", NULL);
    assert_int_equal(outliers_clear(&lab->outliers, number_of(lab, "1")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ejected_spills_and_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_noted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
