/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/name_numbers.h"
#include "engine/engine_internal.h"
#include "engine/plan/numbers.h"
#include "engine/plan/scopes.h"

/* A daemon that has a catalog and numbers, and nothing else. */
static int setup(void **state)
{
    struct engine *engine = calloc(1, sizeof(*engine));

    *state = engine;
    if (!engine)
        return -1;
    engine->catalog = catalog_new();
    return engine->catalog ? name_numbers_new(&engine->scopes, 1, 100) : -1;
}

static int teardown(void **state)
{
    struct engine *engine = *state;

    numbers_free(&engine->unsaved);
    name_numbers_free(&engine->scopes);
    catalog_free(&engine->catalog);
    free(engine);
    return 0;
}

/* The client's route `dns_name`:80 to one service, or two when `second` is given. */
static void set_route_in(struct engine *engine, const char *namespace_name, const char *client,
                         const char *dns_name, const char *first, uint32_t weight, const char *second)
{
    struct catalog *catalog = engine->catalog;
    struct client_alias alias = {.port = 80, .protocol = TCP};
    struct route_target *targets = calloc(2, sizeof(*targets));

    assert_non_null(targets);
    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", dns_name);
    targets[0] = (struct route_target){catalog_make_service(catalog, namespace_name, first), weight};
    if (second)
        targets[1] = (struct route_target){catalog_make_service(catalog, namespace_name, second), 1};
    assert_int_equal(catalog_set_route(catalog_make_namespace(catalog, namespace_name), client, &alias,
                                       targets, second ? 2 : 1),
                     0);
}

static void set_route(struct engine *engine, const char *client, const char *dns_name, const char *service)
{
    set_route_in(engine, "ns", client, dns_name, service, 1, NULL);
}

static struct client *client_of(const struct engine *engine, const char *namespace_name, const char *name)
{
    struct client *client = catalog_client(catalog_namespace(engine->catalog, namespace_name), name);

    assert_non_null(client);
    return client;
}

static void remove_route(struct engine *engine, const char *name, const char *identity)
{
    struct model_namespace *parent = catalog_namespace(engine->catalog, "ns");

    catalog_remove_route(parent, name, catalog_route(parent, client_of(engine, "ns", name), identity));
}

/* ---- names ---- */

static void expect_names(const struct engine *engine, const char *one, const char *other, bool are_equal)
{
    const struct model_namespace *parent = catalog_namespace(engine->catalog, "ns");
    char first[SCOPE_NAME_SIZE];
    char second[SCOPE_NAME_SIZE];

    scope_name(parent, client_of(engine, "ns", one), first);
    scope_name(parent, client_of(engine, "ns", other), second);
    assert_int_equal(strncmp(first, "ns ", 3), 0);
    assert_int_equal(strlen(first), 3 + 32);
    if (are_equal)
        assert_string_equal(first, second);
    else
        assert_string_not_equal(first, second);
}

static void test_name_of_a_namespace(void **state)
{
    struct engine *engine = *state;
    char long_name[1025];
    char name[SCOPE_NAME_SIZE];

    scope_name(catalog_make_namespace(engine->catalog, "ns"), NULL, name);
    assert_string_equal(name, "ns");
    /* The longest namespace keeps the digest whole. */
    memset(long_name, 'n', 1024);
    long_name[1024] = '\0';
    set_route_in(engine, long_name, "a", "web", "v1", 1, NULL);
    scope_name(catalog_namespace(engine->catalog, long_name), client_of(engine, long_name, "a"), name);
    assert_int_equal(strlen(name), 1024 + 1 + 32);
    assert_int_equal(name[1024], ' '); /* which no namespace's name has */
}

static void test_equal_routes_have_equal_names(void **state)
{
    static const char *const orders[][3] = {{"x", "y", "z"}, {"z", "y", "x"}, {"y", "z", "x"}};
    static const char *const clients[] = {"a", "b", "c"};
    struct engine *engine = *state;

    for (size_t c = 0; c < ARRAY_SIZE(clients); c++)
        for (size_t i = 0; i < 3; i++)
            set_route(engine, clients[c], orders[c][i], "v1");
    expect_names(engine, "a", "b", true);
    expect_names(engine, "a", "c", true);
    client_of(engine, "ns", "c")->scope = 5; /* a name depends on routes alone */
    expect_names(engine, "a", "c", true);
    set_route(engine, "b", "x", "v2");
    expect_names(engine, "a", "b", false);
    set_route(engine, "b", "x", "v1");
    expect_names(engine, "a", "b", true);
    set_route(engine, "b", "more", "v1");
    expect_names(engine, "a", "b", false);
    remove_route(engine, "b", "more:80/tcp");
    expect_names(engine, "a", "b", true);
    catalog_route(catalog_namespace(engine->catalog, "ns"), client_of(engine, "ns", "b"), "x:80/tcp")
        ->is_unhealthy_on_empty = true;
    expect_names(engine, "a", "b", false);
    remove_route(engine, "c", "z:80/tcp");
    expect_names(engine, "a", "c", false);
}

static void test_different_routes_have_different_names(void **state)
{
    static const struct {
        const char *client, *dns_name, *first;
        uint32_t weight;
        const char *second;
    } routes[] = {
        {"a", "web", "v1", 1, NULL}, {"b", "web", "v1", 2, NULL},  {"c", "web", "v2", 1, NULL},
        {"d", "api", "v1", 1, NULL}, {"e", "web", "v1", 1, "v2"},  {"f", "web", "v2", 1, "v1"},
        {"g", "web", "v", 11, NULL}, {"h", "web", "v1", 11, NULL}, {"i", "web", "v1", 0, "v2"},
    };
    struct engine *engine = *state;
    char here[SCOPE_NAME_SIZE];
    char there[SCOPE_NAME_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        set_route_in(engine, "ns", routes[i].client, routes[i].dns_name, routes[i].first, routes[i].weight,
                     routes[i].second);
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        for (size_t j = 0; j < i; j++)
            expect_names(engine, routes[i].client, routes[j].client, false);
    set_route_in(engine, "other", "a", "web", "v1", 1, NULL);
    scope_name(catalog_namespace(engine->catalog, "ns"), client_of(engine, "ns", "a"), here);
    scope_name(catalog_namespace(engine->catalog, "other"), client_of(engine, "other", "a"), there);
    assert_string_not_equal(here, there);
}

/* The registry remembers numbers by client, but a next version must make the same names of the
 * same routes. */
static void test_name_does_not_change_over_restarts(void **state)
{
    struct engine *engine = *state;
    struct engine again = {.catalog = catalog_new()};
    char first[SCOPE_NAME_SIZE];
    char second[SCOPE_NAME_SIZE];

    set_route(engine, "a", "web", "v1");
    set_route(engine, "a", "api", "v2");
    set_route(&again, "", "web", "v9");
    set_route(&again, "b", "web", "v8");
    set_route(&again, "a", "api", "v2");
    set_route(&again, "a", "web", "v1");
    scope_name(catalog_namespace(engine->catalog, "ns"), client_of(engine, "ns", "a"), first);
    scope_name(catalog_namespace(again.catalog, "ns"), client_of(&again, "ns", "a"), second);
    assert_string_equal(first, second);
    catalog_free(&again.catalog);
}

/* ---- numbers ---- */

static void test_scopes_of_clients(void **state)
{
    static const struct {
        const char *name;
        uint32_t scope;
    } given[] = {{"a", 7}, {"b", 0}, {"c", 7}, {"d", 9}, {"e", 0}, {"f", 9}, {"g", 7}};
    struct engine *engine = *state;
    struct model_namespace *parent = catalog_make_namespace(engine->catalog, "ns");
    struct client **clients = NULL;
    size_t n = 99;

    assert_int_equal(scopes_of_clients(parent, &clients, &n), 0);
    assert_int_equal(n, 0);
    free(clients);
    for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
        set_route(engine, given[i].name, "web", "v1");
        client_of(engine, "ns", given[i].name)->scope = given[i].scope;
    }
    assert_int_equal(scopes_of_clients(parent, &clients, &n), 0);
    assert_int_equal(n, 2);
    assert_true(clients[0]->scope == 7 || clients[0]->scope == 9);
    assert_int_equal(clients[0]->scope + clients[1]->scope, 7 + 9);
    free(clients);
    assert_true(scope_is_used(parent, 7));
    assert_false(scope_is_used(parent, 8));
    assert_false(scope_is_used(NULL, 7));
}

static void test_scope_of_a_task(void **state)
{
    struct engine *engine = *state;
    uint32_t namespace_scope = 0;
    uint32_t scope = 0;
    uint32_t own = 0;

    set_route(engine, "a", "web", "v1");
    set_route(engine, "b", "web", "v1");
    set_route(engine, "c", "web", "v2");
    assert_int_equal(scopes_number_clients(engine, NULL), 0);
    assert_int_equal(client_of(engine, "ns", "a")->scope, client_of(engine, "ns", "b")->scope);
    assert_int_not_equal(client_of(engine, "ns", "a")->scope, client_of(engine, "ns", "c")->scope);
    assert_int_equal(scope_of_task(engine, "ns", "", &namespace_scope, &own, NULL), 0);
    assert_int_equal(own, namespace_scope);
    assert_int_equal(scope_of_task(engine, "ns", "nobody", &scope, &own, NULL), 0);
    assert_int_equal(scope, namespace_scope);
    assert_int_equal(scope_of_task(engine, "ns", "c", &scope, &own, NULL), 0);
    assert_int_equal(scope, client_of(engine, "ns", "c")->scope);
    assert_int_not_equal(scope, namespace_scope);
    assert_int_equal(own, namespace_scope); /* also of a client that sees another scope */
    assert_int_equal(scope_of_task(engine, "elsewhere", "c", &scope, &own, NULL), 0);
    assert_int_not_equal(scope, client_of(engine, "ns", "c")->scope);
    assert_int_equal(own, scope);
    assert_int_not_equal(own, namespace_scope);
}

/* ---- changes ---- */

/* One change of a client's route, planned; the caller ends it. */
static void change_route(struct engine *engine, const char *client, const char *service,
                         struct scope_change *change)
{
    assert_int_equal(scope_change_begin(engine, "ns", client, change), 0);
    set_route(engine, client, "web", service);
    assert_int_equal(scope_change_plan(engine, change, NULL), 0);
    assert_int_equal(client_of(engine, "ns", client)->scope, change->new_number);
}

static uint32_t changed(struct engine *engine, const char *client, const char *service)
{
    _cleanup_(scope_change_done) struct scope_change change = {0};

    change_route(engine, client, service, &change);
    return change.new_number;
}

static void test_only_client_keeps_its_number(void **state)
{
    _cleanup_(scope_change_done) struct scope_change change = {0};
    struct engine *engine = *state;
    uint32_t number = changed(engine, "a", "v1");
    uint32_t used = name_numbers_used(engine->scopes);

    change_route(engine, "a", "v2", &change);
    assert_true(change.is_renamed);
    assert_int_equal(change.new_number, number);
    assert_int_equal(name_numbers_used(engine->scopes), used);
    set_route(engine, "a", "web", "v1");
    scope_change_undo(engine, &change);
    assert_int_equal(client_of(engine, "ns", "a")->scope, number);
    assert_int_equal(changed(engine, "b", "v1"), number); /* the old name leads to it again */
}

static void test_sharing_and_parting(void **state)
{
    _cleanup_(scope_change_done) struct scope_change change = {0};
    struct engine *engine = *state;
    uint32_t shared = changed(engine, "a", "v1");
    uint32_t used;

    assert_int_equal(changed(engine, "b", "v1"), shared);
    used = name_numbers_used(engine->scopes);
    change_route(engine, "b", "v2", &change);
    assert_true(change.is_new);
    assert_int_not_equal(change.new_number, shared);
    assert_int_equal(client_of(engine, "ns", "a")->scope, shared);
    set_route(engine, "b", "web", "v1");
    scope_change_undo(engine, &change);
    assert_int_equal(client_of(engine, "ns", "b")->scope, shared);
    assert_int_equal(name_numbers_used(engine->scopes), used);
    assert_int_equal(changed(engine, "c", "v3"), change.new_number); /* free again */
}

static void test_first_and_last_route(void **state)
{
    _cleanup_(scope_change_done) struct scope_change first = {0};
    _cleanup_(scope_change_done) struct scope_change last = {0};
    struct engine *engine = *state;

    change_route(engine, "a", "v1", &first);
    assert_null(first.old_name);
    assert_int_equal(first.old_number, 0);
    assert_int_equal(scope_change_begin(engine, "ns", "a", &last), 0);
    remove_route(engine, "a", "web:80/tcp");
    assert_int_equal(scope_change_plan(engine, &last, NULL), 0);
    assert_int_equal(last.old_number, first.new_number);
    assert_int_equal(last.new_number, 0);
    assert_null(last.new_name);
    set_route(engine, "a", "web", "v1");
    scope_change_undo(engine, &last);
    assert_int_equal(client_of(engine, "ns", "a")->scope, first.new_number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_name_of_a_namespace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_routes_have_equal_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_different_routes_have_different_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_name_does_not_change_over_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scopes_of_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope_of_a_task, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_client_keeps_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sharing_and_parting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_and_last_route, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
