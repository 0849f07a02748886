/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/near_names.h"

static void test_names(void **state)
{
    struct catalog *catalog = catalog_new();
    struct model_namespace *shop = catalog_make_namespace(catalog, "production");
    struct service *service = catalog_make_service(catalog, "production", "backend");
    const struct client_alias alias = {.dns_name = "storage", .port = 80};
    const struct instance *instance;

    (void)state;
    assert_null(near_service(shop, "backedn")); /* a service that is only named, by a route */
    assert_null(near_namespace(catalog, "prodction"));
    shop->is_declared = true;
    assert_int_equal(catalog_declare_service(catalog, service, &alias, 1, NULL), 0);
    instance = catalog_make_instance(catalog, service, "10.0.0.1:80");
    assert_non_null(instance);
    assert_string_equal(near_namespace(catalog, "prodction"), "production");
    assert_null(near_namespace(catalog, "testing"));
    assert_string_equal(near_service(shop, "Backend"), "backend");
    assert_null(near_service(shop, "frontend"));
    assert_null(near_service(NULL, "backend"));
    assert_string_equal(near_instance(service, "10.0.0.1:8O"), "10.0.0.1:80");
    assert_null(near_instance(service, "10.9.8.7:6"));
    assert_string_equal(near_alias(shop, "stroage"), "storage");
    assert_null(near_alias(shop, "backend"));
    assert_null(near_alias(NULL, "storage"));
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
