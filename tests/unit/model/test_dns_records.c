/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/catalog_aws.h"

static void test_read(void **state)
{
    struct dns_records records = dns_records_read(
        "{\"DnsConfig\":{\"RoutingPolicy\":\"WEIGHTED\",\"DnsRecords\":[{\"Type\":\"A\",\"TTL\":7},"
        "{\"Type\":\"AAAA\",\"TTL\":2147483647}]}}");

    (void)state;
    assert_true(records.is_declared && records.is_weighted);
    assert_int_equal(records.types, 1u << DNS_RECORD_A | 1u << DNS_RECORD_AAAA);
    assert_int_equal(records.ttl[DNS_RECORD_A], 7);
    assert_int_equal(records.ttl[DNS_RECORD_AAAA], INT32_MAX);
}

static void test_not_declared(void **state)
{
    static const char *const texts[] = {NULL, "{}", "rubbish", "{\"DnsConfig\":null}"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct dns_records records = dns_records_read(texts[i]);

        assert_false(records.is_declared || records.is_weighted || records.types);
    }
    assert_true(dns_records_read("{\"DnsConfig\":{\"DnsRecords\":[]}}").is_declared);
}

static void test_rubbish_inside(void **state)
{
    struct dns_records records =
        dns_records_read("{\"DnsConfig\":{\"RoutingPolicy\":7,\"DnsRecords\":[7,{\"Type\":\"MX\",\"TTL\":1},"
                         "{\"Type\":\"SRV\",\"TTL\":-1},{\"TTL\":1}]}}");

    (void)state;
    assert_false(records.is_weighted);
    assert_int_equal(records.types, 1u << DNS_RECORD_SRV);
    assert_int_equal(records.ttl[DNS_RECORD_SRV], 0);
}

static void test_in_the_catalog(void **state)
{
    struct catalog *catalog = catalog_new();
    struct service *service = catalog_make_service(catalog, "shop", "web");

    (void)state;
    assert_int_equal(catalog_set_service_aws(
                         service, "{\"DnsConfig\":{\"DnsRecords\":[{\"Type\":\"A\",\"TTL\":1}]}}", NULL),
                     0);
    assert_int_equal(service->dns.types, 1u << DNS_RECORD_A);
    assert_int_equal(catalog_set_service_aws(service, NULL, NULL), 0);
    assert_false(service->dns.is_declared);
    assert_int_equal(catalog_set_namespace_aws(service->parent, "{\"Type\":\"HTTP\"}", NULL), 0);
    assert_true(service->parent->is_api_only);
    assert_int_equal(catalog_set_namespace_aws(service->parent, "{\"Type\":\"DNS_PRIVATE\"}", NULL), 0);
    assert_false(service->parent->is_api_only);
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_not_declared),
        cmocka_unit_test(test_rubbish_inside),
        cmocka_unit_test(test_in_the_catalog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
