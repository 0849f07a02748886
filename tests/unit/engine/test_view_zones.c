/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Zones of instances and of the host, settings of a service, and what tables come of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"
#include "model/catalog_aws.h"
#include "model/catalog_external.h"
#include "settings/zone_clients.h"

static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};

struct lab {
    struct catalog *catalog;
    struct service *service;
    uint32_t n;
};

static int setup(void **state)
{
    static struct lab lab;

    lab = (struct lab){.catalog = catalog_new()};
    assert_non_null(lab.catalog);
    lab.service = catalog_make_service(lab.catalog, "ns", "web");
    assert_int_equal(catalog_declare_service(lab.catalog, lab.service, &web, 1, NULL), 0);
    assert_int_equal(catalog_set_host_zone(lab.catalog, "a"), 0);
    *state = &lab;
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    catalog_free(&lab->catalog);
    return 0;
}

/* One more instance in that zone; NULL: it knows none. */
static struct instance *add(struct lab *lab, const char *zone)
{
    char attributes[128], id[16];
    struct instance *made;

    (void)snprintf(id, sizeof(id), "%u", lab->n);
    (void)snprintf(attributes, sizeof(attributes), "{\"AVAILABILITY_ZONE\":\"%s\"}", zone ? zone : "");
    made = catalog_make_instance(lab->catalog, lab->service, id);
    assert_non_null(made);
    made->address = ip_address_from_v4(0x0a000001 + lab->n);
    made->port = 80;
    made->protocol = TCP;
    made->health = made->observed = HEALTHY;
    made->weight = 1;
    made->endpoint = ++lab->n;
    assert_int_equal(catalog_set_attributes(made, zone ? attributes : NULL, NULL), 0);
    return made;
}

static void set(struct lab *lab, const char *text)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = cJSON_Parse(text);

    assert_int_equal(service_settings_read(json, SETTINGS_RIGHTS_NONE, &settings, NULL), 0);
    assert_int_equal(catalog_set_settings(lab->service, &settings), 0);
}

static double sum_of(const double *shares, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += shares[i];
    return sum;
}

/* What stays, and why; NAN as the view says it. */
static double kept(struct lab *lab, enum view_zone_outcome outcome)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    double of_target, shares[64] = {0};

    assert_int_equal(alias_view_build(lab->service->parent, NULL, &web, &view), 0);
    assert_int_equal(view.zone_outcomes[0], outcome);
    assert_true((view.targets[0].zones != NULL) == (outcome == VIEW_ZONE_PREFER));
    assert_int_equal(table_shares(view.targets, 1, true, &of_target, shares), 0);
    assert_true(of_target == 0 || fabs(sum_of(shares, lab->n) - 1) < 1e-9);
    return view_zones_kept(&view, 0, shares);
}

static void expect_kept(struct lab *lab, enum view_zone_outcome outcome, double wanted)
{
    double share = kept(lab, outcome);

    if (fabs(share - wanted) > 0.0005)
        fail_msg("%f stays, not %f", share, wanted);
}

static void nothing_is_known_of_a_host_without_zone(void **state)
{
    struct lab *lab = *state;

    add(lab, "a");
    add(lab, "b");
    set(lab, "{\"zone\": \"only\"}");
    assert_int_equal(catalog_set_host_zone(lab->catalog, NULL), 0);
    assert_true(isnan(kept(lab, VIEW_ZONE_UNKNOWN)));
}

static void few_endpoints_are_all_used(void **state)
{
    struct lab *lab = *state;

    for (int i = 0; i < 4; i++)
        add(lab, i < 1 ? "a" : "b");
    expect_kept(lab, VIEW_ZONE_PREFER, 0.25);
    set(lab, "{\"zoneMinEndpoints\": 4}");
    expect_kept(lab, VIEW_ZONE_PREFER, 1);
}

static void clients_that_are_told_count(void **state)
{
    struct lab *lab = *state;

    for (int i = 0; i < 8; i++)
        add(lab, i < 2 ? "a" : i < 6 ? "b" : "c");
    set(lab, "{\"zoneClients\": \"a=2,b=1,elsewhere=1\"}");
    expect_kept(lab, VIEW_ZONE_PREFER, 0.5);
    set(lab, "{\"zoneClients\": \"b=1\"}"); /* whoever is here is few */
    expect_kept(lab, VIEW_ZONE_PREFER, 1);
}

static void sick_and_ejected_ones_spill(void **state)
{
    struct lab *lab = *state;
    struct instance *here[3];

    for (int i = 0; i < 3; i++)
        here[i] = add(lab, "a");
    for (int i = 0; i < 6; i++)
        add(lab, "b");
    expect_kept(lab, VIEW_ZONE_PREFER, 1);
    here[0]->health = UNHEALTHY;
    expect_kept(lab, VIEW_ZONE_PREFER, (2.0 / 8) / (3.0 / 9));
    here[1]->is_ejected = true;
    expect_kept(lab, VIEW_ZONE_PREFER, (1.0 / 7) / (3.0 / 9));
    here[2]->is_held_back = true;
    expect_kept(lab, VIEW_ZONE_PREFER, 0);
    here[0]->drain_until = here[1]->drain_until = here[2]->drain_until = 1;
    expect_kept(lab, VIEW_ZONE_NONE, 0);
}

static void only_shuts_other_zones(void **state)
{
    struct lab *lab = *state;
    struct instance *here = add(lab, "a");

    add(lab, "b");
    add(lab, NULL);
    set(lab, "{\"zone\": \"only\"}");
    expect_kept(lab, VIEW_ZONE_ONLY, 1);
    here->health = UNHEALTHY;
    assert_true(isnan(kept(lab, VIEW_ZONE_ONLY)));
}

static void off_minds_no_zones(void **state)
{
    struct lab *lab = *state;

    for (int i = 0; i < 8; i++)
        add(lab, i < 2 ? "a" : "b");
    set(lab, "{\"zone\": \"off\"}");
    expect_kept(lab, VIEW_ZONE_OFF, 0.25);
}

static void what_is_in_one_zone_is_drawn_as_without(void **state)
{
    struct lab *lab = *state;

    for (int i = 0; i < 6; i++)
        add(lab, "a");
    expect_kept(lab, VIEW_ZONE_ALL, 1);
    assert_int_equal(catalog_set_host_zone(lab->catalog, "z"), 0);
    expect_kept(lab, VIEW_ZONE_NONE, 0);
}

static void panic_minds_no_zones(void **state)
{
    struct lab *lab = *state;

    for (int i = 0; i < 8; i++)
        add(lab, i < 2 ? "a" : "b")->health = i < 6 ? UNHEALTHY : HEALTHY;
    set(lab, "{\"panicThresholdPercent\": 50}");
    expect_kept(lab, VIEW_ZONE_PANIC, 0.25);
    set(lab, "{\"panicThresholdPercent\": 50, \"zone\": \"only\"}"); /* a promise, whatever health says */
    expect_kept(lab, VIEW_ZONE_ONLY, 1);
}

/* The unhealthy are taken for the want of others: those of this zone alone where it is the only one. */
static void on_empty_keeps_the_promise_of_only(void **state)
{
    struct lab *lab = *state;
    struct route_target *targets = calloc(1, sizeof(*targets));
    struct route *route;

    targets[0] = (struct route_target){lab->service, 1};
    assert_int_equal(catalog_set_route(lab->service->parent, "", &web, targets, 1), 0);
    route = lab->service->parent->routes;
    route->is_unhealthy_on_empty = true;
    for (int i = 0; i < 8; i++)
        add(lab, i < 2 ? "a" : "b")->health = UNHEALTHY;
    expect_kept(lab, VIEW_ZONE_PANIC, 0.25);
    set(lab, "{\"zone\": \"only\"}");
    expect_kept(lab, VIEW_ZONE_ONLY, 1);
}

/* More than are told apart: the last place is that of all others, and nobody is lost. */
static void very_many_zones(void **state)
{
    struct lab *lab = *state;
    _cleanup_(alias_view_done) struct alias_view view = {0};
    double of_target, shares[400];

    for (int i = 0; i < 300; i++) {
        char zone[16];

        (void)snprintf(zone, sizeof(zone), "z%d", i);
        add(lab, i ? zone : "a");
    }
    set(lab, "{\"zoneClients\": \"a=100,z1=1,nowhere=3\"}");
    assert_int_equal(alias_view_build(lab->service->parent, NULL, &web, &view), 0);
    assert_int_equal(view.zones[0]->table.n, TABLE_MAX_ZONES);
    assert_int_equal(table_shares(view.targets, 1, true, &of_target, shares), 0);
    assert_true(fabs(sum_of(shares, 300) - 1) < 1e-9);
    for (int i = 0; i < 300; i++)
        assert_true(shares[i] > 0);
}

static void names_of_zones_are_held_once(void **state)
{
    struct lab *lab = *state;
    struct instance *one = add(lab, "b");
    struct instance *two = add(lab, "b");
    char longest[ZONE_NAME_MAX + 2];

    assert_ptr_equal(one->zone, two->zone);
    assert_int_equal(one->zone->n_users, 2);
    catalog_remove_instance(lab->catalog, one);
    assert_int_equal(two->zone->n_users, 1);
    assert_int_equal(catalog_set_attributes(two, "{\"AVAILABILITY_ZONE\":\"not a zone\"}", NULL), 0);
    assert_null(two->zone);
    assert_null(catalog_zone(lab->catalog, "b"));
    memset(longest, 'x', sizeof(longest));
    assert_true(zone_name_is_good(longest, ZONE_NAME_MAX));
    assert_false(zone_name_is_good(longest, ZONE_NAME_MAX + 1));
    assert_false(zone_name_is_good("a\x1b", 2));
}

static void addresses_are_where_their_name_is(void **state)
{
    struct lab *lab = *state;
    struct instance *record = catalog_make_record(lab->service, "db");
    const struct external_address address = {.address = ip_address_from_v4(0x0a000009)};

    assert_int_equal(catalog_set_host(record, "db.example.net"), 0);
    assert_int_equal(catalog_set_attributes(record, "{\"AVAILABILITY_ZONE\":\"b\"}", NULL), 0);
    assert_int_equal(catalog_set_addresses(record, &address, 1), 0);
    assert_ptr_equal(record->addresses[0]->zone, record->zone);
    assert_int_equal(record->zone->n_users, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_known_of_a_host_without_zone),
        TEST(few_endpoints_are_all_used),
        TEST(clients_that_are_told_count),
        TEST(sick_and_ejected_ones_spill),
        TEST(only_shuts_other_zones),
        TEST(off_minds_no_zones),
        TEST(what_is_in_one_zone_is_drawn_as_without),
        TEST(panic_minds_no_zones),
        TEST(on_empty_keeps_the_promise_of_only),
        TEST(very_many_zones),
        TEST(names_of_zones_are_held_once),
        TEST(addresses_are_where_their_name_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
