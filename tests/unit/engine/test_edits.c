/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which port a name is meant with, on a catalog made of rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/change/edits.h"
#include "registry/rows.h"

static struct client_alias alias_of(const char *name, uint16_t port, enum svc_protocol protocol)
{
    struct client_alias alias = {.port = port, .protocol = protocol};

    (void)strcpy(alias.dns_name, name);
    return alias;
}

static void put(struct catalog *catalog, int made, struct registry_row *row)
{
    struct error error = {0};

    assert_int_equal(made, 0);
    assert_int_equal(row_apply(catalog, row->key, row->value, &error), 0);
    row_done(row);
}

static void put_service(struct catalog *catalog, const char *name, const struct client_alias *aliases,
                        size_t n)
{
    struct registry_row row;

    put(catalog, row_for_service("shop", name, aliases, n, NULL, &service_settings_default, NULL, &row),
        &row);
}

static void put_route(struct catalog *catalog, const char *client, struct client_alias alias,
                      const char *service)
{
    const struct named_target target = {.service = service, .weight = 1};
    struct registry_row row;

    put(catalog, row_for_route("shop", client, &alias, &target, 1, false, &row), &row);
}

/* "one" has port 80, "two" 80 and 81, "both" TCP 80 and UDP 53; "two:81" has a route, and for
 * "web" "one:80". */
static int setup(void **state)
{
    struct catalog *catalog = catalog_new();
    const struct client_alias one = alias_of("one", 80, TCP);
    const struct client_alias two[] = {alias_of("two", 80, TCP), alias_of("two", 81, TCP)};
    const struct client_alias both[] = {alias_of("both", 80, TCP), alias_of("both", 53, UDP)};

    put_service(catalog, "one", &one, 1);
    put_service(catalog, "two", two, 2);
    put_service(catalog, "both", both, 2);
    put_route(catalog, "", two[1], "one");
    put_route(catalog, "web", one, "two");
    *state = catalog;
    return 0;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return 0;
}

/* The port that is found; 0: none; a negative errno. */
static int port_of(const struct catalog *catalog, const char *client, const char *name,
                   enum svc_protocol protocol, bool only_routes, struct error *error)
{
    struct client_alias alias = alias_of(name, 0, protocol);
    int r = change_route_port(catalog_namespace(catalog, "shop"), client, &alias, only_routes, error);

    return r < 0 ? r : alias.port;
}

static void test_any_alias(void **state)
{
    struct error error = {0};

    assert_int_equal(port_of(*state, "", "one", TCP, false, &error), 80);
    assert_int_equal(port_of(*state, "web", "one", TCP, false, &error), 80);
    assert_int_equal(port_of(*state, "stranger", "one", TCP, false, &error), 80);
    assert_int_equal(port_of(*state, "", "both", TCP, false, &error), 80);
    assert_int_equal(port_of(*state, "", "both", UDP, false, &error), 53);
    assert_int_equal(port_of(*state, "", "none", TCP, false, &error), 0);
    assert_int_equal(port_of(*state, "", "one", UDP, false, &error), 0);
}

static void test_several_ports(void **state)
{
    struct error error = {0};

    assert_int_equal(port_of(*state, "", "two", TCP, false, &error), -EINVAL);
    assert_string_equal(error.field, "port");
    assert_non_null(strstr(error.message, "80 and 81"));
}

/* A route is its client's own: nobody else's counts, and a client that is unknown has none. */
static void test_only_routes(void **state)
{
    struct error error = {0};

    assert_int_equal(port_of(*state, "", "two", TCP, true, &error), 81);
    assert_int_equal(port_of(*state, "", "one", TCP, true, &error), 0);
    assert_int_equal(port_of(*state, "web", "one", TCP, true, &error), 80);
    assert_int_equal(port_of(*state, "web", "two", TCP, true, &error), 0);
    assert_int_equal(port_of(*state, "stranger", "two", TCP, true, &error), 0);
}

static void test_no_namespace(void **state)
{
    struct client_alias alias = alias_of("one", 0, TCP);
    struct error error = {0};

    (void)state;
    assert_int_equal(change_route_port(NULL, "", &alias, false, &error), 0);
    assert_int_equal(alias.port, 0);
    assert_int_equal(change_route_port(NULL, "web", &alias, true, &error), 0);
    assert_int_equal(alias.port, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_any_alias),
        TEST(test_several_ports),
        TEST(test_only_routes),
        TEST(test_no_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
