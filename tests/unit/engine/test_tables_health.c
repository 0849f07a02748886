/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may be sent to, as health, checks, draining, settings and routes say. Long because
 * these rules meet each other: each is tried beside the others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"
#include "model/aliases.h"
#include "model/endpoint_names.h"

static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};

/* A service with this alias and so many instances: healthy, of weight 1, numbered from 1 on. */
static struct service *make(struct catalog *catalog, const char *name, uint32_t n)
{
    static uint32_t endpoint;
    struct service *service = catalog_make_service(catalog, "ns", name);

    assert_non_null(service);
    if (strcmp(name, "web") == 0) {
        assert_int_equal(catalog_declare_service(catalog, service, &web, 1, NULL), 0);
        endpoint = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        char id[16];
        struct instance *instance;

        (void)snprintf(id, sizeof(id), "%u", i);
        instance = catalog_make_instance(catalog, service, id);
        assert_non_null(instance);
        instance->address = ip_address_from_v4(0x0a000001u + endpoint);
        instance->port = 8080;
        instance->protocol = TCP;
        instance->health = HEALTHY;
        instance->observed = HEALTHY;
        instance->weight = 1;
        instance->endpoint = ++endpoint;
    }
    return service;
}

static struct instance *at(const struct service *service, uint32_t number)
{
    char id[16];

    (void)snprintf(id, sizeof(id), "%u", number);
    return catalog_instance(service, id);
}

static int setup(void **state)
{
    *state = catalog_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return 0;
}

/* Who is drawn, as one digit per endpoint in the order of their numbers, targets separated by "|". */
static const char *eligible_for(const struct catalog *catalog, const struct client *client,
                                char text[static 64])
{
    struct alias_view view;
    size_t n = 0;

    assert_int_equal(alias_view_build(catalog_namespace(catalog, "ns"), client, &web, &view), 0);
    for (size_t t = 0; t < view.n_targets; t++) {
        if (t > 0)
            text[n++] = '|';
        for (size_t c = 0; c < view.targets[t].n_candidates; c++)
            if (view.targets[t].candidates[c].is_eligible)
                text[n++] = (char)('0' + view.targets[t].candidates[c].endpoint);
    }
    text[n] = '\0';
    alias_view_done(&view);
    return text;
}

static void expect(const struct catalog *catalog, const struct client *client, const char *wanted)
{
    char text[64];

    assert_string_equal(eligible_for(catalog, client, text), wanted);
}

/* ---- health of one ---- */

static void test_health_of_an_instance(void **state)
{
    static const enum svc_health all[] = {HEALTHY, UNHEALTHY, UNKNOWN};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct instance instance = {.health = HEALTHY, .observed = all[i]};

        assert_int_equal(instance_health(&instance), all[i]);
        instance.health = UNHEALTHY; /* the owner's word goes before what is seen */
        assert_int_equal(instance_health(&instance), UNHEALTHY);
        instance.drain_until = 1;
        assert_int_equal(instance_health(&instance), DRAINING);
        instance.health = HEALTHY;
        assert_int_equal(instance_health(&instance), DRAINING);
    }
    assert_string_equal(health_name(HEALTHY), "HEALTHY");
    assert_string_equal(health_name(UNHEALTHY), "UNHEALTHY");
    assert_string_equal(health_name(UNKNOWN), "UNKNOWN");
    assert_string_equal(health_name(DRAINING), "DRAINING");
}

static void test_entry_tells_the_same(void **state)
{
    struct instance *instance = at(make(*state, "web", 1), 0);
    struct svc_endpoint entry;

    instance->observed = UNKNOWN;
    endpoint_entry(instance, &entry);
    assert_int_equal(entry.health, UNKNOWN);
    instance->drain_until = 1;
    endpoint_entry(instance, &entry);
    assert_int_equal(entry.health, DRAINING);
    instance->ramp = 8; /* people read the weight that was asked for */
    instance->weight = 3;
    endpoint_entry(instance, &entry);
    assert_int_equal(entry.weight, 3);
}

static void test_eligible_or_not(void **state)
{
    const struct instance good = {.health = HEALTHY, .observed = HEALTHY, .protocol = TCP, .weight = 1};
    struct instance instance = good;

    (void)state;
    assert_true(instance_is_eligible(&instance, TCP));
    instance.observed = UNKNOWN; /* admitted: what counts is whether it is held back */
    assert_true(instance_is_eligible(&instance, TCP));
    instance.is_held_back = true;
    assert_false(instance_is_eligible(&instance, TCP));
    instance.observed = HEALTHY;
    assert_false(instance_is_eligible(&instance, TCP));
    instance = good;
    instance.drain_until = 1;
    assert_false(instance_is_eligible(&instance, TCP));
    instance = good;
    instance.health = UNHEALTHY;
    assert_false(instance_is_eligible(&instance, TCP));
}

/* ---- panic ---- */

static void set_panic(struct service *service, uint32_t percent)
{
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    settings.panic_percent = percent;
    assert_int_equal(catalog_set_settings(service, &settings), 0);
}

static void test_panic_below_the_threshold(void **state)
{
    struct service *service = make(*state, "web", 4);

    set_panic(service, 50);
    expect(*state, NULL, "1234");
    at(service, 0)->health = UNHEALTHY;
    expect(*state, NULL, "234");
    at(service, 1)->is_held_back = true;
    expect(*state, NULL, "34"); /* exactly the half: not fewer */
    at(service, 2)->is_held_back = true;
    expect(*state, NULL, "1234");
    at(service, 3)->health = UNHEALTHY;
    expect(*state, NULL, "1234"); /* none at all is fewer too */
    set_panic(service, 0);
    expect(*state, NULL, "");
    at(service, 2)->is_held_back = false;
    expect(*state, NULL, "3");
}

static void test_panic_is_exact(void **state)
{
    struct service *service = make(*state, "web", 3);

    at(service, 0)->health = UNHEALTHY;
    set_panic(service, 66);
    expect(*state, NULL, "23"); /* two of three are 66.67 % */
    set_panic(service, 67);
    expect(*state, NULL, "123");
    at(service, 0)->health = HEALTHY;
    set_panic(service, 100);
    expect(*state, NULL, "123");
    at(service, 1)->health = UNHEALTHY;
    expect(*state, NULL, "123"); /* 100: any that is missing */
}

static void test_panic_leaves_out_what_leaves(void **state)
{
    struct service *service = make(*state, "web", 4);

    set_panic(service, 50);
    at(service, 0)->drain_until = 1;
    at(service, 1)->health = UNHEALTHY;
    expect(*state, NULL, "34"); /* two of the three that stay */
    at(service, 2)->health = UNHEALTHY;
    expect(*state, NULL, "234");
    at(service, 3)->protocol = UDP;
    at(service, 2)->health = HEALTHY;
    expect(*state, NULL, "3"); /* one of the two that this alias may reach */
    at(service, 2)->health = UNHEALTHY;
    expect(*state, NULL, "23");
}

/* Nobody is sent to weight 0, so it says nothing about how many are left. */
static void test_panic_does_not_count_weight_0(void **state)
{
    struct service *service = make(*state, "web", 4);
    struct wanted_alias wanted = {.alias = web};

    set_panic(service, 50);
    at(service, 0)->weight = 0;
    at(service, 1)->weight = 0;
    at(service, 2)->health = UNHEALTHY;
    expect(*state, NULL, "124"); /* one of two */
    at(service, 3)->health = UNHEALTHY;
    expect(*state, NULL, "1234"); /* none of two, whatever those of weight 0 are */
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_int_equal(wanted.count4, 2);
    wanted_alias_done(&wanted);
}

/* Each target by its own service's setting. */
static void test_panic_per_service(void **state)
{
    struct service *one = make(*state, "web", 2);
    struct service *two = make(*state, "v2", 2);
    struct route_target *targets = calloc(2, sizeof(*targets));

    assert_non_null(targets);
    targets[0] = (struct route_target){one, 1};
    targets[1] = (struct route_target){two, 1};
    assert_int_equal(catalog_set_route(one->parent, "", &web, targets, 2), 0);
    set_panic(one, 60);
    at(one, 0)->health = UNHEALTHY;
    at(two, 0)->health = UNHEALTHY;
    expect(*state, NULL, "12|4");
}

/* ---- onEmpty ---- */

static void set_route(struct service *service, struct service *second, const char *client, bool is_unhealthy)
{
    struct route_target *targets = calloc(2, sizeof(*targets));
    struct route *route;

    assert_non_null(targets);
    targets[0] = (struct route_target){service, 3};
    targets[1] = (struct route_target){second, 1};
    assert_int_equal(catalog_set_route(service->parent, client, &web, targets, second ? 2 : 1), 0);
    route = catalog_route(service->parent, *client ? catalog_client(service->parent, client) : NULL,
                          "web:80/tcp");
    assert_non_null(route);
    route->is_unhealthy_on_empty = is_unhealthy;
}

static void test_unhealthy_ones_only_for_want_of_others(void **state)
{
    struct service *one = make(*state, "web", 2);
    struct service *two = make(*state, "v2", 2);

    set_route(one, two, "", true);
    for (uint32_t i = 0; i < 2; i++)
        at(one, i)->health = UNHEALTHY;
    expect(*state, NULL, "|34"); /* the other target has some */
    at(two, 0)->is_held_back = true;
    expect(*state, NULL, "|4");
    at(two, 1)->drain_until = 1;
    expect(*state, NULL, "12|3"); /* what leaves stays out */
    at(two, 1)->drain_until = 0;
    at(two, 1)->weight = 0; /* healthy, and yet nobody can be sent there */
    expect(*state, NULL, "12|34");
    at(one, 1)->protocol = UDP;
    expect(*state, NULL, "1|34");
    set_route(one, two, "", false);
    expect(*state, NULL, "|4");
}

/* A target of weight 0 is there for nobody. */
static void test_weight_0_of_a_target_is_empty(void **state)
{
    struct service *one = make(*state, "web", 1);
    struct service *two = make(*state, "v2", 1);

    set_route(one, two, "", true);
    at(one, 0)->health = UNHEALTHY;
    expect(*state, NULL, "|2");
    catalog_route(one->parent, NULL, "web:80/tcp")->targets[1].weight = 0;
    expect(*state, NULL, "1|2");
}

/* The alias of a service that no route speaks of refuses. */
static void test_without_a_route(void **state)
{
    struct service *service = make(*state, "web", 2);

    at(service, 0)->health = at(service, 1)->health = UNHEALTHY;
    expect(*state, NULL, "");
}

/* The client's own route decides before that of everybody, to both sides. */
static void test_on_empty_of_the_client_goes_first(void **state)
{
    struct service *service = make(*state, "web", 1);
    const struct client_alias other = {.dns_name = "other", .port = 80, .protocol = TCP};
    const struct client *own;
    struct route_target *targets;

    at(service, 0)->health = UNHEALTHY;
    set_route(service, NULL, "", true);
    set_route(service, NULL, "own", false);
    own = catalog_client(service->parent, "own");
    expect(*state, NULL, "1");
    expect(*state, own, "");
    set_route(service, NULL, "", false);
    set_route(service, NULL, "own", true);
    own = catalog_client(service->parent, "own");
    expect(*state, NULL, "");
    expect(*state, own, "1");
    /* A client that has a route for another alias only is under that of everybody. */
    targets = calloc(1, sizeof(*targets));
    assert_non_null(targets);
    targets[0] = (struct route_target){service, 1};
    assert_int_equal(catalog_set_route(service->parent, "own", &other, targets, 1), 0);
    catalog_remove_route(service->parent, "own", catalog_route(service->parent, own, "web:80/tcp"));
    set_route(service, NULL, "", true);
    own = catalog_client(service->parent, "own");
    assert_non_null(own);
    expect(*state, own, "1");
}

/* ---- slow start ---- */

static void test_weights_in_sixteenths(void **state)
{
    struct service *service = make(*state, "web", 4);
    struct alias_view view;

    at(service, 1)->ramp = 4;
    at(service, 1)->weight = 100;
    at(service, 2)->ramp = TABLE_WEIGHT_PARTS - 1;
    at(service, 3)->ramp = 255; /* no ramp that there is: still not nothing */
    assert_int_equal(alias_view_build(service->parent, NULL, &web, &view), 0);
    assert_int_equal(view.targets[0].candidates[0].weight, 16);
    assert_int_equal(view.targets[0].candidates[1].weight, 1200);
    assert_int_equal(view.targets[0].candidates[2].weight, 1);
    assert_int_equal(view.targets[0].candidates[3].weight, 1);
    alias_view_done(&view);
    at(service, 0)->weight = TABLE_MAX_WEIGHT;
    at(service, 1)->weight = 0;
    assert_int_equal(alias_view_build(service->parent, NULL, &web, &view), 0);
    assert_int_equal(view.targets[0].candidates[0].weight, TABLE_MAX_WEIGHT * TABLE_WEIGHT_PARTS);
    assert_int_equal(view.targets[0].candidates[1].weight, 0);
    alias_view_done(&view);
}

static void test_half_a_ramp_is_half_a_share(void **state)
{
    struct service *service = make(*state, "web", 2);
    struct alias_view view;
    double of_target, shares[2];

    at(service, 0)->ramp = TABLE_WEIGHT_PARTS / 2;
    assert_int_equal(alias_view_build(service->parent, NULL, &web, &view), 0);
    assert_int_equal(table_shares(view.targets, 1, true, &of_target, shares), 0);
    assert_float_equal(shares[0], 1.0 / 3, 1e-9);
    assert_float_equal(shares[1], 2.0 / 3, 1e-9);
    alias_view_done(&view);
}

/* All of a service on the same way up are as if none was: not a byte differs. */
static void test_equal_ramps_change_nothing(void **state)
{
    static const uint32_t weights[] = {1, 7, 65535, 300, 2};
    struct service *service = make(*state, "web", ARRAY_SIZE(weights));
    struct wanted_alias without = {.alias = web};

    for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++)
        at(service, i)->weight = weights[i];
    assert_int_equal(wanted_tables_build(service->parent, NULL, &without), 0);
    assert_int_equal(without.count4, ARRAY_SIZE(weights));
    for (uint8_t ramp = 1; ramp < TABLE_WEIGHT_PARTS; ramp++) {
        struct wanted_alias with = {.alias = web};

        for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++)
            at(service, i)->ramp = ramp;
        assert_int_equal(wanted_tables_build(service->parent, NULL, &with), 0);
        assert_int_equal(with.count4, without.count4);
        assert_memory_equal(with.slots4, without.slots4, without.count4 * sizeof(*without.slots4));
        wanted_alias_done(&with);
    }
    wanted_alias_done(&without);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_health_of_an_instance),
        TEST(test_entry_tells_the_same),
        TEST(test_eligible_or_not),
        TEST(test_panic_below_the_threshold),
        TEST(test_panic_is_exact),
        TEST(test_panic_leaves_out_what_leaves),
        TEST(test_panic_does_not_count_weight_0),
        TEST(test_panic_per_service),
        TEST(test_unhealthy_ones_only_for_want_of_others),
        TEST(test_weight_0_of_a_target_is_empty),
        TEST(test_without_a_route),
        TEST(test_on_empty_of_the_client_goes_first),
        TEST(test_weights_in_sixteenths),
        TEST(test_half_a_ramp_is_half_a_share),
        TEST(test_equal_ramps_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
