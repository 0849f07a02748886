/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints by address, and their adoption, on a data path in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/memory.h"
#include "engine/engine.h"
#include "upkeep/outliers.h"

#define MAX_ENDPOINTS 8

/* ---- what the tests begin with ---- */

/* Instances are made in the catalog with numbers of the test's choice, behind the engine's back. */
struct lab {
    struct event_base *base;
    struct engine *engine;
    struct catalog *catalog;
    struct datapath *datapath;
    struct outliers outliers;
};

static int begin(struct lab *lab)
{
    int r = outliers_init(&lab->outliers, lab->engine, MAX_ENDPOINTS);

    lab->outliers.datapath = lab->datapath;
    return r;
}

static int setup(void **state)
{
    static const struct datapath_config config = {
        .aliases = 2, .slots = 1, .endpoints = MAX_ENDPOINTS, .tasks = 1};
    struct engine_settings settings = {.max_aliases = 2, .max_slots = 1, .max_endpoints = MAX_ENDPOINTS};
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    if (!lab)
        return -1;
    lab->base = settings.base = event_base_new();
    if (alias_range_parse("127.255.0.0/16", "fd7f:ff53:7663::/112", &settings.alias_range, NULL) < 0 ||
        engine_new(&settings, &lab->engine) < 0 || datapath_new_in_memory(&config, &lab->datapath) < 0)
        return -1;
    lab->catalog = engine_catalog(lab->engine);
    return begin(lab);
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    outliers_done(&lab->outliers);
    engine_free(&lab->engine);
    datapath_close(&lab->datapath);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static struct svc_outlier *cell_of(const struct lab *lab, uint32_t number)
{
    return datapath_outlier(lab->datapath, number);
}

struct peer_search {
    const struct svc_peer_key *key; /* NULL: only counts them */
    uint32_t endpoint;
    unsigned n;
};

static int on_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    struct peer_search *search = user;

    search->n++;
    if (search->key && memcmp(key, search->key, sizeof(*key)) == 0)
        search->endpoint = endpoint;
    return 0;
}

static unsigned count_peers(struct lab *lab)
{
    struct peer_search search = {0};

    assert_int_equal(datapath_each_peer(lab->datapath, on_peer, &search), 0);
    return search.n;
}

/* An instance of "ns/web" (or of another namespace) at 10.0.0.LAST:8080, in the catalog only. */
static struct instance *make_in(struct lab *lab, const char *namespace_name, uint32_t number, uint8_t last)
{
    struct service *service = catalog_make_service(lab->catalog, namespace_name, "web");
    struct instance *instance;
    char id[16];

    (void)snprintf(id, sizeof(id), "%u", number);
    instance = catalog_make_instance(lab->catalog, service, id);
    assert_non_null(instance);
    instance->endpoint = number;
    instance->address = ip_address_from_v4(0x0a000000u + last);
    instance->port = 8080;
    instance->protocol = TCP;
    return instance;
}

static struct instance *put(struct lab *lab, uint32_t number, uint8_t last)
{
    struct instance *instance = make_in(lab, "ns", number, last);

    outliers_put(&lab->outliers, instance);
    assert_true(outliers_is_at(&lab->outliers, instance));
    return instance;
}

/* Followed as the program does it, from `peers` along `next`: "1 3 5", or "" if the address leads nowhere. */
static const char *list_in(struct lab *lab, uint32_t scope, uint8_t last, char text[static 64])
{
    const struct svc_peer_key key = {.namespace_scope = scope,
                                     .port_be = htons(8080),
                                     .protocol = TCP,
                                     .address = {[10] = 0xff, 0xff, 10, [15] = last}};
    struct peer_search search = {.key = &key};
    size_t n = 0;

    assert_int_equal(datapath_each_peer(lab->datapath, on_peer, &search), 0);
    text[0] = '\0';
    for (uint32_t at = search.endpoint, steps = 0; at; at = cell_of(lab, at)->next) {
        assert_true(++steps <= MAX_ENDPOINTS); /* no circle */
        n += (size_t)snprintf(text + n, 64 - n, n ? " %u" : "%u", at);
    }
    return text;
}

static void expect_list(struct lab *lab, uint8_t last, const char *wanted)
{
    char text[64];

    assert_string_equal(list_in(lab, 1, last, text), wanted);
}

/* ---- lists ---- */

static void test_lists_ascend_whatever_the_order(void **state)
{
    static const uint32_t orders[][3] = {{1, 3, 5}, {1, 5, 3}, {3, 1, 5}, {3, 5, 1}, {5, 1, 3}, {5, 3, 1}};
    struct lab *lab = *state;

    for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
        for (size_t i = 0; i < 3; i++)
            (void)put(lab, orders[o][i], 1);
        expect_list(lab, 1, "1 3 5");
        assert_int_equal(count_peers(lab), 1);
        for (size_t i = 0; i < 3; i++)
            outliers_remove(&lab->outliers, orders[o][i]);
        expect_list(lab, 1, "");
        assert_int_equal(count_peers(lab), 0);
        assert_null(lab->outliers.all);
    }
}

static void test_removal_from_any_place(void **state)
{
    static const struct {
        uint32_t number;
        const char *left;
    } removals[] = {{1, "3 5 7"}, {3, "1 5 7"}, {5, "1 3 7"}, {7, "1 3 5"}};
    struct lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
        for (uint32_t number = 1; number <= 7; number += 2)
            (void)put(lab, number, 1);
        expect_list(lab, 1, "1 3 5 7");
        outliers_remove(&lab->outliers, removals[i].number);
        expect_list(lab, 1, removals[i].left);
        outliers_remove(&lab->outliers, removals[i].number); /* nothing is there any more */
        expect_list(lab, 1, removals[i].left);
    }
    outliers_remove(&lab->outliers, 2); /* never was */
    outliers_remove(&lab->outliers, MAX_ENDPOINTS + 1);
}

static void test_moving_to_another_address(void **state)
{
    struct lab *lab = *state;
    struct instance *moving;

    for (uint32_t number = 1; number <= 5; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    expect_list(lab, 1, "1 3 5");
    expect_list(lab, 2, "2 4");
    cell_of(lab, 3)->ejections = 9;
    cell_of(lab, 3)->history = 9;
    cell_of(lab, 3)->ejected_until = 9;
    moving = make_in(lab, "ns", 3, 2);
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    assert_true(outliers_is_at(&lab->outliers, moving));
    expect_list(lab, 1, "1 5");
    expect_list(lab, 2, "2 3 4");
    assert_int_equal(cell_of(lab, 3)->ejections, 0); /* another address has another record */
    assert_true(cell_of(lab, 3)->history == 0);
    assert_true(cell_of(lab, 3)->ejected_until == 0);
    moving->port = 81;
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 4");
    assert_int_equal(count_peers(lab), 3);
    assert_int_equal(cell_of(lab, 3)->next, 0);
    assert_int_equal(cell_of(lab, 3)->port_be, htons(81));
    moving->port = 8080;
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 3 4");
    moving->protocol = UDP;
    assert_false(outliers_is_at(&lab->outliers, moving));
    outliers_put(&lab->outliers, moving);
    expect_list(lab, 2, "2 4");
}

static void test_namespaces_have_lists_of_their_own(void **state)
{
    struct lab *lab = *state;
    char text[64];

    (void)put(lab, 1, 1);
    outliers_put(&lab->outliers, make_in(lab, "other", 2, 1));
    (void)put(lab, 3, 1);
    expect_list(lab, 1, "1 3");
    assert_string_equal(list_in(lab, 2, 1, text), "2");
}

static void test_alone_at_an_address(void **state)
{
    struct lab *lab = *state;
    const struct svc_peer_key *key;

    assert_null(outliers_alone_at(&lab->outliers, 1));
    assert_null(outliers_alone_at(&lab->outliers, MAX_ENDPOINTS + 1));
    (void)put(lab, 1, 1);
    key = outliers_alone_at(&lab->outliers, 1);
    assert_non_null(key);
    assert_int_equal(key->address[15], 1);
    assert_int_equal(key->port_be, htons(8080));
    (void)put(lab, 2, 1);
    assert_null(outliers_alone_at(&lab->outliers, 1)); /* somebody is after it */
    assert_null(outliers_alone_at(&lab->outliers, 2)); /* or before it */
    outliers_remove(&lab->outliers, 1);
    assert_null(outliers_alone_at(&lab->outliers, 1));
    assert_non_null(outliers_alone_at(&lab->outliers, 2));
}

/* ---- cells ---- */

static void set_ejection(struct service *service, uint32_t failures, uint32_t window_ms)
{
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    settings.has_ejection = true;
    settings.ejection.failures = failures;
    settings.ejection.window_ms = window_ms;
    settings.has_connect_timeout = true;
    settings.connect_timeout_ms = 4000;
    assert_int_equal(catalog_set_settings(service, &settings), 0);
}

static void test_policies_are_written_where_they_differ(void **state)
{
    struct lab *lab = *state;
    struct instance *instance = put(lab, 1, 1);
    struct svc_outlier *cell = cell_of(lab, 1);
    uint64_t writes = datapath_writes(lab->datapath);

    assert_int_equal(cell->failures, 5);
    assert_int_equal(cell->window_ms, 30000);
    assert_int_equal(cell->base_ms, 30000);
    assert_int_equal(cell->max_ms, 300000);
    assert_int_equal(cell->connect_timeout_ms, 0);
    cell->history = 3;
    cell->ejections = 2;
    outliers_put(&lab->outliers, instance);
    outliers_refresh(&lab->outliers);
    assert_int_equal(datapath_writes(lab->datapath), writes);
    set_ejection(instance->service, 7, 30000);
    outliers_refresh(&lab->outliers);
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
    assert_int_equal(cell->failures, 7);
    assert_int_equal(cell->connect_timeout_ms, 4000);
    assert_true(cell->history == 3); /* the program's own, in parts of the same length */
    set_ejection(instance->service, 7, 10000);
    outliers_put(&lab->outliers, instance);
    assert_int_equal(datapath_writes(lab->datapath), writes + 2);
    assert_int_equal(cell->window_ms, 10000);
    assert_true(cell->history == 0);
    assert_int_equal(cell->ejections, 2);
}

static void test_by_hand(void **state)
{
    struct lab *lab = *state;
    const struct svc_outlier *cell = cell_of(lab, 1);

    assert_int_equal(outliers_eject(&lab->outliers, 1, 1000), -ENOENT);
    assert_int_equal(outliers_clear(&lab->outliers, 1), -ENOENT);
    assert_int_equal(outliers_eject(&lab->outliers, MAX_ENDPOINTS + 1, 1000), -ENOENT);
    assert_int_equal(outliers_clear(&lab->outliers, UINT32_MAX), -ENOENT);
    assert_true(outliers_ejected_ms(&lab->outliers, UINT32_MAX) == 0);
    (void)put(lab, 1, 1);
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
    assert_int_equal(outliers_eject(&lab->outliers, 1, 60000), 0);
    assert_in_range(outliers_ejected_ms(&lab->outliers, 1), 59000, 60000);
    assert_true(cell_of(lab, 0)->ejected_until != 0);
    cell_of(lab, 1)->ejections = 4;
    assert_int_equal(outliers_clear(&lab->outliers, 1), 0);
    assert_true(cell_of(lab, 0)->ejected_until == 0);
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
    assert_int_equal(cell->ejections, 0);
    cell_of(lab, 1)->ejected_until = clock_monotonic_ns() - 1; /* over, and nobody has cleared it */
    assert_true(outliers_ejected_ms(&lab->outliers, 1) == 0);
}

static void test_one_that_is_put_again_while_ejected(void **state)
{
    struct lab *lab = *state;
    struct svc_outlier *cells = cell_of(lab, 0);
    struct instance *first = put(lab, 1, 1);

    (void)put(lab, 2, 2);
    cells[1].ejected_until = cells[0].ejected_until = 77;
    outliers_settle(&lab->outliers);
    assert_true(cells[0].ejected_until != 0);
    /* Nobody asks about an endpoint that has gone; who comes back to its number and address is as ejected as
     * before. */
    outliers_remove(&lab->outliers, 1);
    outliers_settle(&lab->outliers);
    assert_true(cells[0].ejected_until == 0);
    outliers_put(&lab->outliers, first);
    assert_true(cells[0].ejected_until != 0);
    cells[1].ejected_until = 0; /* the program has found its time over */
    outliers_settle(&lab->outliers);
    assert_true(cells[0].ejected_until == 0);
}

/* ---- adoption ---- */

/* The daemon ends, and the next one begins with what the data path holds. */
static void restart(struct lab *lab, enum datapath_origin origin)
{
    outliers_done(&lab->outliers);
    assert_int_equal(begin(lab), 0);
    assert_int_equal(memory_datapath_restart(lab->datapath, origin), 0);
}

static void test_adoption_of_what_is_right_writes_nothing(void **state)
{
    struct lab *lab = *state;
    struct svc_outlier before[MAX_ENDPOINTS + 1];

    for (uint32_t number = 1; number <= 6; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    outliers_put(&lab->outliers, make_in(lab, "other", 7, 1));
    cell_of(lab, 3)->history = 2;
    cell_of(lab, 3)->ejections = 1;
    cell_of(lab, 3)->ejected_until = 77;
    cell_of(lab, 0)->ejected_until = 77; /* the program's note that there is one */
    restart(lab, DATAPATH_ADOPTED);
    memcpy(before, cell_of(lab, 0), sizeof(before));
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_memory_equal(cell_of(lab, 0), before, sizeof(before));
    assert_string_equal(memory_datapath_record(lab->datapath), "");
    /* It knows them all: what comes now finds its place. */
    (void)put(lab, 8, 1);
    expect_list(lab, 1, "1 3 5 8");
    outliers_remove(&lab->outliers, 1);
    expect_list(lab, 1, "3 5 8");
}

static void test_adoption_writes_differences(void **state)
{
    struct lab *lab = *state;
    struct service *service;

    for (uint32_t number = 1; number <= 6; number++)
        (void)put(lab, number, number % 2 ? 1 : 2);
    service = catalog_service(lab->catalog, "ns", "web");
    restart(lab, DATAPATH_ADOPTED);
    /* The first of one list and the whole other one have gone meanwhile; one has come. */
    catalog_remove_instance(lab->catalog, catalog_instance(service, "1"));
    for (uint32_t number = 2; number <= 6; number += 2) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%u", number);
        catalog_remove_instance(lab->catalog, catalog_instance(service, id));
    }
    (void)make_in(lab, "ns", 7, 3);
    cell_of(lab, 5)->history = 4;
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    expect_list(lab, 1, "3 5");
    expect_list(lab, 2, "");
    expect_list(lab, 3, "7");
    assert_int_equal(count_peers(lab), 2);
    assert_int_equal(datapath_writes(lab->datapath), 4); /* the peer of each address, and the cell of 7 */
    assert_true(cell_of(lab, 5)->history == 4);
}

static void test_adoption_sets_a_broken_list_right(void **state)
{
    struct lab *lab = *state;

    for (uint32_t number = 1; number <= 4; number++)
        (void)put(lab, number, 1);
    restart(lab, DATAPATH_ADOPTED);
    cell_of(lab, 2)->next = 1; /* a circle */
    cell_of(lab, 3)->failures = 99;
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    expect_list(lab, 1, "1 2 3 4");
    assert_int_equal(cell_of(lab, 3)->failures, 5);
    assert_int_equal(datapath_writes(lab->datapath), 2);
}

/* New maps after a migration: a record goes along with its address, and with no other. */
static void test_adoption_carries_records_over(void **state)
{
    struct lab *lab = *state;

    for (uint32_t number = 1; number <= 3; number++) {
        (void)put(lab, number, (uint8_t)number);
        cell_of(lab, number)->ejected_until = 70 + number;
    }
    cell_of(lab, 1)->next = 9;
    cell_of(lab, 2)->address[15] ^= 0xff;
    cell_of(lab, 3)->port_be = 0;
    restart(lab, DATAPATH_MIGRATED);
    assert_int_equal(count_peers(lab), 0);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_int_equal(cell_of(lab, 1)->ejected_until, 71);
    assert_int_equal(cell_of(lab, 1)->next, 0);
    assert_int_equal(cell_of(lab, 2)->ejected_until, 0);
    assert_int_equal(cell_of(lab, 3)->ejected_until, 0);
}

/* Nothing is registered any more: every address goes. */
static void test_adoption_into_nothing(void **state)
{
    struct lab *lab = *state;
    const struct service *service;

    for (uint32_t number = 1; number <= MAX_ENDPOINTS; number++)
        (void)put(lab, number, (uint8_t)number);
    assert_int_equal(count_peers(lab), MAX_ENDPOINTS);
    restart(lab, DATAPATH_ADOPTED);
    service = catalog_service(lab->catalog, "ns", "web");
    while (service->instances)
        catalog_remove_instance(lab->catalog, service->instances);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_int_equal(count_peers(lab), 0);
    assert_int_equal(datapath_writes(lab->datapath), MAX_ENDPOINTS);
}

/* One endpoint that cannot be judged is told of and left out; the others are as they should be. */
static void test_without_room_for_a_peer(void **state)
{
    struct lab *lab = *state;

    memory_datapath_fail_puts(lab->datapath, "peers", 1, E2BIG);
    (void)put(lab, 1, 1);
    (void)put(lab, 2, 2);
    expect_list(lab, 1, "1");
    expect_list(lab, 2, "");
    restart(lab, DATAPATH_ADOPTED);
    memory_datapath_fail_puts(lab->datapath, "peers", 0, ENOMEM);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), -ENOMEM);
    restart(lab, DATAPATH_ADOPTED);
    memory_datapath_fail_puts(lab->datapath, "peers", 0, 0);
    assert_int_equal(outliers_adopt(&lab->outliers, NULL), 0);
    assert_string_equal(memory_datapath_record(lab->datapath), "put peers 1\n");
    expect_list(lab, 2, "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lists_ascend_whatever_the_order),
        TEST(test_removal_from_any_place),
        TEST(test_moving_to_another_address),
        TEST(test_alone_at_an_address),
        TEST(test_namespaces_have_lists_of_their_own),
        TEST(test_policies_are_written_where_they_differ),
        TEST(test_by_hand),
        TEST(test_one_that_is_put_again_while_ejected),
        TEST(test_adoption_of_what_is_right_writes_nothing),
        TEST(test_adoption_writes_differences),
        TEST(test_adoption_sets_a_broken_list_right),
        TEST(test_adoption_carries_records_over),
        TEST(test_adoption_into_nothing),
        TEST(test_without_room_for_a_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
