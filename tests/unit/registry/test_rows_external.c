/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/catalog_aws.h"
#include "model/catalog_external.h"
#include "registry/rows.h"

#define KEY "instances/ns/db/x"
#define ROW                                                                                                  \
    "{\"host\":\"db.example.net\",\"port\":5432,\"protocol\":\"tcp\",\"weight\":3,\"health\":\"HEALTHY\"}"

static struct instance *applied(struct catalog *catalog, const char *value)
{
    const struct service *service;

    assert_int_equal(row_apply(catalog, KEY, value, NULL), 0);
    service = catalog_service(catalog, "ns", "db");
    return service ? catalog_record(service, "x") : NULL;
}

static void give(struct instance *record, uint32_t first, size_t n)
{
    struct external_address addresses[4] = {0};

    for (size_t i = 0; i < n; i++)
        addresses[i].address = ip_address_from_v4(first + (uint32_t)i);
    assert_int_equal(catalog_set_addresses(record, addresses, n), 0);
}

static void expect_row(const struct catalog *catalog, const char *value)
{
    struct registry_row row;

    assert_int_equal(row_of_catalog(catalog, KEY, &row), 0);
    assert_string_equal(row.value, value);
    row_done(&row);
}

static void test_addresses_are_like_their_record(void **state)
{
    struct catalog *catalog = catalog_new();
    struct instance *record = applied(catalog, ROW);
    struct service *service = record->service;
    struct instance *kept;
    char key[EXTERNAL_KEY_SIZE];

    (void)state;
    assert_string_equal(record->host, "db.example.net");
    assert_int_equal(catalog->n_instances, 0);
    assert_int_equal(catalog->n_externals, 1);
    expect_row(catalog, ROW);
    give(record, 0x0a000001, 2);
    assert_int_equal(catalog->n_instances, 2);
    kept = catalog_instance(service, "x#10.0.0.2");
    assert_non_null(kept);
    assert_string_equal(external_key("x", &kept->address, key), "x#10.0.0.2");
    assert_string_equal(instance_id(kept), "x");
    assert_true(kept->port == 5432 && kept->weight == 3 && kept->health == HEALTHY);
    kept->endpoint = 77;
    give(record, 0x0a000002, 2);
    assert_null(catalog_instance(service, "x#10.0.0.1"));
    assert_ptr_equal(catalog_instance(service, "x#10.0.0.2"), kept);
    assert_int_equal(kept->endpoint, 77);
    assert_int_equal(record->n_addresses, 2);
    /* Another weight, another health: theirs too. */
    assert_ptr_equal(applied(catalog, "{\"host\":\"db.example.net\",\"port\":5433,\"weight\":9,"
                                      "\"health\":\"UNHEALTHY\",\"draining\":{\"until\":99,\"kill\":true}}"),
                     record);
    assert_true(kept->port == 5433 && kept->weight == 9 && kept->health == UNHEALTHY);
    assert_true(kept->drain_until == 99 && kept->is_drain_kill);
    assert_ptr_equal(applied(catalog, ROW), record);
    assert_true(kept->drain_until == 0 && !kept->is_drain_kill && record->n_addresses == 2);
    expect_row(catalog, ROW);
    catalog_free(&catalog);
}

static void test_what_leaves_keeps_its_own_end(void **state)
{
    struct catalog *catalog = catalog_new();
    struct instance *record = applied(catalog, ROW);
    struct external_address addresses[] = {{ip_address_from_v4(0x0a000001), 0},
                                           {ip_address_from_v4(0x0a000002), 50}};

    (void)state;
    assert_int_equal(catalog_set_addresses(record, addresses, 2), 0);
    assert_int_equal(external_find(record, &addresses[0].address)->drain_until, 0);
    assert_int_equal(external_find(record, &addresses[1].address)->drain_until, 50);
    catalog_share_external(record);
    assert_int_equal(external_find(record, &addresses[1].address)->drain_until, 50);
    /* Health of the whole: the best of those that stay. */
    external_find(record, &addresses[0].address)->observed = UNHEALTHY;
    assert_int_equal(instance_health(record), UNHEALTHY);
    addresses[1].leaves_at = 0;
    assert_int_equal(catalog_set_addresses(record, addresses, 2), 0);
    assert_int_equal(external_find(record, &addresses[1].address)->drain_until, 0);
    assert_int_equal(instance_health(record), HEALTHY);
    catalog_free(&catalog);
}

static void test_one_id_is_one_kind(void **state)
{
    struct catalog *catalog = catalog_new();
    struct instance *record = applied(catalog, ROW);
    struct service *service = record->service;

    (void)state;
    give(record, 0x0a000001, 2);
    /* Another host has no addresses yet. */
    assert_ptr_equal(applied(catalog, "{\"host\":\"other.example.net\",\"port\":1}"), record);
    assert_int_equal(record->n_addresses, 0);
    give(record, 0x0a000001, 2);
    assert_null(applied(catalog, "{\"address\":\"10.0.0.9\",\"port\":1}"));
    assert_int_equal(HASH_COUNT(service->instances), 1);
    assert_int_equal(catalog->n_externals, 0);
    assert_int_equal(catalog->n_instances, 1);
    record = applied(catalog, ROW);
    assert_int_equal(HASH_COUNT(service->instances), 0);
    give(record, 0x0a000001, 2);
    record = applied(catalog, "{\"attributes\":{\"AWS_INSTANCE_CNAME\":\"a.b\"}}");
    assert_true(record && !record->host && record->n_addresses == 0 && catalog->n_instances == 0);
    record = applied(catalog, ROW);
    give(record, 0x0a000001, 2);
    assert_null(applied(catalog, NULL));
    assert_null(catalog_service(catalog, "ns", "db"));
    assert_int_equal(catalog->n_instances, 0);
    assert_int_equal(catalog->n_externals, 0);
    catalog_free(&catalog);
}

static void test_bad_rows_change_nothing(void **state)
{
    static const char *const bad[] = {
        "{\"host\":\"a b\",\"port\":1}",
        "{\"host\":\"10.0.0.300\",\"port\":1}",
        "{\"host\":7,\"port\":1}",
        "{\"host\":\"\",\"port\":1}",
        "{\"host\":\"db.example.net\"}",
        "{\"host\":\"db.example.net\",\"port\":0}",
        "{\"host\":\"db.example.net\",\"address\":\"10.0.0.1\",\"port\":1}",
    };
    struct catalog *catalog = catalog_new();
    struct error error = {0};

    (void)state;
    (void)applied(catalog, ROW);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(row_apply(catalog, KEY, bad[i], &error), -22);
        expect_row(catalog, ROW);
    }
    /* The id of an address is none that an instance can have. */
    assert_int_equal(row_apply(catalog, "instances/ns/db/x#10.0.0.1", ROW, &error), -22);
    catalog_free(&catalog);
}

static void test_what_was_found_comes_back(void **state)
{
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES];
    struct ip_address back[EXTERNAL_MAX_ADDRESSES];
    char host[MODEL_HOST_NAME_MAX + 1];
    struct registry_row row;
    struct row_name name;
    size_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < EXTERNAL_MAX_ADDRESSES; i++)
        addresses[i] = ip_address_from_v4(0x0a000000 + i);
    addresses[3].bytes[0] = 0xfd;
    assert_int_equal(row_for_resolved("ns/db/a/b", "db.example.net", addresses, EXTERNAL_MAX_ADDRESSES, &row),
                     0);
    assert_string_equal(row.key, "host/resolved/ns/db/a/b");
    assert_int_equal(row_parse_key(row.key, &name), 0);
    assert_int_equal(name.kind, ROW_HOST_RESOLVED);
    assert_string_equal(name.last, "ns/db/a/b");
    assert_int_equal(row_read_resolved(row.value, host, back, &n), 0);
    assert_string_equal(host, "db.example.net");
    assert_int_equal(n, EXTERNAL_MAX_ADDRESSES);
    assert_memory_equal(back, addresses, sizeof(addresses));
    row_done(&row);
    assert_int_equal(row_read_resolved("{\"host\":\"h\",\"addresses\":[\"x\",7,\"0.0.0.0\",\"10.0.0.1\"]}",
                                       host, back, &n),
                     0);
    assert_int_equal(n, 1);
    assert_int_equal(row_read_resolved("[]", host, back, &n), -22);
    assert_int_equal(row_for_resolved("ns/db/x", NULL, NULL, 0, &row), 0);
    assert_null(row.value);
    row_done(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_like_their_record),
        cmocka_unit_test(test_what_leaves_keeps_its_own_end),
        cmocka_unit_test(test_one_id_is_one_kind),
        cmocka_unit_test(test_bad_rows_change_nothing),
        cmocka_unit_test(test_what_was_found_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
