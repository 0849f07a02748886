/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/service_names.h"

static const char *made(const char *suffixes, const char *namespace_name)
{
    static char text[4096];
    char **list = NULL;

    text[0] = '\0';
    assert_int_equal(name_suffixes_make(suffixes, "eu-west-1", namespace_name, &list), 0);
    for (char **item = list; *item; item++)
        strcat(strcat(text, *item), " ");
    free(list);
    return text;
}

static void test_suffixes(void **state)
{
    (void)state;
    assert_string_equal(
        made(NAME_SUFFIXES_USUAL, "shop"),
        "shop shop.svc.cluster.local default.svc.cluster.local shop.eu-west-1.ecs.amazonaws.com ");
    assert_string_equal(made("NAMESPACE,x.NAMESPACE.REGION", "Shop.Local"),
                        "shop.local x.shop.local.eu-west-1 ");
    assert_string_equal(made("", "shop"), "");
    /* A namespace may be no DNS name: what has it in it is left out. */
    assert_string_equal(made("NAMESPACE,plain", "a$b"), "plain ");
    assert_string_equal(
        made("NAMESPACE.NAMESPACE,plain",
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        "plain ");
}

static void test_what_is_configured(void **state)
{
    static const char *const bad[] = {
        "a,,b", ",", "a b", "-a", "a..b", "a.", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};
    static const char *const bad_regions[] = {"", "a.b", "A b", "-a"};

    (void)state;
    assert_int_equal(name_suffixes_check("f", NAME_SUFFIXES_USUAL, NULL), 0);
    assert_int_equal(name_suffixes_check("f", "", NULL), 0);
    assert_int_equal(name_region_check("f", NAME_REGION_USUAL, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(name_suffixes_check("f", bad[i], NULL), -EINVAL);
    for (size_t i = 0; i < sizeof(bad_regions) / sizeof(bad_regions[0]); i++)
        assert_int_equal(name_region_check("f", bad_regions[i], NULL), -EINVAL);
}

static void test_services(void **state)
{
    struct catalog *catalog = catalog_new();
    const struct client_alias aliases[] = {{"taken", 80, TCP}, {"own", 80, TCP}};
    _cleanup_free_ struct service_name *names = NULL;
    size_t n = 0;

    (void)state;
    (void)catalog_declare_service(catalog, catalog_make_service(catalog, "ns", "first"), aliases, 1, NULL);
    (void)catalog_declare_service(catalog, catalog_make_service(catalog, "ns", "Second"), aliases, 2, NULL);
    (void)catalog_declare_service(catalog, catalog_make_service(catalog, "ns", "bare"), NULL, 0, NULL);
    (void)catalog_declare_service(catalog, catalog_make_service(catalog, "ns", "BARE"), NULL, 0, NULL);
    (void)catalog_make_service(catalog, "ns", "mentioned");
    assert_int_equal(service_names_list(catalog_namespace(catalog, "ns"), &names, &n), 0);
    assert_int_equal(n, 3);
    assert_string_equal(names[0].name, "bare");
    assert_null(names[0].alias);
    assert_string_equal(names[1].name, "first");
    assert_string_equal(names[1].alias->dns_name, "taken");
    assert_string_equal(names[2].name, "second");
    assert_string_equal(names[2].alias->dns_name, "own");
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suffixes),
        cmocka_unit_test(test_what_is_configured),
        cmocka_unit_test(test_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
