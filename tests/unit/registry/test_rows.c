/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Each kind of row: written, read back, refused. One test for each kind, which makes it long. */
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

static void apply(struct catalog *catalog, const char *key, const char *value)
{
    struct error error = {0};

    if (row_apply(catalog, key, value, &error) != 0)
        fail_msg("%s %s: %s", key, value ? value : "(deleted)", error.message);
}

static const char *const contents[][2] = {
    {"namespaces/ns", "{}"},
    {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"},"
                        "{\"dnsName\":\"web\",\"port\":53,\"protocol\":\"udp\"}]}"},
    {"services/ns/bare", "{\"clientAliases\":[]}"},
    {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":7,"
                           "\"health\":\"HEALTHY\"}"},
    {"instances/ns/web/rack/1/a", "{\"address\":\"fd00::5\",\"port\":65535,\"protocol\":\"udp\",\"weight\":0,"
                                  "\"health\":\"UNHEALTHY\"}"},
    {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"web\",\"weight\":90},"
                              "{\"service\":\"later\",\"weight\":65535}]}"},
    {"routes/other//api:80/udp", "{\"targets\":[]}"},
    {"services/ns/written", "{\"clientAliases\":[],\"document\":\"web-td_1.x\"}"},
    {"routes/ns/shop.v1/api:80/tcp", "{\"targets\":[{\"service\":\"bare\",\"weight\":1}]}"},
    {"routes/ns/shop.v1/web:80/tcp", "{\"targets\":[{\"service\":\"mine\",\"weight\":0}]}"},
    {"routes/ns/-crawler/api:80/tcp", "{\"targets\":[]}"},
    {"documents/ns/web-td_1.x",
     "{\"source\":\"/etc/a \\\"b\\\".json\",\"text\":\"{\\n\\t\\\"family\\\": \\\"\xc3\xa9\\\"\\n}\"}"},
    {"documents/other/web-td_1.x", "{\"source\":\"\",\"text\":\"\"}"},
    {"services/ns/looked-after",
     "{\"clientAliases\":[],\"settings\":{\"healthCheck\":{\"type\":\"http\",\"interval\":7,\"path\":\"/"
     "r\",\"expectedStatus\":204},\"ejection\":{\"failures\":3,\"windowSeconds\":30,\"baseSeconds\":30,"
     "\"maxSeconds\":300},\"drainSeconds\":0}}"},
    {"routes/other//empty:80/tcp", "{\"targets\":[],\"onEmpty\":\"unhealthy\"}"},
    {"settings/global", "{\"ejection\":{\"failures\":9,\"windowSeconds\":30,\"baseSeconds\":30,"
                        "\"maxSeconds\":300},\"connectTimeoutSeconds\":2}"},
    {"namespaces/a b", "{}"}, /* the name a/b */
    {"services/a b/web", "{\"clientAliases\":[]}"},
    {"instances/a b/web/i/1", "{\"address\":\"10.0.0.2\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,"
                              "\"health\":\"HEALTHY\"}"},
    {"routes/a b/shop/api:80/tcp", "{\"targets\":[]}"},
    {"documents/a b/web", "{\"source\":\"\",\"text\":\"\"}"},
    {"documents/other/json", "{\"source\":\"\",\"text\":\"{\\\"a\\\":\\\"\\\\u0000\\\"}\"}"},
};

static struct catalog *filled(void)
{
    struct catalog *catalog = catalog_new();

    assert_non_null(catalog);
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
        apply(catalog, contents[i][0], contents[i][1]);
    return catalog;
}

/* ---- keys ---- */

static void expect_key(const char *key, enum row_kind kind, const char *namespace_name, const char *service,
                       const char *last)
{
    const char *const wanted[] = {namespace_name, service, last};
    struct row_name name;

    assert_int_equal(row_parse_key(key, &name), 0);
    assert_int_equal(name.kind, kind);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const char *got = i == 0 ? name.namespace_name : i == 1 ? name.service : name.last;

        if (!wanted[i])
            assert_null(got);
        else
            assert_string_equal(got, wanted[i]);
    }
}

static void test_keys(void **state)
{
    (void)state;
    expect_key("namespaces/ns", ROW_NAMESPACE, "ns", NULL, NULL);
    expect_key("services/ns/web.v1", ROW_SERVICE, "ns", "web.v1", NULL);
    expect_key("instances/ns/web/a", ROW_INSTANCE, "ns", "web", "a");
    expect_key("instances/ns/web/rack/1/a", ROW_INSTANCE, "ns", "web", "rack/1/a");
    expect_key("instances/ns/web//", ROW_INSTANCE, "ns", "web", "/");
    expect_key("routes/ns//api:80/tcp", ROW_ROUTE, "ns", NULL, "api:80/tcp");
    expect_key("host/address/web.local", ROW_HOST_ADDRESS, NULL, NULL, "web.local");
    expect_key("host/scope/ns", ROW_HOST_SCOPE, NULL, NULL, "ns");
    expect_key("routes/ns/shop/api:80/tcp", ROW_ROUTE, "ns", NULL, "api:80/tcp");
    expect_key("documents/ns/web", ROW_DOCUMENT, "ns", NULL, "web");
    expect_key("host/scope/ns/shop", ROW_HOST_SCOPE, NULL, NULL, "ns/shop");
    expect_key("document/ns/web", ROW_UNKNOWN, NULL, NULL, NULL);
    expect_key("namespace", ROW_UNKNOWN, NULL, NULL, NULL);
    expect_key("settings/global", ROW_GLOBAL_SETTINGS, NULL, NULL, NULL);
    expect_key("settings/global/more", ROW_UNKNOWN, NULL, NULL, NULL);
    expect_key("settings/other", ROW_UNKNOWN, NULL, NULL, NULL);
    expect_key("", ROW_UNKNOWN, NULL, NULL, NULL);
}

static void test_client_in_a_key(void **state)
{
    struct row_name name;

    (void)state;
    assert_int_equal(row_parse_key("routes/ns//api:80/tcp", &name), 0);
    assert_string_equal(name.client, "");
    assert_int_equal(row_parse_key("routes/ns/shop.v1/api:80/tcp", &name), 0);
    assert_string_equal(name.client, "shop.v1");
    assert_int_equal(row_parse_key("documents/ns/web", &name), 0);
    assert_null(name.client);
}

static void test_slash_in_a_namespace(void **state)
{
    struct catalog *catalog = filled();
    _cleanup_free_ char *key = row_document_key("a/b", "web");

    (void)state;
    assert_non_null(catalog_service(catalog, "a/b", "web"));
    assert_non_null(catalog_instance(catalog_service(catalog, "a/b", "web"), "i/1"));
    assert_null(catalog_namespace(catalog, "a"));
    assert_string_equal(key, "documents/a b/web");
    catalog_free(&catalog);
}

static void test_keys_with_parts_missing(void **state)
{
    static const char *const bad[] = {"services/ns",      "services/",    "instances/ns/web", "instances/ns",
                                      "routes/ns/api:80", "documents/ns", "documents/"};
    struct catalog *catalog = catalog_new();
    struct row_name name;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error error = {0};

        assert_int_equal(row_parse_key(bad[i], &name), -EINVAL);
        assert_int_equal(row_apply(catalog, bad[i], "{}", &error), -EINVAL);
        assert_non_null(strstr(error.message, bad[i]));
    }
    assert_null(catalog->namespaces);
    catalog_free(&catalog);
}

static void test_key_length(void **state)
{
    char key[ROW_KEY_SIZE + 1];
    struct row_name name;

    (void)state;
    memset(key, 'x', sizeof(key));
    memcpy(key, "instances/ns/web/", 17);
    key[ROW_KEY_SIZE] = '\0';
    assert_int_equal(row_parse_key(key, &name), -EINVAL);
    key[ROW_KEY_SIZE - 1] = '\0';
    assert_int_equal(row_parse_key(key, &name), 0);
    assert_int_equal(strlen(name.last), ROW_KEY_SIZE - 1 - 17);
}

/* ---- writing and reading back ---- */

/* What is written for every thing in the catalog makes the same catalog elsewhere, byte for byte the same
 * rows. */
static void test_round_trip(void **state)
{
    struct catalog *catalog = filled();
    struct catalog *copy = catalog_new();
    _cleanup_free_ char *wanted = catalog_text(catalog);
    _cleanup_free_ char *got = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        _cleanup_(row_done) struct registry_row row = {0};

        assert_int_equal(row_of_catalog(catalog, contents[i][0], &row), 0);
        assert_string_equal(row.key, contents[i][0]);
        assert_string_equal(row.value, contents[i][1]);
        apply(copy, row.key, row.value);
    }
    got = catalog_text(copy);
    assert_string_equal(got, wanted);
    catalog_free(&catalog);
    catalog_free(&copy);
}

/* A load goes by key order, a watch by time: the result must be the same. */
static void test_order_of_arrival(void **state)
{
    struct catalog *catalog = filled();
    struct catalog *backwards = catalog_new();
    _cleanup_free_ char *wanted = catalog_text(catalog);
    _cleanup_free_ char *got = NULL;

    (void)state;
    for (size_t i = ARRAY_SIZE(contents); i-- > 0;)
        apply(backwards, contents[i][0], contents[i][1]);
    got = catalog_text(backwards);
    assert_string_equal(got, wanted);
    catalog_free(&catalog);
    catalog_free(&backwards);
}

/* What is usual is not written: rows look as they did before there were settings. */
static void test_usual_settings_are_not_written(void **state)
{
    struct catalog *catalog = catalog_new();
    _cleanup_(row_done) struct registry_row service = {0};
    _cleanup_(row_done) struct registry_row route = {0};
    _cleanup_(row_done) struct registry_row global = {0};

    (void)state;
    apply(catalog, "services/ns/web", "{\"clientAliases\":[],\"settings\":{\"drainSeconds\":20}}");
    assert_null(catalog_service(catalog, "ns", "web")->settings);
    apply(catalog, "routes/ns//api:80/tcp", "{\"targets\":[],\"onEmpty\":\"refuse\"}");
    apply(catalog, "settings/global", "{\"ejection\":{\"failures\":5},\"connectTimeoutSeconds\":0}");
    assert_int_equal(row_of_catalog(catalog, "services/ns/web", &service), 0);
    assert_string_equal(service.value, "{\"clientAliases\":[]}");
    assert_int_equal(row_of_catalog(catalog, "routes/ns//api:80/tcp", &route), 0);
    assert_string_equal(route.value, "{\"targets\":[]}");
    assert_int_equal(row_of_catalog(catalog, "settings/global", &global), 0);
    assert_null(global.value);
    catalog_free(&catalog);
}

static void expect_row(struct registry_row *row, int r, const char *key, const char *value)
{
    assert_int_equal(r, 0);
    assert_string_equal(row->key, key);
    if (value)
        assert_string_equal(row->value, value);
    else
        assert_null(row->value);
    row_done(row);
    assert_null(row->key);
}

static void test_rows_without_a_catalog(void **state)
{
    struct registry_row row;

    (void)state;
    expect_row(&row, row_for_namespace("ns", NULL, &row), "namespaces/ns", "{}");
    expect_row(&row, row_for_host_number(ROW_HOST_ADDRESS, "web", 4294967295u, &row), "host/address/web",
               "4294967295");
    expect_row(&row, row_for_host_number(ROW_HOST_SCOPE, "ns", 1, &row), "host/scope/ns", "1");
    expect_row(&row, row_delete_service("ns", "web", &row), "services/ns/web", NULL);
    expect_row(&row, row_delete_instance("ns", "web", "a/b", &row), "instances/ns/web/a/b", NULL);
    expect_row(&row, row_delete_route("ns", "shop", "api:80/tcp", &row), "routes/ns/shop/api:80/tcp", NULL);
    expect_row(&row, row_for_host_number(ROW_HOST_SCOPE, "ns/shop", 7, &row), "host/scope/ns/shop", "7");
    expect_row(&row, row_for_document("ns", "web", "", "\"\n", &row), "documents/ns/web",
               "{\"source\":\"\",\"text\":\"\\\"\\n\"}");
    expect_row(&row, row_delete_document("ns", "web", &row), "documents/ns/web", NULL);
    expect_row(&row, row_delete_route("ns", "", "api:80/tcp", &row), "routes/ns//api:80/tcp", NULL);
}

static void test_members_left_out(void **state)
{
    struct catalog *catalog = catalog_new();
    const struct instance *instance;

    (void)state;
    apply(catalog, "instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":1}");
    instance = catalog_instance(catalog_service(catalog, "ns", "web"), "a");
    assert_int_equal(instance->weight, 1);
    assert_int_equal(instance->health, HEALTHY);
    assert_int_equal(instance->protocol, TCP);
    assert_false(instance->service->is_declared);
    /* Members of a newer version are no reason to lose the instance. */
    apply(catalog, "instances/ns/web/a", "{\"address\":\"10.0.0.2\",\"port\":2,\"attributes\":{}}");
    assert_int_equal(instance->port, 2);
    apply(catalog, "services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"WEB\",\"port\":80}]}");
    assert_non_null(catalog_alias_owner(catalog_namespace(catalog, "ns"), "web:80/tcp"));
    assert_null(instance->service->document);
    apply(catalog, "services/ns/web",
          "{\"settings\":{\"later\":1,\"healthCheck\":{\"type\":\"tcp\",\"later\":1},\"drainSeconds\":4}}");
    assert_int_equal(service_get_settings(instance->service)->drain_ms, 4000);
    assert_int_equal(service_get_settings(instance->service)->check.type, HEALTH_CHECK_TCP);
    apply(catalog, "documents/ns/web", "{\"text\":\"t\",\"appliedAt\":5}");
    assert_string_equal(catalog_document(catalog_namespace(catalog, "ns"), "web")->source, "");
    catalog_free(&catalog);
}

/* The number in the data path belongs to the name, not to what is registered under it at the moment. */
static void test_replacing_keeps_the_endpoint_number(void **state)
{
    struct catalog *catalog = filled();
    struct instance *instance = catalog_instance(catalog_service(catalog, "ns", "web"), "a");

    (void)state;
    instance->endpoint = 17;
    apply(catalog, "instances/ns/web/a", "{\"address\":\"10.9.9.9\",\"port\":9,\"weight\":3}");
    assert_ptr_equal(catalog_instance(catalog_service(catalog, "ns", "web"), "a"), instance);
    assert_int_equal(instance->endpoint, 17);
    assert_int_equal(instance->weight, 3);
    assert_int_equal(catalog->n_instances, 3);
    catalog_free(&catalog);
}

static void test_rows_of_this_host(void **state)
{
    (void)state;
    assert_true(row_is_of_host("host/address/web"));
    assert_true(row_is_of_host("host/resolved/ns/web/a"));
    assert_false(row_is_of_host("host"));
    assert_false(row_is_of_host("services/host/web"));
    assert_false(row_is_of_host("instances/ns/web/host/a"));
}

static void test_rows_that_leave_the_catalog_alone(void **state)
{
    struct catalog *catalog = filled();
    _cleanup_free_ char *before = catalog_text(catalog);
    _cleanup_free_ char *after = NULL;

    (void)state;
    apply(catalog, "host/address/web", "5");
    apply(catalog, "host/scope/ns", "not a number");
    apply(catalog, "host/scope/ns", NULL);
    apply(catalog, "host/scope/ns/shop.v1", "5");
    apply(catalog, "tasks/ns/web", "not JSON");
    apply(catalog, "documents/ns/unknown", NULL);
    apply(catalog, "documents/nowhere/web", NULL);
    apply(catalog, "routes/ns/shop.v1/unknown:80/tcp", NULL);
    apply(catalog, "routes/ns/unknown/api:80/tcp", NULL);
    apply(catalog, "routes/nowhere/shop.v1/api:80/tcp", NULL);
    apply(catalog, "instances/ns/web/unknown", NULL);
    apply(catalog, "instances/ns/unknown/a", NULL);
    apply(catalog, "services/nowhere/web", NULL);
    apply(catalog, "routes/ns//unknown:80/tcp", NULL);
    after = catalog_text(catalog);
    assert_string_equal(after, before);
    catalog_free(&catalog);
}

/* ---- undoing ---- */

static const char *const changes[][2] = {
    {"instances/ns/web/a", "{\"address\":\"10.0.0.9\",\"port\":9,\"weight\":1,\"health\":\"UNHEALTHY\"}"},
    {"instances/ns/web/a", NULL},
    {"instances/ns/web/rack/1/a", NULL},
    {"instances/ns/web/new", "{\"address\":\"10.0.0.9\",\"port\":9}"},
    {"instances/ns/later/a", "{\"address\":\"10.0.0.9\",\"port\":9}"},
    {"services/ns/web", NULL},
    {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"other\",\"port\":1}]}"},
    {"services/ns/bare", NULL},
    {"services/ns/later", "{\"clientAliases\":[{\"dnsName\":\"later\",\"port\":1}]}"},
    {"routes/ns//api:80/tcp", NULL},
    {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"bare\",\"weight\":1}]}"},
    {"routes/ns//web:80/tcp", "{\"targets\":[{\"service\":\"fresh\",\"weight\":1}]}"},
    {"routes/other//api:80/udp", NULL},
    {"services/ns/written", "{\"clientAliases\":[],\"document\":\"other\"}"},
    {"services/ns/written", "{\"clientAliases\":[]}"},
    {"services/ns/written", NULL},
    {"routes/ns/-crawler/api:80/tcp", NULL}, /* its last */
    {"routes/ns/shop.v1/api:80/tcp", NULL},
    {"routes/ns/shop.v1/api:80/tcp", "{\"targets\":[{\"service\":\"fresh\",\"weight\":1}]}"},
    {"routes/ns/shop.v1/web:80/tcp", NULL},
    {"routes/ns/fresh/web:80/tcp", "{\"targets\":[{\"service\":\"later\",\"weight\":1}]}"},
    {"routes/other/shop.v1/api:80/udp", "{\"targets\":[]}"},
    {"documents/ns/web-td_1.x", "{\"source\":\"elsewhere\",\"text\":\"{}\"}"},
    {"documents/ns/web-td_1.x", NULL},
    {"documents/ns/fresh", "{\"text\":\"{}\"}"},
    {"services/ns/looked-after", "{\"clientAliases\":[]}"},
    {"services/ns/looked-after", "{\"clientAliases\":[],\"settings\":{\"drainSeconds\":1}}"},
    {"services/ns/looked-after", NULL},
    {"services/ns/bare", "{\"clientAliases\":[],\"settings\":{\"drainSeconds\":1}}"},
    {"routes/other//empty:80/tcp", "{\"targets\":[]}"},
    {"routes/other//api:80/udp", "{\"targets\":[],\"onEmpty\":\"unhealthy\"}"},
    {"settings/global", "{\"connectTimeoutSeconds\":3}"},
    {"settings/global", NULL},
    {"namespaces/ns", NULL},
    {"namespaces/other", "{}"},
};

static void test_undo_of_one_row(void **state)
{
    struct catalog *catalog = filled();
    _cleanup_free_ char *before = catalog_text(catalog);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        _cleanup_(row_done) struct registry_row undo = {0};
        _cleanup_free_ char *changed = NULL;
        _cleanup_free_ char *after = NULL;

        assert_int_equal(row_of_catalog(catalog, changes[i][0], &undo), 0);
        apply(catalog, changes[i][0], changes[i][1]);
        changed = catalog_text(catalog);
        assert_string_not_equal(changed, before);
        apply(catalog, undo.key, undo.value);
        after = catalog_text(catalog);
        assert_string_equal(after, before);
    }
    catalog_free(&catalog);
}

/* A transaction: all changes one on the other, then all undone in reverse. */
static void test_undo_of_many_rows(void **state)
{
    struct catalog *catalog = filled();
    struct registry_row undo[ARRAY_SIZE(changes)];
    _cleanup_free_ char *before = catalog_text(catalog);
    _cleanup_free_ char *after = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(row_of_catalog(catalog, changes[i][0], &undo[i]), 0);
        apply(catalog, changes[i][0], changes[i][1]);
    }
    for (size_t i = ARRAY_SIZE(changes); i-- > 0;) {
        apply(catalog, undo[i].key, undo[i].value);
        row_done(&undo[i]);
    }
    after = catalog_text(catalog);
    assert_string_equal(after, before);
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_client_in_a_key),
        cmocka_unit_test(test_slash_in_a_namespace),
        cmocka_unit_test(test_keys_with_parts_missing),
        cmocka_unit_test(test_key_length),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_order_of_arrival),
        cmocka_unit_test(test_usual_settings_are_not_written),
        cmocka_unit_test(test_rows_without_a_catalog),
        cmocka_unit_test(test_members_left_out),
        cmocka_unit_test(test_replacing_keeps_the_endpoint_number),
        cmocka_unit_test(test_rows_of_this_host),
        cmocka_unit_test(test_rows_that_leave_the_catalog_alone),
        cmocka_unit_test(test_undo_of_one_row),
        cmocka_unit_test(test_undo_of_many_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
