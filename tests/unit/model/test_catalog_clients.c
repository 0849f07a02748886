/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Client services with routes of their own, and stored documents. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/catalog.h"
#include "model/names.h"

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

static struct client_alias alias_of(const char *dns_name)
{
    struct client_alias alias = {.port = 80, .protocol = TCP};

    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", dns_name);
    return alias;
}

/* The route `dns_name`:80 of the client ("": of the namespace) to a NULL-terminated list; weights from 1. */
static void set_route(struct catalog *catalog, const char *client, const char *dns_name,
                      const char *const services[])
{
    struct client_alias alias = alias_of(dns_name);
    struct route_target *targets = calloc(8, sizeof(*targets));
    size_t n = 0;

    assert_non_null(targets);
    for (; services[n]; n++)
        targets[n] = (struct route_target){catalog_make_service(catalog, "ns", services[n]), (uint32_t)n + 1};
    assert_int_equal(catalog_set_route(catalog_make_namespace(catalog, "ns"), client, &alias, targets, n), 0);
}

#define ROUTE(catalog, client, dns_name, ...)                                                                \
    set_route(catalog, client, dns_name, (const char *const[]){__VA_ARGS__, NULL})

static struct client *client_of(const struct catalog *catalog, const char *name)
{
    return catalog_client(catalog_namespace(catalog, "ns"), name);
}

static void remove_route(struct catalog *catalog, const char *client, const char *identity)
{
    struct model_namespace *parent = catalog_namespace(catalog, "ns");
    struct route *route = catalog_route(parent, *client ? client_of(catalog, client) : NULL, identity);

    assert_non_null(route);
    catalog_remove_route(parent, client, route);
}

/* For the tasks of the client (NULL: of others) the alias leads to this one service (NULL: nowhere). */
static void expect_target(const struct catalog *catalog, const char *client, const char *identity,
                          const char *service)
{
    const struct model_namespace *parent = catalog_namespace(catalog, "ns");
    struct route_target single;
    size_t n = 99;
    const struct route_target *targets =
        catalog_alias_targets(parent, client ? catalog_client(parent, client) : NULL, identity, &single, &n);

    assert_int_equal(n, service ? 1 : 0);
    if (service)
        assert_string_equal(targets[0].service->name, service);
}

static void declare(struct catalog *catalog, const char *name, const char *dns_name, const char *document)
{
    struct client_alias alias = alias_of(dns_name);
    struct service *service = catalog_make_service(catalog, "ns", name);

    assert_int_equal(catalog_declare_service(catalog, service, &alias, 1, document), 0);
}

/* Own route, then the namespace's, then the service that owns the alias; nobody sees another's. */
static void test_own_routes_go_first(void **state)
{
    struct catalog *catalog = *state;

    declare(catalog, "web", "web", NULL);
    ROUTE(catalog, "a", "web", "v2");
    expect_target(catalog, "a", "web:80/tcp", "v2");
    expect_target(catalog, NULL, "web:80/tcp", "web");
    ROUTE(catalog, "", "web", "v1");
    ROUTE(catalog, "b", "web", "v3");
    ROUTE(catalog, "b", "api", "v4");
    expect_target(catalog, "a", "web:80/tcp", "v2");
    expect_target(catalog, "b", "web:80/tcp", "v3");
    expect_target(catalog, NULL, "web:80/tcp", "v1");
    expect_target(catalog, "b", "api:80/tcp", "v4");
    expect_target(catalog, "a", "api:80/tcp", NULL);
    expect_target(catalog, NULL, "api:80/tcp", NULL);
    remove_route(catalog, "", "web:80/tcp");
    expect_target(catalog, "a", "web:80/tcp", "v2");
    expect_target(catalog, NULL, "web:80/tcp", "web");
}

static void test_falling_back(void **state)
{
    struct catalog *catalog = *state;

    declare(catalog, "other", "other", NULL);
    ROUTE(catalog, "a", "web", "v2");
    ROUTE(catalog, "", "api", "v1");
    expect_target(catalog, "a", "api:80/tcp", "v1");
    expect_target(catalog, "a", "other:80/tcp", "other");
    expect_target(catalog, "a", "none:80/tcp", NULL);
    ROUTE(catalog, "a", "api", "v2");
    ROUTE(catalog, "a", "other", "v2");
    expect_target(catalog, "a", "api:80/tcp", "v2");
    expect_target(catalog, "a", "other:80/tcp", "v2");
    remove_route(catalog, "a", "api:80/tcp");
    remove_route(catalog, "a", "other:80/tcp");
    expect_target(catalog, "a", "api:80/tcp", "v1");
    expect_target(catalog, "a", "other:80/tcp", "other");
}

/* A route to nowhere is the client's wish as well: it does not fall back. */
static void test_own_route_without_targets(void **state)
{
    struct catalog *catalog = *state;

    declare(catalog, "web", "web", NULL);
    ROUTE(catalog, "", "web", "v1");
    set_route(catalog, "a", "web", (const char *const[]){NULL});
    expect_target(catalog, "a", "web:80/tcp", NULL);
    expect_target(catalog, NULL, "web:80/tcp", "v1");
}

static void test_client_goes_with_its_last_route(void **state)
{
    struct catalog *catalog = *state;
    struct client *a;

    ROUTE(catalog, "", "web", "v1");
    assert_null(client_of(catalog, "a"));
    assert_null(client_of(catalog, ""));
    ROUTE(catalog, "a", "web", "v1");
    ROUTE(catalog, "a", "api", "v1");
    ROUTE(catalog, "b", "web", "v1");
    a = client_of(catalog, "a");
    a->scope = 7;
    assert_string_equal(a->name, "a");
    assert_null(catalog_route(catalog_namespace(catalog, "ns"), a, "none:80/tcp"));
    remove_route(catalog, "a", "web:80/tcp");
    assert_ptr_equal(client_of(catalog, "a"), a);
    assert_int_equal(a->scope, 7);
    remove_route(catalog, "a", "api:80/tcp");
    assert_null(client_of(catalog, "a"));
    assert_non_null(client_of(catalog, "b"));
    remove_route(catalog, "", "web:80/tcp"); /* the last of the namespace's takes no client along */
    assert_non_null(client_of(catalog, "b"));
    ROUTE(catalog, "a", "web", "v1");
    assert_int_equal(client_of(catalog, "a")->scope, 0); /* another one by that name */
}

static void test_replacing(void **state)
{
    struct catalog *catalog = *state;
    struct client *a;

    ROUTE(catalog, "", "web", "v1");
    ROUTE(catalog, "a", "web", "v2", "v3");
    a = client_of(catalog, "a");
    a->scope = 7;
    ROUTE(catalog, "a", "web", "v3");
    assert_ptr_equal(client_of(catalog, "a"), a);
    assert_int_equal(a->scope, 7);
    assert_int_equal(HASH_COUNT(a->routes), 1);
    assert_null(catalog_service(catalog, "ns", "v2"));
    assert_int_equal(catalog_service(catalog, "ns", "v3")->n_routes, 1);
    expect_target(catalog, "a", "web:80/tcp", "v3");
    expect_target(catalog, NULL, "web:80/tcp", "v1");
    ROUTE(catalog, "", "web", "v4"); /* and the other way round: the client's stays */
    expect_target(catalog, "a", "web:80/tcp", "v3");
}

/* A service stays for as long as any route of anybody names it, in whatever order they go. */
static void test_references_of_clients(void **state)
{
    static const char *const clients[] = {"", "a", "b"};
    struct catalog *catalog = *state;

    for (int order = 0; order < 27; order++) {
        int go[3] = {order % 3, order / 3 % 3, order / 9};

        if ((1 << go[0] | 1 << go[1] | 1 << go[2]) != 7)
            continue;
        for (int i = 0; i < 3; i++)
            ROUTE(catalog, clients[i], "web", "v1", "v2");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(catalog_service(catalog, "ns", "v1")->n_routes, 3 - i);
            assert_int_equal(catalog_service(catalog, "ns", "v2")->n_routes, 3 - i);
            remove_route(catalog, clients[go[i]], "web:80/tcp");
        }
        assert_null(catalog_service(catalog, "ns", "v1"));
        assert_null(catalog_service(catalog, "ns", "v2"));
        assert_null(catalog_namespace(catalog, "ns")->clients);
    }
}

static void test_clients_of_namespaces_are_apart(void **state)
{
    struct catalog *catalog = *state;
    struct model_namespace *other = catalog_make_namespace(catalog, "other");

    ROUTE(catalog, "a", "web", "v1");
    assert_null(catalog_client(other, "a"));
    expect_target(catalog, "a", "web:80/tcp", "v1");
}

/* ---- documents ---- */

static void test_documents(void **state)
{
    struct catalog *catalog = *state;
    struct model_namespace *parent = catalog_make_namespace(catalog, "ns");
    struct model_namespace *other = catalog_make_namespace(catalog, "other");
    struct stored_document *document;

    assert_null(catalog_document(parent, "web"));
    assert_int_equal(catalog_set_document(catalog, parent, "web", "web.json", "{}"), 0);
    assert_int_equal(catalog_set_document(catalog, parent, "api", "", "{\n}"), 0);
    assert_int_equal(catalog_set_document(catalog, other, "web", "", "x"), 0);
    assert_int_equal(catalog->n_documents, 3);
    assert_string_equal(catalog_document(other, "web")->text, "x");
    assert_int_equal(catalog_set_document(catalog, parent, "web", "", "again"), 0);
    document = catalog_document(parent, "web");
    assert_string_equal(document->name, "web");
    assert_string_equal(document->source, "");
    assert_string_equal(document->text, "again");
    assert_int_equal(catalog->n_documents, 3);
    /* Its own texts go in: they are copied before they are freed. */
    assert_int_equal(catalog_set_document(catalog, parent, document->name, document->source, document->text),
                     0);
    assert_string_equal(catalog_document(parent, "web")->text, "again");
    catalog_remove_document(catalog, parent, catalog_document(parent, "web"));
    assert_null(catalog_document(parent, "web"));
    assert_non_null(catalog_document(parent, "api"));
    assert_non_null(catalog_document(other, "web"));
    assert_int_equal(catalog->n_documents, 2);
}

static void test_document_of_a_service(void **state)
{
    struct catalog *catalog = *state;
    struct service *service;

    declare(catalog, "web", "web", NULL);
    service = catalog_service(catalog, "ns", "web");
    assert_null(service->document);
    declare(catalog, "web", "web", "first");
    declare(catalog, "web", "web", "second");
    assert_string_equal(service->document, "second");
    declare(catalog, "web", "web", service->document);
    assert_string_equal(service->document, "second");
    (void)catalog_make_instance(catalog, service, "a");
    catalog_undeclare_service(catalog, service);
    assert_null(service->document);
    declare(catalog, "web", "web", "third");
    declare(catalog, "web", "web", NULL);
    assert_null(service->document);
}

static void test_document_names(void **state)
{
    static const char *const good[] = {"a", "-", ".", "Web_1.v-2", "a..b", "-a-"};
    static const char *const bad[] = {"", "a b", "a/b", "a:b", "a\n", "caf\xc3\xa9", "a@b"};
    char name[257];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(model_check_document("family", good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error error = {0};

        assert_true(model_check_document("family", bad[i], &error) < 0);
        assert_string_equal(error.field, "family");
    }
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    assert_true(model_check_document("family", name, NULL) < 0);
    name[255] = '\0';
    assert_int_equal(model_check_document("family", name, NULL), 0);
}

/* All of it goes with the catalog: the sanitizer's leak check is the assertion. */
static void test_free_with_clients_and_documents(void **state)
{
    struct catalog *catalog = catalog_new();

    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "client-%d", i);
        declare(catalog, name, name, "document");
        ROUTE(catalog, name, "web", "mentioned", name);
        ROUTE(catalog, name, "api", "mentioned");
        set_route(catalog, name, "none", (const char *const[]){NULL});
        assert_int_equal(catalog_set_document(catalog, catalog_namespace(catalog, "ns"), name, "s", "t"), 0);
    }
    assert_int_equal(HASH_COUNT(catalog_namespace(catalog, "ns")->clients), 20);
    assert_int_equal(catalog_service(catalog, "ns", "mentioned")->n_routes, 40);
    catalog_free(&catalog);
    assert_null(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_routes_go_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_falling_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_route_without_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_goes_with_its_last_route, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replacing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references_of_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_of_namespaces_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_of_a_service, setup, teardown),
        cmocka_unit_test(test_document_names),
        cmocka_unit_test(test_free_with_clients_and_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
