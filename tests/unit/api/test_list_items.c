/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the lists of services, aliases and routes show, item by item, and a long item piece by piece. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include <math.h>

#include "lists_lab.h"

#define ROUTED "{\"targets\":[{\"service\":\"s1\",\"weight\":1}]}"
#define SPLIT                                                                                                \
    "{\"targets\":[{\"service\":\"s1\",\"weight\":3},{\"service\":\"s0\",\"weight\":1},"                     \
    "{\"service\":\"empty\",\"weight\":4}]}"

static double number_of(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool is_near(double found, double wanted)
{
    return fabs(found - wanted) < 1e-6;
}

/* Until the first item has begun. */
static void read_on(struct lab_reader *reader)
{
    while (evbuffer_get_length(reader->text) == 0)
        assert_true(lab_slice(reader));
}

/* "MEMBER" or "CLIENT/MEMBER" of each item, in the order they came in. `key`: removed behind the names. */
static void expect_items(struct lists_lab *lab, const struct list_kind *kind, const char *member,
                         const char *key, const char *wanted)
{
    struct lab_reader reader = lab_read(lab, kind, 1);
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *item;
    char found[1024] = "";
    size_t n = 0;

    read_on(&reader);
    if (key)
        house_put(&lab->house, key, NULL);
    answer = lab_rest_of_list(&reader);
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(answer, kind->member)) {
        const char *client = lab_text_of(item, "client");

        n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%s%s ", client ? client : "",
                              client && *client ? "/" : "", lab_text_of(item, member));
        assert_true(n < sizeof(found));
    }
    assert_string_equal(found, wanted);
    assert_int_equal(lab_is_consistent(answer), !key);
}

static void test_services_aliases_and_routes(void **state)
{
    struct lists_lab lab;
    struct house *house = &lab.house;

    (void)state;
    lab_begin(&lab, 20);
    house_put(house, "services/ns/s1", "{\"clientAliases\":[{\"dnsName\":\"m\",\"port\":80}]}");
    house_put(house, "services/ns/s0", "{\"clientAliases\":[{\"dnsName\":\"z\",\"port\":80}]}");
    house_put(house, "routes/ns//q:80/tcp", ROUTED);
    house_put(house, "routes/ns//b:80/tcp", ROUTED);
    house_put(house, "routes/ns/web/z:80/tcp", ROUTED);
    house_put(house, "routes/ns/app/z:80/tcp", ROUTED);
    house_put(house, "routes/ns/app/m:80/tcp", ROUTED);
    expect_items(&lab, &service_list, "name", NULL, "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 ");
    expect_items(&lab, &alias_list, "dnsName", NULL, "b m q z ");
    expect_items(&lab, &route_list, "dnsName", NULL, "b q app/m app/z web/z ");
    expect_items(&lab, &route_list, "dnsName", "routes/ns/app/z:80/tcp", "b q app/m web/z ");
    expect_items(&lab, &route_list, "dnsName", "routes/ns/web/z:80/tcp", "b q app/m ");
    expect_items(&lab, &alias_list, "dnsName", "routes/ns//q:80/tcp", "b m z ");
    house_put(house, "routes/ns//m:80/tcp", ROUTED); /* of a service's own alias, which is one all the same */
    expect_items(&lab, &alias_list, "dnsName", NULL, "b m z ");
    lab_end(&lab);
}

static void test_a_service_counts_its_instances(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *item;

    (void)state;
    lab_begin(&lab, 40);
    house_put(
        &lab.house, "instances/ns/s0/i00000",
        "{\"address\":\"10.0.0.1\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"UNHEALTHY\"}");
    reader = lab_read(&lab, &service_list, 65536);
    answer = lab_rest_of_list(&reader);
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(answer, "services")) {
        assert_true(number_of(item, "instances") == 4);
        assert_true(number_of(item, "eligible") == (strcmp(lab_text_of(item, "name"), "s0") == 0 ? 3 : 4));
    }
    lab_end(&lab);
}

static void begin_split(struct lists_lab *lab, unsigned n)
{
    lab_begin(lab, n);
    house_put(&lab->house, "services/ns/empty", "{\"clientAliases\":[]}");
    house_put(&lab->house, "routes/ns//split:80/tcp", SPLIT);
}

/* Those of s0 go by weight 2 to 1: half of its share is the first's of two. */
static void test_shares_of_an_alias(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *item, *targets, *endpoints;

    (void)state;
    begin_split(&lab, 20);
    house_put(
        &lab.house, "instances/ns/s0/i00000",
        "{\"address\":\"10.0.0.1\",\"port\":80,\"protocol\":\"tcp\",\"weight\":3,\"health\":\"HEALTHY\"}");
    reader = lab_read(&lab, &alias_list, 1);
    answer = lab_rest_of_list(&reader);
    item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "aliases"), 0);
    assert_string_equal(lab_text_of(item, "namespace"), "ns");
    assert_string_equal(lab_text_of(item, "protocol"), "tcp");
    assert_string_equal(lab_text_of(item, "origin"), "route");
    assert_string_equal(lab_text_of(item, "onEmpty"), "refuse");
    assert_memory_equal(lab_text_of(item, "address"), "127.255.", 8);
    targets = cJSON_GetObjectItemCaseSensitive(item, "targets");
    assert_int_equal(cJSON_GetArraySize(targets), 3);
    item = cJSON_GetArrayItem(targets, 0);
    assert_string_equal(lab_text_of(item, "service"), "s1");
    assert_true(is_near(number_of(item, "wantedPercent"), 37.5));
    assert_true(is_near(number_of(item, "effectivePercent"), 75));
    item = cJSON_GetArrayItem(targets, 1);
    assert_true(is_near(number_of(item, "effectivePercent"), 25));
    endpoints = cJSON_GetObjectItemCaseSensitive(item, "endpoints");
    assert_int_equal(cJSON_GetArraySize(endpoints), 2);
    cJSON_ArrayForEach (item, endpoints)
        assert_true(is_near(number_of(item, "effectivePercent"),
                            strcmp(lab_text_of(item, "id"), "i00000") == 0 ? 18.75 : 6.25));
    item = cJSON_GetArrayItem(targets, 2);
    assert_string_equal(lab_text_of(item, "service"), "empty");
    assert_true(is_near(number_of(item, "wantedPercent"), 50));
    assert_true(number_of(item, "effectivePercent") == 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(item, "endpoints")), 0);
    lab_end(&lab);
}

static int n_of_target(const cJSON *answer, int target)
{
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "aliases"), 0);

    item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(item, "targets"), target);
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(item, "endpoints"));
}

/* An alias of hundreds is no piece of its own: it has its room, and may be left off and changed within. */
static void test_a_long_item_in_pieces(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_json_ cJSON *again = NULL;

    (void)state;
    begin_split(&lab, 1000);
    reader = lab_read(&lab, &alias_list, 2048);
    answer = lab_rest_of_list(&reader);
    assert_true(reader.most < 2 * 2048);
    assert_int_equal(n_of_target(answer, 0), 100);
    assert_int_equal(n_of_target(answer, 1), 100);
    assert_true(lab_is_consistent(answer));
    reader = lab_read(&lab, &alias_list, 1);
    read_on(&reader);
    for (unsigned i = 0; i < 50; i++)
        assert_true(lab_slice(&reader));
    lab_leave(&reader);
    reader = lab_read(&lab, &alias_list, 1);
    read_on(&reader);
    for (unsigned i = 0; i < 50; i++)
        assert_true(lab_slice(&reader));
    house_put(&lab.house, "instances/ns/s1/i00991", NULL);
    house_put(&lab.house, "instances/ns/s1/i00001", NULL);
    house_put(&lab.house, "routes/ns//split:80/tcp", NULL);
    again = lab_rest_of_list(&reader);
    assert_in_range(n_of_target(again, 0), 98, 99); /* where its turn had come it is shown */
    assert_int_equal(n_of_target(again, 1), 100);
    assert_false(lab_is_consistent(again));
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_aliases_and_routes),
        cmocka_unit_test(test_a_service_counts_its_instances),
        cmocka_unit_test(test_shares_of_an_alias),
        cmocka_unit_test(test_a_long_item_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
