/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The names that tasks see, from an engine on a registry in memory: also while nobody may read
 * its catalog. */
#include "unit/tasks/room_lab.h"

#include "dns/zones.h"

static struct room_lab lab;
static struct dns_zones zones;

static int setup(void **state)
{
    (void)state;
    zones = (struct dns_zones){0};
    lab_start(&lab, NULL, NULL);
    lab_publish(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dns_zones_done(&zones);
    lab_end(&lab);
    return 0;
}

static const struct dns_zone *get(const char *namespace_name, struct dns_snapshot **last)
{
    return dns_zones_get(&zones, lab.engine, namespace_name, "", last);
}

static void test_a_zone_has_the_names_of_its_namespace(void **state)
{
    struct dns_snapshot *last = NULL;
    const struct dns_zone *zone = get("shop", &last);

    (void)state;
    assert_non_null(zone);
    assert_int_equal(zone->n_names, 2);
    assert_string_equal(zone->names[0].name, "a.shop");
    assert_string_equal(zone->names[1].name, "b.shop");
    for (size_t i = 0; i < zone->n_names; i++) {
        uint32_t number;
        struct ip_address wanted;

        assert_int_equal(engine_address(lab.engine, zone->names[i].name, &number), 0);
        wanted = alias_range_address(&lab.range, number);
        assert_true(ip_address_equal(&zone->names[i].address, &wanted));
        assert_true(zone->names[i].has_address6);
        assert_int_equal(zone->names[i].n_ports, 1);
        assert_int_equal(zone->names[i].ports[0].port, 80);
    }
    assert_ptr_equal(dns_zones_last(last), zone);
}

static void test_another_namespace_has_none_of_them(void **state)
{
    struct dns_snapshot *last = NULL;
    const struct dns_zone *zone = get("other", &last);

    (void)state;
    assert_non_null(zone);
    assert_int_equal(zone->n_names, 0);
}

static void test_who_asks_first_while_unsteady_gets_none(void **state)
{
    struct dns_snapshot *last = NULL;

    (void)state;
    lab_unsteady(&lab);
    assert_null(get("shop", &last));
    assert_null(last);
    lab_steady(&lab);
    assert_non_null(get("shop", &last));
}

static void test_the_old_names_are_told_while_unsteady(void **state)
{
    struct dns_snapshot *last = NULL;
    const struct dns_zone *before = get("shop", &last);

    (void)state;
    lab_unsteady(&lab);
    dns_zones_mark(&zones, "shop");
    assert_ptr_equal(get("shop", &last), before);
    assert_int_equal(before->n_names, 2);
    lab_steady(&lab);
}

/* Making one takes a twentieth of the time at most: the old names may be told a while longer. */
static size_t ask_until(struct dns_snapshot **last, size_t n_names)
{
    size_t n = get("shop", last)->n_names;

    for (int i = 0; i < 10000000 && n != n_names; i++)
        n = get("shop", last)->n_names;
    return n;
}

static void test_a_mark_brings_new_names(void **state)
{
    struct dns_snapshot *last = NULL;

    (void)state;
    assert_int_equal(get("shop", &last)->n_names, 2);
    lab_add_service(&lab, "c", "c.shop");
    assert_int_equal(get("shop", &last)->n_names, 2);
    dns_zones_mark(&zones, "other");
    assert_int_equal(ask_until(&last, 2), 2);
    dns_zones_mark(&zones, "shop");
    assert_int_equal(ask_until(&last, 3), 3);
}

static void test_a_mark_of_all_brings_new_names(void **state)
{
    struct dns_snapshot *last = NULL;

    (void)state;
    assert_int_equal(get("shop", &last)->n_names, 2);
    lab_add_service(&lab, "c", "c.shop");
    dns_zones_mark(&zones, NULL);
    assert_int_equal(ask_until(&last, 3), 3);
}

static void put_row(const char *key, const char *value)
{
    struct registry_row row = {.key = (char *)key, .value = (char *)value};
    uint64_t revision;
    struct error error = {0};

    assert_int_equal(registry_commit(lab.registry, &row, 1, &revision, &error), 0);
}

/* The next daemon, with another registry: it has one service of its own, "c". */
static void restart_with_another_registry(void)
{
    struct datapath_config config = {.aliases = 64, .slots = 64, .endpoints = 16, .tasks = LAB_TASKS};
    struct engine_settings settings = {.max_aliases = 64, .max_slots = 64, .max_endpoints = 16};
    struct error error = {0};

    engine_stop(lab.engine);
    engine_free(&lab.engine);
    registry_close(&lab.registry);
    fake_store_free(&lab.store);
    assert_int_equal(memory_datapath_restart(lab.datapath, DATAPATH_ADOPTED), 0);
    lab.store = fake_store_new();
    lab.registry = fake_registry_open(lab.store);
    put_row("registry/id", "{\"id\":\"another\"}");
    put_row("services/shop/c",
            "{\"clientAliases\":[{\"dnsName\":\"c.shop\",\"port\":80,\"protocol\":\"tcp\"}]}");
    settings.base = lab.base;
    settings.alias_range = lab.range;
    assert_int_equal(engine_new(&settings, &lab.engine), 0);
    assert_int_equal(engine_load(lab.engine, lab.registry, &error), 0);
    assert_int_equal(engine_judge(lab.engine, &config, &lab.datapath, &error), 0);
    assert_int_equal(engine_adopt(lab.engine, lab.datapath, &error), 0);
    assert_int_equal(engine_publish(lab.engine, &error), 0);
}

/* What the right registry had stays published, and its names stay answered, with the addresses they had. */
static void test_names_are_kept_while_degraded(void **state)
{
    struct dns_snapshot *last = NULL;
    const struct dns_zone *zone = get("shop", &last);
    struct ip_address before[2];
    struct error error = {0};
    unsigned swapped;

    (void)state;
    assert_int_equal(zone->n_names, 2);
    before[0] = zone->names[0].address;
    before[1] = zone->names[1].address;
    assert_int_equal(datapath_activate(lab.datapath, &swapped, &error), 0);
    dns_zones_done(&zones);
    restart_with_another_registry();
    assert_true(engine_is_degraded(lab.engine));
    last = NULL;
    zone = get("shop", &last);
    assert_non_null(zone);
    assert_int_equal(zone->n_names, 3);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(zone->names[i].name, i ? "b.shop" : "a.shop");
        assert_true(ip_address_equal(&zone->names[i].address, &before[i]));
        assert_int_equal(zone->names[i].n_ports, 1);
    }
    assert_string_equal(zone->names[2].name, "c.shop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_zone_has_the_names_of_its_namespace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_namespace_has_none_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_asks_first_while_unsteady_gets_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_old_names_are_told_while_unsteady, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_brings_new_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_of_all_brings_new_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_are_kept_while_degraded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
