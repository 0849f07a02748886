/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The names that tasks see, from an engine on a registry in memory: also while nobody may read
 * its catalog. */
#include "unit/tasks/room_lab.h"

#include "dns/zones.h"

static struct room_lab lab;
static struct dns_zones zones;
static struct dns_zone_of of;

static int on_begin(void *user, struct error *error)
{
    (void)error;
    return dns_zones_begin(user, lab.engine);
}

static void on_service_changed(void *user, const char *namespace_name, const char *service)
{
    dns_zones_follow(user, namespace_name, service);
}

static const struct engine_follower follower = {.begin = on_begin, .service_changed = on_service_changed};

static int setup(void **state)
{
    (void)state;
    zones = (struct dns_zones){0};
    lab_start(&lab, &follower, &zones);
    lab_publish(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_end(&lab);
    dns_zones_done(&zones);
    return 0;
}

/* The view of a namespace's tasks; the last one that was asked for. */
static struct dns_zone zone_of(const char *namespace_name)
{
    struct error error = {0};

    of = (struct dns_zone_of){.zones = &zones, .namespace_name = namespace_name};
    assert_int_equal(engine_scope(lab.engine, namespace_name, &of.scope, &error), 0);
    return dns_zone_of(&of, NULL);
}

static const struct dns_name *find(const char *namespace_name, const char *name)
{
    struct dns_zone zone = zone_of(namespace_name);

    return zone.find_name(zone.user, name, strlen(name));
}

/* The name that the service's names lead to; "": nowhere; NULL: there is no such service. */
static const char *find_service(const char *namespace_name, const char *service)
{
    struct dns_zone zone = zone_of(namespace_name);
    const struct dns_name *found = NULL;

    if (!zone.find_service(zone.user, service, strlen(service), &found))
        return NULL;
    return found ? found->name : "";
}

static bool zones_have_address(const char *namespace_name, struct ip_address address)
{
    struct dns_zone zone = zone_of(namespace_name);

    return zone.find_address(zone.user, &address) != NULL;
}

struct lab_row {
    const char *key, *value;
};

static int lab_run_row(struct transaction *transaction, void *user, struct error *error)
{
    const struct lab_row *row = user;

    return transaction_put(
        transaction,
        (struct registry_row){.key = strdup(row->key), .value = row->value ? strdup(row->value) : NULL},
        error);
}

static void put(const char *key, const char *value)
{
    struct lab_row row = {key, value};
    const struct job job = {.run = lab_run_row, .done = lab_done, .user = &row};

    assert_int_equal(engine_submit(lab.engine, &job), 0);
    engine_settle(lab.engine);
}

static void test_a_name_has_its_addresses_and_ports(void **state)
{
    const struct dns_name *name;
    struct ip_address wanted, wanted6;
    uint32_t number;

    (void)state;
    put("services/shop/many",
        "{\"clientAliases\":[{\"dnsName\":\"many.shop\",\"port\":443,\"protocol\":\"tcp\"},"
        "{\"dnsName\":\"many.shop\",\"port\":80,\"protocol\":\"tcp\"},"
        "{\"dnsName\":\"many.shop\",\"port\":8080,\"protocol\":\"tcp\"}]}");
    name = find("shop", "many.shop");
    assert_non_null(name);
    assert_string_equal(name->name, "many.shop");
    assert_int_equal(engine_address(lab.engine, "many.shop", &number), 0);
    wanted = alias_range_address(&lab.range, number);
    wanted6 = alias_range_address6(&lab.range, number);
    assert_true(ip_address_equal(&name->address, &wanted));
    assert_true(ip_address_equal(&name->address6, &wanted6));
    assert_true(name->has_address6);
    assert_int_equal(name->n_ports, 3);
    assert_int_equal(name->ports[0].port, 80);
    assert_int_equal(name->ports[1].port, 443);
    assert_int_equal(name->ports[2].port, 8080);
    assert_null(find("shop", "any.shop"));
    assert_null(find("shop", "many.sho"));
    assert_null(find("shop", "many.shop:80/tcp"));
    assert_true(zones_have_address("shop", wanted));
    assert_true(zones_have_address("shop", wanted6));
    assert_string_equal(zones.found.name, "many.shop");
    assert_false(zones_have_address("shop", alias_range_address(&lab.range, number + 1)));
    assert_false(zones_have_address("shop", ip_address_from_v4(0x0a000001)));
}

/* Datagrams to it could not go to an endpoint with an IPv4 address. */
static void test_a_name_with_a_udp_port_has_no_ipv6_address(void **state)
{
    uint32_t number;

    (void)state;
    put("services/shop/udp",
        "{\"clientAliases\":[{\"dnsName\":\"udp.shop\",\"port\":53,\"protocol\":\"tcp\"},"
        "{\"dnsName\":\"udp.shop\",\"port\":53,\"protocol\":\"udp\"}]}");
    assert_int_equal(find("shop", "udp.shop")->n_ports, 2);
    assert_false(zones.found.has_address6);
    assert_int_equal(engine_address(lab.engine, "udp.shop", &number), 0);
    assert_true(zones_have_address("shop", alias_range_address(&lab.range, number)));
    assert_false(zones_have_address("shop", alias_range_address6(&lab.range, number)));
}

static void test_another_namespace_has_none_of_them(void **state)
{
    uint32_t number;

    (void)state;
    assert_non_null(find("shop", "a.shop"));
    assert_null(find("other", "a.shop"));
    assert_non_null(find_service("shop", "a"));
    assert_null(find_service("other", "a"));
    assert_int_equal(engine_address(lab.engine, "a.shop", &number), 0);
    assert_false(zones_have_address("other", alias_range_address(&lab.range, number)));
}

/* As soon as a change is acknowledged, and none before that. */
static void test_a_name_comes_and_goes_with_its_change(void **state)
{
    (void)state;
    assert_null(find("shop", "c.shop"));
    assert_null(find_service("shop", "c"));
    lab_add_service(&lab, "c", "c.shop");
    assert_non_null(find("shop", "c.shop"));
    assert_string_equal(find_service("shop", "c"), "c.shop");
    lab_add_service(&lab, "c", "new.shop");
    assert_null(find("shop", "c.shop"));
    assert_string_equal(find_service("shop", "c"), "new.shop");
    put("services/shop/c", NULL);
    assert_null(find("shop", "new.shop"));
    assert_null(find_service("shop", "c"));
    assert_non_null(find("shop", "a.shop"));
}

static void test_names_are_told_while_unsteady(void **state)
{
    (void)state;
    lab_unsteady(&lab);
    assert_non_null(find("shop", "a.shop"));
    assert_string_equal(find_service("shop", "b"), "b.shop");
    assert_null(find("shop", "c.shop"));
    lab_steady(&lab);
}

static void test_names_of_services_have_no_case(void **state)
{
    (void)state;
    put("services/shop/Big", "{\"clientAliases\":[]}");
    assert_string_equal(find_service("shop", "big"), "");
    assert_null(find_service("shop", "Big")); /* who asks folds it */
    lab_add_service(&lab, "BIG", "big.shop");
    lab_add_service(&lab, "bIG", "small.shop");
    assert_string_equal(find_service("shop", "big"), "");
    put("services/shop/BIG", NULL);
    put("services/shop/Big", NULL);
    assert_string_equal(find_service("shop", "big"), "small.shop");
    put("services/shop/bIG", NULL);
    assert_null(find_service("shop", "big"));
    assert_string_equal(find_service("shop", "a"), "a.shop");
}

/* While a change is being published its alias may be there before the service is told of. */
static void test_the_catalog_knows_first_of_another_alias(void **state)
{
    struct indexed_service *indexed;

    (void)state;
    HASH_FIND_STR(zones.services.all, "shop/a", indexed);
    assert_non_null(indexed);
    free(indexed->alias);
    indexed->alias = strdup("b.shop");
    assert_string_equal(find_service("shop", "a"), "a.shop");
    lab_unsteady(&lab);
    assert_string_equal(find_service("shop", "a"), "b.shop");
    lab_steady(&lab);
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
    static const char *const names[] = {"a.shop", "b.shop"};
    struct ip_address before[2];
    struct error error = {0};
    unsigned swapped;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        before[i] = find("shop", names[i])->address;
    assert_int_equal(datapath_activate(lab.datapath, &swapped, &error), 0);
    dns_zones_done(&zones);
    restart_with_another_registry();
    assert_true(engine_is_degraded(lab.engine));
    assert_int_equal(dns_zones_begin(&zones, lab.engine), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct dns_name *name = find("shop", names[i]);

        assert_non_null(name);
        assert_true(ip_address_equal(&name->address, &before[i]));
        assert_int_equal(name->n_ports, 1);
    }
    assert_non_null(find("shop", "c.shop"));
    assert_string_equal(find_service("shop", "c"), "c.shop");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_name_has_its_addresses_and_ports),
        TEST(test_a_name_with_a_udp_port_has_no_ipv6_address),
        TEST(test_another_namespace_has_none_of_them),
        TEST(test_a_name_comes_and_goes_with_its_change),
        TEST(test_names_are_told_while_unsteady),
        TEST(test_names_of_services_have_no_case),
        TEST(test_the_catalog_knows_first_of_another_alias),
        TEST(test_names_are_kept_while_degraded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
