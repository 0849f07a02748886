/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/plan/tables.h"
#include "model/aliases.h"
#include "model/endpoint_names.h"

/* What is registered under "ns": the same in every test, the order of arrival is what differs. */
static const struct {
    const char *service;
    const char *id;
    const char *address;
    uint32_t endpoint;
    uint32_t weight;
    enum svc_health health;
} instances[] = {
    {"v1", "a", "10.0.0.1", 7, 1, HEALTHY},      {"v1", "b", "10.0.0.2", 3, 2, HEALTHY},
    {"v1", "c", "10.0.0.3", 100000, 3, HEALTHY}, {"v1", "d", "10.0.0.4", 9, 0, HEALTHY},
    {"v1", "e", "10.0.0.5", 1, 5, UNHEALTHY},    {"v2", "a", "10.0.1.1", 2, 4, HEALTHY},
    {"v2", "b", "10.0.1.2", 8, 9, HEALTHY},
};

#define N_INSTANCES ARRAY_SIZE(instances)

static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
static const struct client_alias v1 = {.dns_name = "v1", .port = 80, .protocol = TCP};

static struct instance *add(struct catalog *catalog, const char *service_name, const char *id,
                            const char *address, uint32_t endpoint)
{
    struct service *service = catalog_make_service(catalog, "ns", service_name);
    struct instance *instance = catalog_make_instance(catalog, service, id);

    assert_non_null(instance);
    assert_int_equal(ip_address_parse(address, &instance->address), 0);
    instance->port = 8080;
    instance->protocol = TCP;
    instance->health = HEALTHY;
    instance->weight = 1;
    instance->endpoint = endpoint;
    return instance;
}

/* The instances in the order start, start + step, ... (modulo their number, which has no divisor but 1). */
static struct catalog *arrived(size_t start, size_t step)
{
    struct catalog *catalog = catalog_new();
    struct route_target *targets = calloc(2, sizeof(*targets));
    struct service *service;

    assert_true(catalog && targets);
    for (size_t n = 0; n < N_INSTANCES; n++) {
        size_t i = (start + n * step) % N_INSTANCES;
        struct instance *instance =
            add(catalog, instances[i].service, instances[i].id, instances[i].address, instances[i].endpoint);

        instance->weight = instances[i].weight;
        instance->health = instances[i].health;
    }
    service = catalog_service(catalog, "ns", "v1");
    assert_int_equal(catalog_declare_service(catalog, service, &v1, 1, NULL), 0);
    targets[0] = (struct route_target){service, 90};
    targets[1] = (struct route_target){catalog_service(catalog, "ns", "v2"), 10};
    assert_int_equal(catalog_set_route(service->parent, "", &web, targets, 2), 0);
    return catalog;
}

static void check_order(const struct alias_view *view)
{
    static const uint32_t order1[] = {1, 3, 7, 9, 100000};
    static const uint32_t order2[] = {2, 8};

    assert_int_equal(view->n_targets, 2);
    assert_int_equal(view->targets[0].weight, 90);
    assert_int_equal(view->targets[1].weight, 10);
    assert_int_equal(view->targets[0].n_candidates, ARRAY_SIZE(order1));
    assert_int_equal(view->targets[1].n_candidates, ARRAY_SIZE(order2));
    for (size_t c = 0; c < ARRAY_SIZE(order1); c++)
        assert_int_equal(view->targets[0].candidates[c].endpoint, order1[c]);
    for (size_t c = 0; c < ARRAY_SIZE(order2); c++)
        assert_int_equal(view->targets[1].candidates[c].endpoint, order2[c]);
}

/* Each candidate is the instance that stands beside it. */
static void check_candidates(const struct alias_view *view)
{
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
            const struct table_candidate *candidate = &view->targets[t].candidates[c];
            const struct instance *instance = view->instances[t][c];

            assert_ptr_equal(instance->service, view->services[t]);
            assert_int_equal(candidate->endpoint, instance->endpoint);
            assert_true(ip_address_equal(&candidate->address, &instance->address));
            assert_int_equal(candidate->port, 8080);
            assert_int_equal(candidate->weight, instance->weight * TABLE_WEIGHT_PARTS);
            assert_int_equal(candidate->is_eligible, instance->health == HEALTHY);
        }
}

/* An adopting daemon loads in key order what arrived in any: it must find its own tables in the kernel. */
static void test_tables_do_not_depend_on_the_order_of_arrival(void **state)
{
    struct wanted_alias first = {.alias = web};
    struct catalog *catalog = arrived(0, 1);

    (void)state;
    assert_int_equal(wanted_tables_build(catalog_namespace(catalog, "ns"), NULL, &first), 0);
    assert_int_equal(first.count4, 5); /* neither the unhealthy one nor the one of weight 0 */
    catalog_free(&catalog);
    for (size_t start = 0; start < N_INSTANCES; start++)
        for (size_t step = 1; step < N_INSTANCES; step++) {
            struct wanted_alias other = {.alias = web};
            struct alias_view view;

            catalog = arrived(start, step);
            assert_int_equal(alias_view_build(catalog_namespace(catalog, "ns"), NULL, &web, &view), 0);
            check_order(&view);
            check_candidates(&view);
            alias_view_done(&view);
            assert_int_equal(wanted_tables_build(catalog_namespace(catalog, "ns"), NULL, &other), 0);
            assert_int_equal(other.count4, first.count4);
            assert_memory_equal(other.slots4, first.slots4, first.count4 * sizeof(*first.slots4));
            wanted_alias_done(&other);
            catalog_free(&catalog);
        }
    wanted_alias_done(&first);
}

static void test_eligibility(void **state)
{
    struct instance instance = {.health = HEALTHY, .protocol = TCP, .weight = 0};

    (void)state;
    assert_true(instance_is_eligible(&instance, TCP));
    assert_false(instance_is_eligible(&instance, UDP));
    instance.protocol = UDP;
    assert_true(instance_is_eligible(&instance, UDP));
    assert_false(instance_is_eligible(&instance, TCP));
    instance.health = UNHEALTHY;
    assert_false(instance_is_eligible(&instance, UDP));
}

static void test_alias_of_a_service(void **state)
{
    struct catalog *catalog = arrived(0, 1);
    const struct model_namespace *parent = catalog_namespace(catalog, "ns");
    const struct client_alias udp = {.dns_name = "v1", .port = 80, .protocol = UDP};
    struct alias_view view;

    (void)state;
    assert_int_equal(alias_view_build(parent, NULL, &v1, &view), 0);
    assert_int_equal(view.n_targets, 1);
    assert_int_equal(view.targets[0].weight, 1);
    assert_int_equal(view.targets[0].n_candidates, 5);
    assert_ptr_equal(view.services[0], catalog_service(catalog, "ns", "v1"));
    alias_view_done(&view);
    assert_null(view.targets);
    assert_int_equal(alias_view_build(parent, NULL, &udp, &view), 0);
    assert_int_equal(view.n_targets, 0);
    alias_view_done(&view);
    catalog_free(&catalog);
}

/* A TCP alias that leads to a service with UDP instances too sends nobody to those. */
static void test_only_the_alias_protocol(void **state)
{
    struct catalog *catalog = catalog_new();
    struct service *service = catalog_make_service(catalog, "ns", "v1");
    struct wanted_alias wanted = {.alias = v1};

    (void)state;
    add(catalog, "v1", "a", "10.0.0.1", 1)->protocol = UDP;
    (void)add(catalog, "v1", "b", "10.0.0.2", 2);
    assert_int_equal(catalog_declare_service(catalog, service, &v1, 1, NULL), 0);
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_int_equal(wanted.count4, 1);
    assert_int_equal(wanted.slots4[0].endpoint_a, 2);
    wanted_alias_done(&wanted);
    catalog_free(&catalog);
}

static void test_tables_of_both_families(void **state)
{
    struct catalog *catalog = catalog_new();
    struct service *service = catalog_make_service(catalog, "ns", "v1");
    struct wanted_alias wanted = {.alias = v1};
    struct instance *b;

    (void)state;
    assert_int_equal(catalog_declare_service(catalog, service, &v1, 1, NULL), 0);
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_int_equal(wanted.count4, 0); /* nobody there: no table, and no second one either */
    assert_int_equal(wanted.count6, 0);
    wanted_alias_done(&wanted);

    (void)add(catalog, "v1", "a", "10.0.0.1", 1);
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_ptr_equal(wanted.slots6, wanted.slots4); /* one table serves both */
    assert_int_equal(wanted.count6, 1);
    wanted_alias_done(&wanted);
    assert_null(wanted.slots4);

    b = add(catalog, "v1", "b", "fd00::5", 2);
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_ptr_not_equal(wanted.slots6, wanted.slots4);
    assert_int_equal(wanted.count4, 1);
    assert_int_equal(wanted.slots4[0].endpoint_a, 1);
    assert_int_equal(wanted.slots4[0].endpoint_b, 1);
    assert_int_equal(wanted.count6, 1); /* IPv6 alone, where there is any */
    assert_int_equal(wanted.slots6[0].endpoint_a, 2);
    wanted_alias_done(&wanted);

    /* One that is never drawn is none. */
    b->weight = 0;
    assert_int_equal(wanted_tables_build(service->parent, NULL, &wanted), 0);
    assert_ptr_equal(wanted.slots6, wanted.slots4);
    assert_int_equal(wanted.count6, 1);
    wanted_alias_done(&wanted);
    catalog_free(&catalog);
}

static void test_alias_list_has_each_once(void **state)
{
    struct catalog *catalog = arrived(0, 1);
    struct model_namespace *parent = catalog_make_namespace(catalog, "ns");
    _cleanup_free_ struct client_alias *aliases = NULL;
    struct route_target *targets = calloc(1, sizeof(*targets));
    size_t n = 0;

    (void)state;
    assert_non_null(targets);
    targets[0] = (struct route_target){catalog_service(catalog, "ns", "v2"), 1};
    assert_int_equal(catalog_set_route(parent, "", &v1, targets, 1),
                     0); /* a route over the service's own alias */
    assert_int_equal(alias_list_build(parent, NULL, &aliases, &n), 0);
    assert_int_equal(n, 2);
    assert_string_not_equal(aliases[0].dns_name, aliases[1].dns_name);
    catalog_free(&catalog);
}

/* What one client's own route changes is that client's alone: targets, tables, and the list. */
static void test_views_per_client(void **state)
{
    static const struct client_alias own = {.dns_name = "own", .port = 80, .protocol = TCP};
    struct catalog *catalog = arrived(0, 1);
    struct model_namespace *parent = catalog_make_namespace(catalog, "ns");
    const struct client_alias *const set[] = {&web, &own, &v1};
    const struct client *client;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
        struct route_target *targets = calloc(1, sizeof(*targets));

        assert_non_null(targets);
        targets[0] = (struct route_target){catalog_service(catalog, "ns", "v2"), 3};
        assert_int_equal(catalog_set_route(parent, "shop", set[i], targets, 1), 0);
    }
    client = catalog_client(parent, "shop");
    for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
        static const size_t others[] = {2, 0, 1};
        struct wanted_alias wanted = {.alias = *set[i]};
        struct alias_view view;

        assert_int_equal(alias_view_build(parent, client, set[i], &view), 0);
        assert_int_equal(view.n_targets, 1);
        assert_int_equal(view.targets[0].weight, 3);
        assert_ptr_equal(view.services[0], catalog_service(catalog, "ns", "v2"));
        check_candidates(&view);
        alias_view_done(&view);
        assert_int_equal(wanted_tables_build(parent, client, &wanted), 0);
        assert_int_equal(wanted.count4, 2);
        wanted_alias_done(&wanted);
        assert_int_equal(alias_view_build(parent, NULL, set[i], &view), 0);
        assert_int_equal(view.n_targets, others[i]);
        alias_view_done(&view);
    }
    for (int with = 0; with < 2; with++) {
        _cleanup_free_ struct client_alias *aliases = NULL;
        size_t n = 0;

        assert_int_equal(alias_list_build(parent, with ? client : NULL, &aliases, &n), 0);
        assert_int_equal(n, with ? 3 : 2); /* "own" is there for the client, and no other twice */
        for (size_t i = 0; i < n; i++)
            assert_int_equal(strcmp(aliases[i].dns_name, "own") == 0, with && i == n - 1);
    }
    catalog_free(&catalog);
}

/* A client sees the namespace's routes where it has none. */
static void test_client_sees_the_namespace(void **state)
{
    static const struct client_alias own = {.dns_name = "own", .port = 80, .protocol = TCP};
    struct catalog *catalog = arrived(0, 1);
    struct model_namespace *parent = catalog_make_namespace(catalog, "ns");
    struct wanted_alias others = {.alias = web};
    struct wanted_alias clients = {.alias = web};
    struct alias_view view;

    (void)state;
    assert_int_equal(catalog_set_route(parent, "shop", &own, NULL, 0), 0);
    assert_int_equal(alias_view_build(parent, catalog_client(parent, "shop"), &web, &view), 0);
    check_order(&view);
    alias_view_done(&view);
    assert_int_equal(wanted_tables_build(parent, NULL, &others), 0);
    assert_int_equal(wanted_tables_build(parent, catalog_client(parent, "shop"), &clients), 0);
    assert_int_equal(clients.count4, others.count4);
    assert_memory_equal(clients.slots4, others.slots4, others.count4 * sizeof(*others.slots4));
    wanted_alias_done(&others);
    wanted_alias_done(&clients);
    catalog_free(&catalog);
}

static void test_entry_for_people(void **state)
{
    struct catalog *catalog = arrived(0, 1);
    struct instance *instance = catalog_instance(catalog_service(catalog, "ns", "v1"), "e");
    struct svc_endpoint entry, again;
    char name[ENDPOINT_NAME_SIZE];

    (void)state;
    memset(&entry, 0xff, sizeof(entry));
    endpoint_entry(instance, &entry);
    assert_string_equal(entry.namespace, "ns");
    assert_string_equal(entry.service, "v1");
    assert_string_equal(entry.instance, "e");
    assert_string_equal(entry.address, "10.0.0.5");
    assert_int_equal(entry.port, 8080);
    assert_int_equal(entry.weight, 5);
    assert_int_equal(entry.health, UNHEALTHY);
    assert_int_equal(entry.protocol, TCP);
    /* Entries are compared by bytes with the kernel's: what was in the memory before must not show. */
    memset(&again, 0, sizeof(again));
    endpoint_entry(instance, &again);
    assert_memory_equal(&entry, &again, sizeof(entry));
    assert_string_equal(endpoint_name(instance, name), "ns/v1/e");
    catalog_free(&catalog);
}

/* The map's field is shorter than a namespace may be: cut and ended there. The name is whole. */
static void test_entry_of_a_long_namespace(void **state)
{
    struct catalog *catalog = catalog_new();
    char namespace_name[1025];
    struct instance *instance;
    struct svc_endpoint entry;
    char name[ENDPOINT_NAME_SIZE];

    (void)state;
    memset(namespace_name, 'n', sizeof(namespace_name) - 1);
    namespace_name[sizeof(namespace_name) - 1] = '\0';
    instance = catalog_make_instance(catalog, catalog_make_service(catalog, namespace_name, "web"), "a");
    endpoint_entry(instance, &entry);
    assert_int_equal(strnlen(entry.namespace, sizeof(entry.namespace)), SVC_NAMESPACE_SIZE - 1);
    assert_int_equal(strlen(endpoint_name(instance, name)), 1024 + strlen("/web/a"));
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_do_not_depend_on_the_order_of_arrival),
        cmocka_unit_test(test_eligibility),
        cmocka_unit_test(test_alias_of_a_service),
        cmocka_unit_test(test_only_the_alias_protocol),
        cmocka_unit_test(test_tables_of_both_families),
        cmocka_unit_test(test_alias_list_has_each_once),
        cmocka_unit_test(test_views_per_client),
        cmocka_unit_test(test_client_sees_the_namespace),
        cmocka_unit_test(test_entry_for_people),
        cmocka_unit_test(test_entry_of_a_long_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
