/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The catalog: what leads to what, and what is taken away with it. As long as the one file it tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/catalog_aws.h"

static int setup(void **state)
{
    *state = catalog_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return catalog ? -1 : 0;
}

static struct client_alias alias_of(const char *dns_name, uint16_t port)
{
    struct client_alias alias = {.port = port, .protocol = TCP};

    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", dns_name);
    return alias;
}

/* Declares `name` in namespace "ns" with one alias `dns_name`:80. */
static struct service *declare(struct catalog *catalog, const char *name, const char *dns_name)
{
    struct client_alias alias = alias_of(dns_name, 80);
    struct service *service = catalog_make_service(catalog, "ns", name);

    assert_non_null(service);
    assert_int_equal(catalog_declare_service(catalog, service, &alias, 1, NULL), 0);
    return service;
}

/* Sets the route `dns_name`:80 to targets given as a NULL-terminated list of services; the weights count
 * from 1. */
static void set_route(struct catalog *catalog, const char *dns_name, const char *const services[])
{
    struct client_alias alias = alias_of(dns_name, 80);
    struct route_target *targets = calloc(8, sizeof(*targets));
    size_t n = 0;

    assert_non_null(targets);
    for (; services[n]; n++)
        targets[n] = (struct route_target){catalog_make_service(catalog, "ns", services[n]), (uint32_t)n + 1};
    assert_int_equal(catalog_set_route(catalog_make_namespace(catalog, "ns"), "", &alias, targets, n), 0);
}

#define ROUTE(catalog, dns_name, ...) set_route(catalog, dns_name, (const char *const[]){__VA_ARGS__, NULL})

static void remove_route(struct catalog *catalog, const char *identity)
{
    struct model_namespace *parent = catalog_namespace(catalog, "ns");
    struct route *route = catalog_route(parent, NULL, identity);

    assert_non_null(route);
    catalog_remove_route(parent, "", route);
}

/* The service an alias leads to when it leads to one, NULL when it leads nowhere. */
static const struct service *leads_to(const struct catalog *catalog, const char *identity)
{
    struct route_target single;
    size_t n = 99;
    const struct route_target *targets =
        catalog_alias_targets(catalog_namespace(catalog, "ns"), NULL, identity, &single, &n);

    if (!targets) {
        assert_int_equal(n, 0);
        return NULL;
    }
    assert_int_equal(n, 1);
    return targets[0].service;
}

static void test_identity(void **state)
{
    char identity[ALIAS_IDENTITY_SIZE];
    struct client_alias alias = alias_of("backend", 65535);

    (void)state;
    assert_string_equal(alias_identity(&alias, identity), "backend:65535/tcp");
    alias.protocol = UDP;
    assert_string_equal(alias_identity(&alias, identity), "backend:65535/udp");
    /* The longest name keeps its port and protocol: two aliases must not share an identity by being cut. */
    memset(alias.dns_name, 'x', SVC_DNS_NAME_SIZE - 1);
    assert_string_equal(alias_identity(&alias, identity) + SVC_DNS_NAME_SIZE - 1, ":65535/udp");
    assert_string_equal(health_name(HEALTHY), "HEALTHY");
    assert_string_equal(health_name(UNHEALTHY), "UNHEALTHY");
}

static void test_finds_or_makes(void **state)
{
    struct catalog *catalog = *state;
    struct service *service = catalog_make_service(catalog, "ns", "web");
    struct instance *instance = catalog_make_instance(catalog, service, "a/b");

    assert_null(catalog_namespace(catalog, "other"));
    assert_null(catalog_service(catalog, "other", "web"));
    assert_null(catalog_service(catalog, "ns", "we"));
    assert_null(catalog_instance(service, "a"));
    assert_ptr_equal(catalog_service(catalog, "ns", "web"), service);
    assert_ptr_equal(catalog_make_service(catalog, "ns", "web"), service);
    assert_ptr_equal(catalog_make_instance(catalog, service, "a/b"), instance);
    assert_ptr_equal(catalog_instance(service, "a/b"), instance);
    assert_ptr_equal(instance->service, service);
    assert_string_equal(service->parent->name, "ns");
    assert_true(catalog_make_service(catalog, "other", "web") != service);
    assert_int_equal(catalog->n_instances, 1);
    assert_int_equal(catalog->n_services, 0); /* mentioned, not declared */
    assert_false(service->is_declared);
}

static void test_alias_owner(void **state)
{
    struct catalog *catalog = *state;
    const struct client_alias aliases[] = {alias_of("web", 80), alias_of("web", 81), alias_of("www", 80)};
    struct service *service = catalog_make_service(catalog, "ns", "web");
    struct model_namespace *parent = service->parent;
    struct route_target single = {0};
    size_t n = 0;

    assert_int_equal(catalog_declare_service(catalog, service, aliases, ARRAY_SIZE(aliases), NULL), 0);
    assert_int_equal(catalog->n_services, 1);
    assert_ptr_equal(catalog_alias_owner(parent, "web:81/tcp")->service, service);
    assert_null(catalog_alias_owner(parent, "web:80/udp"));
    assert_ptr_equal(catalog_alias_targets(parent, NULL, "www:80/tcp", &single, &n), &single);
    assert_int_equal(n, 1);
    assert_ptr_equal(single.service, service);
    assert_int_equal(single.weight, 1);

    /* Declared again with others: what is no longer named leads nowhere, and it stays one service. */
    assert_int_equal(catalog_declare_service(catalog, service, &aliases[1], 1, NULL), 0);
    assert_int_equal(catalog->n_services, 1);
    assert_int_equal(service->n_aliases, 1);
    assert_null(leads_to(catalog, "web:80/tcp"));
    assert_null(leads_to(catalog, "www:80/tcp"));
    assert_ptr_equal(leads_to(catalog, "web:81/tcp"), service);
    assert_int_equal(catalog_declare_service(catalog, service, NULL, 0, NULL), 0);
    assert_null(leads_to(catalog, "web:81/tcp"));
    assert_true(service->is_declared);
}

static void test_declaring_its_own_aliases_again(void **state)
{
    struct catalog *catalog = *state;
    struct service *service = declare(catalog, "web", "web");

    /* The catalog's own array goes in: it is copied before the old one is freed. */
    assert_int_equal(catalog_declare_service(catalog, service, service->aliases, service->n_aliases, NULL),
                     0);
    assert_string_equal(service->aliases[0].dns_name, "web");
    assert_ptr_equal(leads_to(catalog, "web:80/tcp"), service);
}

/* Writers keep aliases unique; when rows do collide, the first stays and the second one's end takes nothing
 * away. */
static void test_alias_of_two_services(void **state)
{
    struct catalog *catalog = *state;
    struct service *first = declare(catalog, "first", "shared");
    struct service *second = declare(catalog, "second", "shared");

    assert_ptr_equal(leads_to(catalog, "shared:80/tcp"), first);
    catalog_undeclare_service(catalog, second);
    assert_ptr_equal(leads_to(catalog, "shared:80/tcp"), first);
    catalog_undeclare_service(catalog, first);
    assert_null(leads_to(catalog, "shared:80/tcp"));
    assert_int_equal(catalog->n_services, 0);
}

static void test_same_alias_twice_in_one_service(void **state)
{
    struct catalog *catalog = *state;
    const struct client_alias aliases[] = {alias_of("web", 80), alias_of("web", 80)};
    struct service *service = catalog_make_service(catalog, "ns", "web");

    assert_int_equal(catalog_declare_service(catalog, service, aliases, 2, NULL), 0);
    assert_ptr_equal(leads_to(catalog, "web:80/tcp"), service);
    catalog_undeclare_service(catalog, service);
    assert_null(catalog_service(catalog, "ns", "web"));
    assert_null(leads_to(catalog, "web:80/tcp"));
}

static void test_aliases_of_namespaces_are_apart(void **state)
{
    struct catalog *catalog = *state;
    struct client_alias alias = alias_of("web", 80);
    struct service *other = catalog_make_service(catalog, "other", "web");

    (void)declare(catalog, "web", "web");
    assert_int_equal(catalog_declare_service(catalog, other, &alias, 1, NULL), 0);
    assert_ptr_equal(catalog_alias_owner(other->parent, "web:80/tcp")->service, other);
    assert_ptr_not_equal(leads_to(catalog, "web:80/tcp"), other);
    catalog_undeclare_service(catalog, other);
    assert_non_null(leads_to(catalog, "web:80/tcp"));
}

static void test_route_before_owner(void **state)
{
    struct catalog *catalog = *state;
    struct service *web = declare(catalog, "web", "web");

    ROUTE(catalog, "web", "v2");
    assert_ptr_equal(leads_to(catalog, "web:80/tcp"), catalog_service(catalog, "ns", "v2"));
    remove_route(catalog, "web:80/tcp");
    assert_ptr_equal(leads_to(catalog, "web:80/tcp"), web);
    assert_null(catalog_service(catalog, "ns", "v2")); /* only that route had mentioned it */
}

static void test_route_references(void **state)
{
    struct catalog *catalog = *state;
    const struct route *route;
    struct service *v1;

    ROUTE(catalog, "web", "v1", "v2");
    ROUTE(catalog, "api", "v1");
    v1 = catalog_service(catalog, "ns", "v1");
    route = catalog_route(v1->parent, NULL, "web:80/tcp");
    assert_int_equal(v1->n_routes, 2);
    assert_int_equal(catalog_service(catalog, "ns", "v2")->n_routes, 1);
    assert_ptr_equal(catalog_service(catalog, "ns", "v2")->routes[0], route);
    assert_int_equal(route->n_targets, 2);
    assert_int_equal(route->targets[1].weight, 2);
    assert_string_equal(route->alias.dns_name, "web");

    /* Replaced: v2 was named by the old one only, v1 by both. */
    ROUTE(catalog, "web", "v1", "v3");
    assert_null(catalog_service(catalog, "ns", "v2"));
    assert_ptr_equal(catalog_service(catalog, "ns", "v1"), v1);
    assert_int_equal(v1->n_routes, 2);
    remove_route(catalog, "web:80/tcp");
    assert_int_equal(v1->n_routes, 1);
    assert_ptr_equal(v1->routes[0], catalog_route(v1->parent, NULL, "api:80/tcp"));
    assert_null(catalog_service(catalog, "ns", "v3"));
    remove_route(catalog, "api:80/tcp");
    assert_null(catalog_service(catalog, "ns", "v1"));
}

/* Nobody should write such a route; a row may still hold one, and its references must balance. */
static void test_route_naming_a_service_twice(void **state)
{
    struct catalog *catalog = *state;

    ROUTE(catalog, "web", "v1", "v1");
    assert_int_equal(catalog_service(catalog, "ns", "v1")->n_routes, 2);
    ROUTE(catalog, "web", "v1");
    assert_int_equal(catalog_service(catalog, "ns", "v1")->n_routes, 1);
    remove_route(catalog, "web:80/tcp");
    assert_null(catalog_service(catalog, "ns", "v1"));
}

static void test_route_without_targets(void **state)
{
    struct catalog *catalog = *state;
    struct route_target single;
    size_t n = 99;

    (void)declare(catalog, "web", "web");
    set_route(catalog, "web", (const char *const[]){NULL});
    (void)catalog_alias_targets(catalog_namespace(catalog, "ns"), NULL, "web:80/tcp", &single, &n);
    assert_int_equal(n, 0); /* the route decides, not the owner behind it */
    remove_route(catalog, "web:80/tcp");
    assert_non_null(leads_to(catalog, "web:80/tcp"));
}

/*
 * One service with each of its four reasons to be remembered, taken away in every order: it goes with the
 * last one, never before. Bits of `order` pick the next reason.
 */
static void take_away(struct catalog *catalog, int reason)
{
    struct service *service = catalog_service(catalog, "ns", "v1");

    assert_non_null(service);
    if (reason == 0)
        catalog_undeclare_service(catalog, service);
    else if (reason == 1)
        catalog_remove_instance(catalog, catalog_instance(service, "a"));
    else if (reason == 2)
        remove_route(catalog, "web:80/tcp");
    else
        remove_route(catalog, "api:80/tcp");
}

static void test_removing_in_every_order(void **state)
{
    struct catalog *catalog = *state;

    for (int order = 0; order < 256; order++) {
        int reasons[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};

        if ((1 << reasons[0] | 1 << reasons[1] | 1 << reasons[2] | 1 << reasons[3]) != 15)
            continue;
        assert_non_null(catalog_make_instance(catalog, declare(catalog, "v1", "v1"), "a"));
        ROUTE(catalog, "web", "v1");
        ROUTE(catalog, "api", "v1", "v2");
        for (int i = 0; i < 4; i++)
            take_away(catalog, reasons[i]);
        assert_null(catalog_service(catalog, "ns", "v1"));
        assert_null(catalog_service(catalog, "ns", "v2"));
        assert_int_equal(catalog->n_services, 0);
        assert_int_equal(catalog->n_instances, 0);
        assert_null(catalog_namespace(catalog, "ns")->owners);
        assert_null(catalog_namespace(catalog, "ns")->routes);
    }
}

static void test_undeclared_service_keeps_what_it_has(void **state)
{
    struct catalog *catalog = *state;
    struct service *service = declare(catalog, "v1", "v1");

    (void)catalog_make_instance(catalog, service, "a");
    ROUTE(catalog, "web", "v1");
    catalog_undeclare_service(catalog, service);
    assert_ptr_equal(catalog_service(catalog, "ns", "v1"), service);
    assert_false(service->is_declared);
    assert_int_equal(service->n_aliases, 0);
    assert_null(leads_to(catalog, "v1:80/tcp"));
    assert_ptr_equal(leads_to(catalog, "web:80/tcp"), service); /* the route still leads there */
    assert_int_equal(catalog->n_services, 0);
    assert_int_equal(catalog->n_instances, 1);
    assert_ptr_equal(declare(catalog, "v1", "v1"), service);
    assert_non_null(catalog_instance(service, "a"));
    assert_int_equal(catalog->n_services, 1);
}

/* Everything at once goes with the catalog: the sanitizer's leak check is the assertion. */
static void expect_namespace(const struct catalog *catalog, const char *text, const char *found,
                             const char *name)
{
    const char *own = "(untouched)";
    const struct model_namespace *parent = catalog_find_namespace(catalog, text, &own);

    assert_int_equal(parent != NULL, found != NULL);
    if (found)
        assert_string_equal(parent->name, found);
    assert_int_equal(own != NULL, name != NULL);
    if (name)
        assert_string_equal(own, name);
}

static void test_a_namespace_by_name_id_and_arn(void **state)
{
    struct catalog *catalog = *state;
    struct model_namespace *shop = catalog_make_namespace(catalog, "shop");
    struct model_namespace *odd;
    char text[128];

    expect_namespace(catalog, "shop", "shop", "shop");
    expect_namespace(catalog, "new", NULL, "new");
    expect_namespace(catalog, "ns-demo", NULL, "ns-demo"); /* no id has this form */
    expect_namespace(catalog, shop->id, "shop", "shop");
    (void)snprintf(text, sizeof(text), "arn:aws:servicediscovery:r:1:namespace/%s", shop->id);
    expect_namespace(catalog, text, "shop", "shop");
    expect_namespace(catalog, "arn:aws:servicediscovery:r:1:namespace/shop", "shop", "shop");
    expect_namespace(catalog, "arn:aws:servicediscovery:r:1:namespace/new", NULL, "new");
    expect_namespace(catalog, "arn:aws:servicediscovery:r:1:namespace/ns-demo", NULL, NULL);
    expect_namespace(catalog, "arn:aws:servicediscovery:r:1:service/srv-1", NULL, NULL);
    expect_namespace(catalog, "ns-aaaaaaaaaaaaaaaa", NULL, NULL);
    /* Whose name is another's id: by that text it is meant, but not by the ARN. */
    odd = catalog_make_namespace(catalog, shop->id);
    expect_namespace(catalog, odd->name, odd->name, odd->name);
    expect_namespace(catalog, text, "shop", "shop");
}

static void test_free_of_a_full_catalog(void **state)
{
    struct catalog *catalog = catalog_new();
    struct catalog *none = NULL;

    (void)state;
    for (int i = 0; i < 50; i++) {
        char name[32];
        struct service *service;

        (void)snprintf(name, sizeof(name), "service-%d", i);
        service = declare(catalog, name, name);
        (void)catalog_make_instance(catalog, service, "a");
        (void)catalog_make_instance(catalog, service, "b");
        ROUTE(catalog, name, name, "mentioned", "service-0");
    }
    assert_int_equal(catalog->n_services, 50);
    assert_int_equal(catalog->n_instances, 100);
    assert_int_equal(catalog_service(catalog, "ns", "mentioned")->n_routes, 50);
    catalog_free(&catalog);
    assert_null(catalog);
    catalog_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test_setup_teardown(test_finds_or_makes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alias_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_declaring_its_own_aliases_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alias_of_two_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_alias_twice_in_one_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aliases_of_namespaces_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_before_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_naming_a_service_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_without_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removing_in_every_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undeclared_service_keeps_what_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_namespace_by_name_id_and_arn, setup, teardown),
        cmocka_unit_test(test_free_of_a_full_catalog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
