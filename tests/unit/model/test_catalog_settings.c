/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings in the catalog: a service's own before the catalog's, kept as copies, gone with the service. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "model/catalog.h"
#include "../settings/settings_text.h"

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

static struct service *declared(struct catalog *catalog)
{
    struct service *service = catalog_make_service(catalog, "ns", "web");

    assert_int_equal(catalog_declare_service(catalog, service, NULL, 0, NULL), 0);
    return service;
}

static void set(struct service *service, const char *text)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    read_good(&settings, text);
    assert_int_equal(catalog_set_settings(service, &settings), 0);
}

static void test_a_service_without(void **state)
{
    struct catalog *catalog = *state;
    const struct service *service = declared(catalog);

    assert_ptr_equal(service_get_settings(service), &service_settings_default);
    assert_int_equal(service_ejection(catalog, service)->failures, 5);
    assert_int_equal(service_connect_timeout_ms(catalog, service), 0);
    assert_false(catalog_has_global_settings(catalog));
    catalog->ejection.failures = 7;
    assert_true(catalog_has_global_settings(catalog));
    catalog->connect_timeout_ms = 3000;
    assert_int_equal(service_ejection(catalog, service)->failures, 7);
    assert_int_equal(service_connect_timeout_ms(catalog, service), 3000);
    catalog_reset_global_settings(catalog);
    assert_false(catalog_has_global_settings(catalog));
    assert_int_equal(service_ejection(catalog, service)->failures, 5);
}

static void test_its_own_go_first(void **state)
{
    struct catalog *catalog = *state;
    struct service *service = declared(catalog);

    catalog->ejection.failures = 7;
    catalog->connect_timeout_ms = 3000;
    set(service,
        "{'ejection':{'failures':5},'connectTimeoutSeconds':0,'healthCheck':{'type':'http','path':'/a'}}");
    assert_int_equal(service_ejection(catalog, service)->failures, 5);
    assert_int_equal(service_connect_timeout_ms(catalog, service), 0);
    assert_string_equal(service_get_settings(service)->check.path, "/a");
    set(service, "{'drainSeconds':1}");
    assert_int_equal(service_ejection(catalog, service)->failures, 7);
    assert_int_equal(service_connect_timeout_ms(catalog, service), 3000);
    set(service, "{}");
    assert_null(service->settings);
}

/* A route still targets the service: it is mentioned, and has nothing of its own. */
static void test_undeclared(void **state)
{
    struct catalog *catalog = *state;
    struct service *service = declared(catalog);
    const struct client_alias alias = {.dns_name = "api", .port = 80, .protocol = TCP};
    struct route_target *targets = calloc(1, sizeof(*targets));

    assert_non_null(targets);
    targets[0] = (struct route_target){service, 1};
    assert_int_equal(catalog_set_route(service->parent, "", &alias, targets, 1), 0);
    set(service, "{'drainSeconds':1}");
    catalog_undeclare_service(catalog, service);
    assert_ptr_equal(catalog_service(catalog, "ns", "web"), service);
    assert_null(service->settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_service_without, setup, teardown),
        cmocka_unit_test_setup_teardown(test_its_own_go_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undeclared, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
