/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Events go by the id that people know, and name the address where one id has several. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/instance_events.h"
#include "model/catalog_aws.h"
#include "model/catalog_external.h"

static void test_an_instance_and_an_address_of_one(void **state)
{
    const struct external_address address = {.address = ip_address_from_v4(0x0a000001u)};
    struct catalog *catalog = catalog_new();
    struct service *service = catalog_make_service(catalog, "ns", "web");
    struct instance *plain = catalog_make_instance(catalog, service, "a");
    struct instance *record = catalog_make_record(service, "host");
    const struct event_entry *entry;
    struct event_log log;

    (void)state;
    assert_int_equal(event_log_init(&log), 0);
    assert_int_equal(catalog_set_host(record, "h.example"), 0);
    assert_int_equal(catalog_set_addresses(record, &address, 1), 0);
    instance_event(&log, EVENT_HEALTH, plain, "%s: %d", "HEALTHY", 7);
    instance_event(&log, EVENT_DRAINED, record->addresses[0], "left");
    entry = event_log_next(&log, 0);
    assert_string_equal(entry->namespace_name, "ns");
    assert_string_equal(entry->service, "web");
    assert_string_equal(entry->instance, "a");
    assert_string_equal(entry->message, "HEALTHY: 7");
    assert_int_equal(entry->kind, EVENT_HEALTH);
    entry = event_log_next(&log, entry->sequence);
    assert_string_equal(entry->instance, "host");
    assert_string_equal(entry->message, "10.0.0.1: left");
    event_log_done(&log);
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instance_and_an_address_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
