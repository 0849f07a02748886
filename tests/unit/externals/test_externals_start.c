/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a start makes of rows, what is written when, and asking a name server that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/json.h"
#include "externals_lab.h"

#define PLAIN                  "{\"clientAliases\":[]}"
#define FOUND(host, addresses) "{\"host\":\"" host "\",\"addresses\":[" addresses "]}"

static size_t n_addresses(const struct lab *lab, const char *id)
{
    const struct instance *record = catalog_record(house_service(&lab->house, "web"), id);

    return record ? record->n_addresses : 0;
}

static void answer(struct lab *lab, const char *name, const char *address)
{
    struct resolved resolved = {
        .v4 = {.how = RESOLVED_ADDRESSES, .list = {.n = 1}}, .v6 = {.how = RESOLVED_NONE}, .ttl_s = 60};

    assert_int_equal(ip_address_parse(address, &resolved.v4.list.addresses[0]), 0);
    external_answered(&resolved, external_of(lab, name));
    engine_settle(lab->house.engine);
}

/* ---- a start ---- */

static void test_rows_of_an_earlier_run(void **state)
{
    static const char *const rows[] = {SERVICE,
                                       PLAIN,
                                       "instances/ns/web/a",
                                       HOST("h.example"),
                                       "instances/ns/web/b",
                                       HOST("new.example"),
                                       "instances/ns/web/c",
                                       HOST("c.example"),
                                       "instances/ns/web/d",
                                       HOST("d.example"),
                                       "host/resolved/ns/web/a",
                                       FOUND("h.example", "\"10.0.0.1\",\"10.0.0.2\",\"127.255.0.9\""),
                                       "host/resolved/ns/web/b",
                                       FOUND("old.example", "\"10.0.0.3\""), /* it has another host by now */
                                       "host/resolved/ns/web/c",
                                       "nonsense",
                                       "host/resolved/nothing",
                                       FOUND("h.example", "\"10.0.0.4\""),
                                       NULL};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_int_equal(n_addresses(lab, "a"), 2); /* the third is an alias's */
    assert_int_equal(n_addresses(lab, "b"), 0);
    assert_int_equal(n_addresses(lab, "c"), 0);
    assert_int_equal(n_addresses(lab, "d"), 0);
    assert_int_equal(HASH_COUNT(lab->externals.all), 4);
    assert_true(house_instance(&lab->house, "web", "a#10.0.0.1")->endpoint > 0);
}

static bool is_orphan_gone(void *user)
{
    return stored(user, "host/resolved/ns/web/gone") == NULL;
}

/* Whoever the row was of has gone while no daemon ran. */
static void test_a_row_of_nobody_goes(void **state)
{
    static const char *const rows[] = {SERVICE, PLAIN, "host/resolved/ns/web/gone",
                                       FOUND("h.example", "\"10.0.0.1\""), NULL};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_null(lab->externals.all);
    assert_non_null(stored(lab, "host/resolved/ns/web/gone"));
    begin_saving(lab);
    house_until(&lab->house, is_orphan_gone, lab, "its deletion");
}

/* ---- writing ---- */

static bool has_refused(void *user)
{
    return ((const struct lab *)user)->externals.is_save_failing;
}

/* A disk that refuses stops nothing, and the end tries once more. */
static void test_what_cannot_be_written_is_kept(void **state)
{
    static const char *const rows[] = {SERVICE,
                                       PLAIN,
                                       "instances/ns/web/a",
                                       HOST("a.example"),
                                       "instances/ns/web/b",
                                       HOST("b.example"),
                                       "host/resolved/ns/web/b",
                                       FOUND("b.example", "\"10.0.0.2\""),
                                       NULL};
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct lab *lab = *state;
    const struct external *a;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    begin_saving(lab);
    house_put(&lab->house, "instances/ns/web/b", NULL);
    answer(lab, "ns/web/a", "10.0.0.1");
    fake_registry_plan(lab->house.registry, &full, 1);
    house_until(&lab->house, has_refused, lab, "a disk that refuses");
    a = external_of(lab, "ns/web/a");
    assert_true(a->is_unsaved);
    assert_false(a->is_saving);
    assert_int_equal(lab->externals.n_forgotten, 1);
    assert_int_equal(n_addresses(lab, "a"), 1);
    assert_null(stored(lab, "host/resolved/ns/web/a"));
    externals_flush(&lab->externals);
    assert_string_equal(stored(lab, "host/resolved/ns/web/a"),
                        "{\"addresses\":[\"10.0.0.1\"],\"host\":\"a.example\"}");
    assert_null(stored(lab, "host/resolved/ns/web/b"));
    assert_false(lab->externals.is_save_failing);
}

static void test_an_end_with_a_disk_that_refuses(void **state)
{
    static const char *const rows[] = {SERVICE, PLAIN, "instances/ns/web/a", HOST("a.example"), NULL};
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    externals_flush(&lab->externals); /* before there is anything to do */
    begin_saving(lab);
    answer(lab, "ns/web/a", "10.0.0.1");
    fake_registry_plan(lab->house.registry, &full, 1);
    externals_flush(&lab->externals); /* comes back */
    assert_null(stored(lab, "host/resolved/ns/web/a"));
}

/* Gone and back before anything was written: the row is that of who is there now. */
static void test_gone_and_back(void **state)
{
    static const char *const rows[] = {SERVICE,
                                       PLAIN,
                                       "instances/ns/web/a",
                                       HOST("a.example"),
                                       "host/resolved/ns/web/a",
                                       FOUND("a.example", "\"10.0.0.2\""),
                                       NULL};
    struct lab *lab = *state;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    begin_saving(lab);
    house_put(&lab->house, "instances/ns/web/a", NULL);
    house_put(&lab->house, "instances/ns/web/a", HOST("b.example"));
    answer(lab, "ns/web/a", "10.0.0.1");
    externals_flush(&lab->externals);
    assert_string_equal(stored(lab, "host/resolved/ns/web/a"),
                        "{\"addresses\":[\"10.0.0.1\"],\"host\":\"b.example\"}");
}

/* ---- asking ---- */

static bool has_failed(void *user)
{
    return external_of(user, "ns/web/a")->failures > 0;
}

static void test_a_name_server_that_is_not_there(void **state)
{
    static const char *const rows[] = {SERVICE, PLAIN, "instances/ns/web/a", HOST("a.example"), NULL};
    struct lab *lab = *state;
    struct error error = {0};
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ cJSON *status = NULL;
    _cleanup_json_ cJSON *name = NULL;

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_int_equal(externals_begin(&lab->externals, lab->house.base, &error), 0);
    house_until(&lab->house, has_failed, lab, "a failure");
    text = house_events(&lab->house);
    assert_memory_equal(text, "NAME a a.example cannot be resolved: ", 37);
    assert_non_null(strstr(text, "; it has no endpoint yet\n"));

    status = externals_describe(&lab->externals);
    assert_int_equal(cJSON_GetObjectItem(status, "count")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(status, "failing")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(status, "unresolved")->valueint, 1);
    assert_true(cJSON_GetObjectItem(status, "failed")->valueint >= 1);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(status, "nameServers"), 0)->valuestring,
                        "127.0.0.1:1");
    name = external_describe(external_of(lab, "ns/web/a"));
    assert_string_equal(cJSON_GetObjectItem(name, "host")->valuestring, "a.example");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(name, "addresses")), 0);
    assert_non_null(cJSON_GetObjectItem(name, "error"));
    assert_null(cJSON_GetObjectItem(name, "resolvedAt"));
}

static bool is_deregistered(void *user)
{
    return stored(user, "instances/ns/web/a") == NULL;
}

/* Without an address there is nobody to wait for; a disk that refuses is tried again. */
static void test_one_without_an_address_need_not_drain(void **state)
{
    static const char *const rows[] = {SERVICE, PLAIN, "instances/ns/web/a", HOST("a.example"), NULL};
    static const struct fake_step steps[] = {{FAKE_WRITTEN, 0}, {FAKE_DISK_FULL, 0}};
    struct lab *lab = *state;
    struct error error = {0};

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_int_equal(externals_begin(&lab->externals, lab->house.base, &error), 0);
    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    house_put(&lab->house, "instances/ns/web/a", LEAVING_HOST);
    house_until(&lab->house, is_deregistered, lab, "its deregistering");
    engine_settle(lab->house.engine);
    assert_null(external_of(lab, "ns/web/a"));
    assert_int_equal(fake_store_counts(lab->house.store).refused, 1);
}

/* It is registered again while its end waits for the registry: it stays. */
static void test_one_that_is_back_stays(void **state)
{
    static const char *const rows[] = {SERVICE, PLAIN, "instances/ns/web/a", LEAVING_HOST, NULL};
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;
    struct house_change other = {.key = "instances/ns/web/b", .value = HOST("b.example")};
    struct house_change back = {.key = "instances/ns/web/a", .value = HOST("h.example")};
    const struct job jobs[] = {{.run = house_run_change, .done = house_change_done, .user = &other},
                               {.run = house_run_change, .done = house_change_done, .user = &back}};

    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    assert_true(external_of(lab, "ns/web/a")->is_draining);
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_int_equal(engine_submit(lab->house.engine, &jobs[0]), 0);
    house_for(&lab->house, 5);
    assert_int_equal(engine_submit(lab->house.engine, &jobs[1]), 0);
    external_end_drain(external_of(lab, "ns/web/a"));
    external_end_drain(external_of(lab, "ns/web/a")); /* it is on its way */
    engine_settle(lab->house.engine);
    assert_non_null(stored(lab, "instances/ns/web/a"));
    assert_false(external_of(lab, "ns/web/a")->is_draining);
    assert_null(external_of(lab, "ns/web/a")->ending);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_of_an_earlier_run),
        TEST(test_a_row_of_nobody_goes),
        TEST(test_what_cannot_be_written_is_kept),
        TEST(test_an_end_with_a_disk_that_refuses),
        TEST(test_gone_and_back),
        TEST(test_a_name_server_that_is_not_there),
        TEST(test_one_without_an_address_need_not_drain),
        TEST(test_one_that_is_back_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
