/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is no row of ours: refused, the member named, and nothing changed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/rows.h"
#include "catalog_text.h"

struct bad_row {
    const char *key;
    const char *value;
    const char *member; /* that the error names, at whatever depth */
};

static int setup(void **state)
{
    static const char *const contents[][2] = {
        {"namespaces/ns", "{}"},
        {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80}]}"},
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":8080,\"weight\":7}"},
        {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"web\",\"weight\":1}]}"},
        {"routes/ns/other/api:80/tcp", "{\"targets\":[{\"service\":\"v1\",\"weight\":1}]}"},
        {"documents/ns/web", "{\"source\":\"web.json\",\"text\":\"{}\"}"},
    };
    struct catalog *catalog = catalog_new();

    *state = catalog;
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
        if (!catalog || row_apply(catalog, contents[i][0], contents[i][1], NULL) < 0)
            return -1;
    return 0;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return 0;
}

/* All of the list is gone through, so that one run shows every row that slips through. */
static void expect_refused(struct catalog *catalog, const struct bad_row *rows, size_t n)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *before = catalog_text(catalog);
        _cleanup_free_ char *after = NULL;
        struct error error = {0};
        int r = row_apply(catalog, rows[i].key, rows[i].value, &error);

        after = catalog_text(catalog);
        if (r == -EINVAL && error.message[0] && strstr(error.field, rows[i].member) &&
            strcmp(before, after) == 0)
            continue;
        wrong++;
        print_error("%s %s\n  returned %d, field \"%s\", message \"%s\"\n", rows[i].key, rows[i].value, r,
                    error.field, error.message);
        if (strcmp(before, after) != 0)
            print_error("  changed the catalog\n");
    }
    assert_int_equal(wrong, 0);
}

static void test_what_is_not_json(void **state)
{
    static const struct bad_row rows[] = {
        {"services/ns/web", "", ""},
        {"services/ns/web", "{", ""},
        {"instances/ns/web/a", "{} x", ""},
        {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"v\\u0000\"}]}", ""},
        {"namespaces/other", "nonsense", ""},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

static void test_values_of_the_wrong_kind(void **state)
{
    static const struct bad_row rows[] = {
        {"services/ns/web", "5", ""},
        {"services/ns/web", "[]", ""},
        {"services/ns/new", "null", ""},
        {"services/ns/web", "{\"clientAliases\":5}", "clientAliases"},
        {"services/ns/web", "{\"clientAliases\":{\"dnsName\":\"web\",\"port\":80}}", "clientAliases"},
        {"services/ns/web", "{\"clientAliases\":\"web\"}", "clientAliases"},
        {"instances/ns/web/a", "[]", ""},
        {"routes/ns//api:80/tcp", "[]", ""},
        {"routes/ns//api:80/tcp", "{}", "targets"},
        {"routes/ns//api:80/tcp", "{\"targets\":5}", "targets"},
        {"routes/ns//api:80/tcp", "{\"targets\":{\"service\":\"web\",\"weight\":1}}", "targets"},
        {"namespaces/other", "5", ""},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

#define ALIAS(members) "{\"clientAliases\":[{\"dnsName\":\"good\",\"port\":1},{" members "}]}"

static void test_bad_aliases(void **state)
{
    static const struct bad_row rows[] = {
        {"services/ns/web", "{\"clientAliases\":[5]}", "dnsName"},
        {"services/ns/web", ALIAS("\"port\":80"), "dnsName"},
        {"services/ns/web", ALIAS("\"dnsName\":5,\"port\":80"), "dnsName"},
        {"services/ns/web", ALIAS("\"dnsName\":\"\",\"port\":80"), "dnsName"},
        {"services/ns/web", ALIAS("\"dnsName\":\"a b\",\"port\":80"), "dnsName"},
        {"services/ns/web", ALIAS("\"dnsName\":\"10.0.0.1\",\"port\":80"), "dnsName"},
        {"services/ns/web",
         ALIAS("\"dnsName\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"port\":80"),
         "dnsName"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\""), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":0"), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":65536"), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":-80"), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":80.5"), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":\"80\""), "port"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":80,\"protocol\":\"TCP\""), "protocol"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":80,\"protocol\":\"icmp\""), "protocol"},
        {"services/ns/web", ALIAS("\"dnsName\":\"web\",\"port\":80,\"protocol\":null"), "protocol"},
        {"services/ns/new", ALIAS("\"dnsName\":\"web\""), "port"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

#define INSTANCE(members) "{\"address\":\"10.0.0.2\",\"port\":80," members "}"

static void test_bad_instances(void **state)
{
    static const struct bad_row rows[] = {
        {"instances/ns/web/a", "{}", "address"},
        {"instances/ns/web/a", "{\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":5,\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"\",\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"localhost\",\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1:80\",\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1\"}", "port"},
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":0}", "port"},
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":65536}", "port"},
        {"instances/ns/web/a", INSTANCE("\"weight\":-1"), "weight"},
        {"instances/ns/web/a", INSTANCE("\"weight\":65536"), "weight"},
        {"instances/ns/web/a", INSTANCE("\"weight\":0.5"), "weight"},
        {"instances/ns/web/a", INSTANCE("\"weight\":\"1\""), "weight"},
        {"instances/ns/web/a", INSTANCE("\"weight\":null"), "weight"},
        {"instances/ns/web/a", INSTANCE("\"health\":5"), "health"},
        {"instances/ns/web/a", INSTANCE("\"health\":\"DOWN\""), "health"},
        {"instances/ns/web/a", INSTANCE("\"health\":\"\""), "health"},
        {"instances/ns/web/a", INSTANCE("\"protocol\":\"sctp\""), "protocol"},
        {"instances/ns/fresh/a", INSTANCE("\"weight\":-1"), "weight"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

#define TARGETS(members) "{\"targets\":[{\"service\":\"web\",\"weight\":2},{" members "}]}"

static void test_bad_routes(void **state)
{
    static const struct bad_row rows[] = {
        {"routes/ns//api:80/tcp", "{\"targets\":[5]}", "service"},
        {"routes/ns//api:80/tcp", TARGETS("\"weight\":1"), "service"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"\",\"weight\":1"), "service"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"a/b\",\"weight\":1"), "service"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"v2\""), "weight"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"v2\",\"weight\":-1"), "weight"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"v2\",\"weight\":65536"), "weight"},
        {"routes/ns//api:80/tcp", TARGETS("\"service\":\"v2\",\"weight\":1.5"), "weight"},
        {"routes/ns//new:80/tcp", TARGETS("\"service\":\"v2\",\"weight\":\"1\""), "weight"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

/* A target before the bad one must not come into being. */
static void test_bad_target_after_a_new_service(void **state)
{
    static const struct bad_row rows[] = {
        {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"fresh\",\"weight\":1},{\"service\":\"\"}]}",
         "service"},
        {"routes/ns//api:80/tcp",
         "{\"targets\":[{\"service\":\"fresh\",\"weight\":1},{\"service\":\"web\"}]}", "weight"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

static void test_bad_alias_in_a_route_key(void **state)
{
    static const char *const identities[] = {
        "",
        "api",
        "api:80",
        "api/tcp",
        "api:0/tcp",
        "api:65536/tcp",
        "api:080/tcp",
        "api:80/sctp",
        "api:80/",
        ":80/tcp",
        "api:/tcp",
        "a b:80/tcp",
        "10.0.0.1:80/tcp",
        "api:80:80/tcp",
        "api:8888888888/tcp",
        "api:80/tcp/tcp",
        "api:80/TCP",
    };

    for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
        char key[128];
        const struct bad_row row = {key, "{\"targets\":[{\"service\":\"fresh\",\"weight\":1}]}", "alias"};

        (void)snprintf(key, sizeof(key), "routes/ns//%s", identities[i]);
        expect_refused(*state, &row, 1);
    }
}

/* A name is found by its key's bytes: what would be stored under another name cannot be undone or deleted. */
static void test_route_key_in_capitals(void **state)
{
    struct catalog *catalog = *state;
    _cleanup_free_ char *before = catalog_text(catalog);
    _cleanup_free_ char *after = NULL;
    _cleanup_(row_done) struct registry_row undo = {0};

    assert_int_equal(row_of_catalog(catalog, "routes/ns//API:80/tcp", &undo), 0);
    (void)row_apply(catalog, "routes/ns//API:80/tcp", "{\"targets\":[]}", NULL);
    assert_int_equal(row_apply(catalog, undo.key, undo.value, NULL), 0);
    after = catalog_text(catalog);
    assert_string_equal(after, before);
}

static const char *target_for(const struct catalog *catalog, const char *client)
{
    const struct model_namespace *parent = catalog_namespace(catalog, "ns");
    struct route_target single;
    size_t n = 0;
    const struct route_target *targets =
        catalog_alias_targets(parent, catalog_client(parent, client), "api:80/tcp", &single, &n);

    assert_int_equal(n, 1);
    return targets[0].service->name;
}

/* Taken for the namespace's, such a row would send every other client elsewhere. */
static void test_route_of_one_client(void **state)
{
    static const char key[] = "routes/ns/client/api:80/tcp";
    struct catalog *catalog = *state;
    _cleanup_free_ char *before = catalog_text(catalog);
    _cleanup_free_ char *deleted = NULL;

    assert_int_equal(row_apply(catalog, key, "{\"targets\":[{\"service\":\"v2\",\"weight\":5}]}", NULL), 0);
    assert_string_equal(target_for(catalog, "client"), "v2");
    assert_string_equal(target_for(catalog, "other"), "v1");
    assert_string_equal(target_for(catalog, "nobody"), "web");
    assert_int_equal(row_apply(catalog, "routes/ns//api:80/tcp", NULL, NULL), 0);
    assert_string_equal(target_for(catalog, "client"), "v2");
    assert_int_equal(row_apply(catalog, "routes/ns//api:80/tcp",
                               "{\"targets\":[{\"service\":\"web\",\"weight\":1}]}", NULL),
                     0);
    assert_int_equal(row_apply(catalog, key, NULL, NULL), 0);
    deleted = catalog_text(catalog);
    assert_string_equal(deleted, before);
}

/* Refused, a client's route must leave neither the client nor its targets behind. */
static void test_bad_routes_of_clients(void **state)
{
    static const struct bad_row rows[] = {
        {"routes/ns/new/api:80/tcp", "{}", "targets"},
        {"routes/ns/new/api:80/tcp", TARGETS("\"service\":\"fresh\""), "weight"},
        {"routes/ns/other/api:80/tcp", TARGETS("\"service\":\"fresh\",\"weight\":65536"), "weight"},
        {"routes/ns/new/api:80", "{\"targets\":[]}", "alias"},
        {"routes/ns/new//api:80/tcp", "{\"targets\":[]}", "alias"},
        {"routes/ns/a b/api:80/tcp", "{\"targets\":[]}", "client"},
        {"routes/ns/a@b/api:80/tcp", "{\"targets\":[]}", "client"},
        {"routes//new/api:80/tcp", "{\"targets\":[]}", "namespace"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

static void test_bad_settings(void **state)
{
    static const struct bad_row rows[] = {
        {"services/ns/web", "{\"settings\":5}", "settings"},
        {"services/ns/web", "{\"settings\":{\"drainSeconds\":-1}}", "settings.drainSeconds"},
        {"services/ns/web", "{\"settings\":{\"healthCheck\":{\"type\":\"http\",\"path\":\"a b\"}}}",
         "settings.healthCheck.path"},
        {"services/ns/new", "{\"settings\":{\"ejection\":{\"failures\":256}}}", "settings.ejection.failures"},
        {"settings/global", "[]", ""},
        {"settings/global", "{\"ejection\":5}", "ejection"},
        {"settings/global", "{\"connectTimeoutSeconds\":128}", "connectTimeoutSeconds"},
        {"routes/ns//api:80/tcp", "{\"targets\":[],\"onEmpty\":\"pass\"}", "onEmpty"},
        {"routes/ns//api:80/tcp", "{\"targets\":[],\"onEmpty\":true}", "onEmpty"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

static void test_bad_documents(void **state)
{
    static const struct bad_row rows[] = {
        {"documents/ns/web", "nonsense", ""},
        {"documents/ns/web", "[]", ""},
        {"documents/ns/web", "{}", "text"},
        {"documents/ns/web", "{\"source\":\"x\"}", "text"},
        {"documents/ns/web", "{\"text\":{}}", "text"},
        {"documents/ns/web", "{\"text\":null}", "text"},
        {"documents/ns/web", "{\"text\":\"\",\"source\":5}", "source"},
        {"documents/ns/new", "{\"text\":\"\",\"source\":[]}", "source"},
        {"documents/ns/", "{\"text\":\"\"}", "document"},
        {"documents/ns/a b", "{\"text\":\"\"}", "document"},
        {"documents/ns/a/b", "{\"text\":\"\"}", "document"},
        {"documents//web", "{\"text\":\"\"}", "namespace"},
        {"services/ns/web", "{\"clientAliases\":[],\"document\":5}", "document"},
        {"services/ns/new", "{\"clientAliases\":[],\"document\":[\"a\"]}", "document"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

/* Rows may come from another host or version: what the API would refuse is refused here too. */
static void test_names_and_addresses_are_checked_again(void **state)
{
    static const struct bad_row rows[] = {
        {"services/ns/", "{\"clientAliases\":[]}", ""},
        {"services/ns/a b", "{\"clientAliases\":[]}", ""},
        {"services/a\tb/web", "{\"clientAliases\":[]}", ""},
        {"services//web", "{\"clientAliases\":[]}", ""},
        {"instances/ns/web/", INSTANCE("\"weight\":1"), ""},
        {"instances/ns/web/a b", INSTANCE("\"weight\":1"), ""},
        {"instances/ns/web/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         INSTANCE("\"weight\":1"), ""},
        {"namespaces/", "{}", ""},
        {"namespaces/a/b", "{}", ""},
        {"instances/ns/web/a", "{\"address\":\"0.0.0.0\",\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"::\",\"port\":80}", "address"},
        {"instances/ns/web/a", "{\"address\":\"224.0.0.1\",\"port\":80}", "address"},
    };

    expect_refused(*state, rows, ARRAY_SIZE(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_not_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_of_the_wrong_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_aliases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_instances, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_target_after_a_new_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_alias_in_a_route_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_key_in_capitals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_of_one_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_routes_of_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_and_addresses_are_checked_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
