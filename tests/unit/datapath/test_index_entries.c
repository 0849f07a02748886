/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries that people read and the indexes that programs read instead: what becomes of one becomes of the other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "datapath/internal.h"
#include "datapath/memory.h"

static int setup(void **state)
{
    static const struct datapath_config config = {.aliases = 64, .slots = 16, .endpoints = 64, .tasks = 4};

    return datapath_new_in_memory(&config, (struct datapath **)state);
}

static int teardown(void **state)
{
    datapath_close((struct datapath **)state);
    return 0;
}

static unsigned count_words(const struct open_index *index)
{
    unsigned n = 0;

    for (size_t i = 0; i < open_index_words(index); i++)
        n += index->buckets[i / SVC_BUCKET_WORDS].words[i % SVC_BUCKET_WORDS] != 0;
    return n;
}

static bool leads_to_service(const struct datapath *datapath, const struct svc_alias_key *key, uint32_t index)
{
    struct svc_place place = svc_index_alias(key, datapath->alias_index.mask);

    return open_index_position(&datapath->alias_index, &place, index + 1) != UINT32_MAX;
}

static bool leads_to_endpoint(const struct datapath *datapath, const struct svc_peer_key *key,
                              uint32_t number)
{
    struct svc_place place = svc_index_peer(key, datapath->peer_index.mask);

    return open_index_position(&datapath->peer_index, &place, number + 1) != UINT32_MAX;
}

/* A service whose identity is the key's. */
static void put_alias(struct datapath *datapath, const struct svc_alias_key *key, uint32_t index)
{
    struct svc_service identity = {.scope = key->scope, .port_be = key->port_be, .protocol = key->protocol};
    struct svc_alias alias = {.service = index};

    memcpy(identity.address4, key->address, sizeof(identity.address4));
    datapath_set_identity(datapath, index, &identity);
    assert_int_equal(datapath_put_alias(datapath, key, &alias), 0);
}

static void put_peer(struct datapath *datapath, const struct svc_peer_key *key, uint32_t number)
{
    struct svc_outlier *cell = datapath_outlier(datapath, number);

    cell->namespace_scope = key->namespace_scope;
    cell->protocol = key->protocol;
    cell->port_be = key->port_be;
    memcpy(cell->address, key->address, sizeof(cell->address));
    assert_int_equal(datapath_put_peer(datapath, key, number), 0);
}

static void test_aliases_and_their_index(void **state)
{
    struct datapath *datapath = *state;
    struct svc_alias_key key = {.scope = 1, .port_be = 80, .protocol = TCP, .address = {1}};
    struct svc_alias_key other = {.scope = 2, .port_be = 80, .protocol = TCP, .address = {1}};

    put_alias(datapath, &key, 0); /* the lowest index there is */
    put_alias(datapath, &other, 1);
    assert_true(leads_to_service(datapath, &key, 0) && leads_to_service(datapath, &other, 1));
    put_alias(datapath, &key, 2); /* written over */
    assert_true(leads_to_service(datapath, &key, 2) && !leads_to_service(datapath, &key, 0));
    assert_int_equal(datapath_delete_alias(datapath, &key), 0);
    assert_int_equal(datapath_delete_alias(datapath, &key), 0);
    assert_int_equal(count_words(&datapath->alias_index), 1);
    assert_true(leads_to_service(datapath, &other, 1));
}

static void test_a_place_that_is_kept(void **state)
{
    struct datapath *datapath = *state;
    struct svc_alias_key key = {.scope = 1, .port_be = 80, .protocol = TCP, .address = {1}};
    struct svc_alias alias = {.service = 1};

    assert_int_equal(datapath_keep_alias(datapath, &key), 0);
    assert_int_equal(count_words(&datapath->alias_index), 1);
    put_alias(datapath, &key, 1);
    assert_int_equal(count_words(&datapath->alias_index), 1);
    assert_int_equal(datapath_delete_alias(datapath, &key), 0);
    assert_int_equal(datapath_keep_alias(datapath, &key), 0);
    datapath_give_back_alias(datapath, &key);
    assert_int_equal(datapath_keep_alias(datapath, &key), 0);
    memory_datapath_fail_puts(datapath, "aliases", 0, ENOMEM);
    assert_int_equal(datapath_put_alias(datapath, &key, &alias), -ENOMEM);
    assert_int_equal(count_words(&datapath->alias_index), 0); /* nor is the place kept any more */
}

static void test_peers_and_their_index(void **state)
{
    struct datapath *datapath = *state;
    struct svc_peer_key key = {.namespace_scope = 1, .port_be = 80, .protocol = TCP, .address = {1}};
    struct svc_peer_key other = {.namespace_scope = 2, .port_be = 80, .protocol = TCP, .address = {1}};

    put_peer(datapath, &key, 5);
    put_peer(datapath, &other, 6);
    put_peer(datapath, &key, 3); /* a new first one at the address */
    assert_true(leads_to_endpoint(datapath, &key, 3) && !leads_to_endpoint(datapath, &key, 5));
    assert_int_equal(datapath_delete_peer(datapath, &key), 0);
    assert_int_equal(count_words(&datapath->peer_index), 1);
    assert_true(leads_to_endpoint(datapath, &other, 6));
}

/* A death in between leaves entries without their words, words without entries, and places kept. */
static void test_a_start_puts_both_right(void **state)
{
    struct datapath *datapath = *state;
    struct svc_alias_key keys[4] = {{.scope = 1}, {.scope = 2}, {.scope = 3}, {.scope = 4}};
    struct svc_peer_key peers[3] = {{.namespace_scope = 1}, {.namespace_scope = 2}, {.namespace_scope = 3}};
    struct svc_place place;
    uint64_t writes;

    for (uint32_t i = 0; i < 2; i++) {
        put_alias(datapath, &keys[i], i);
        put_peer(datapath, &peers[i], i + 1);
    }
    writes = datapath_writes(datapath);
    assert_int_equal(datapath_settle_aliases(datapath), 0);
    assert_int_equal(datapath_settle_peers(datapath), 0);
    assert_int_equal(datapath_writes(datapath), writes); /* all is as it should be */

    place = svc_index_alias(&keys[0], datapath->alias_index.mask);
    assert_true(open_index_remove(&datapath->alias_index, &place, 1));
    assert_int_equal(datapath_keep_alias(datapath, &keys[2]), 0);
    place = svc_index_alias(&keys[3], datapath->alias_index.mask);
    assert_int_equal(open_index_put(&datapath->alias_index, &place, 9), 0);
    place = svc_index_peer(&peers[0], datapath->peer_index.mask);
    assert_true(open_index_remove(&datapath->peer_index, &place, 2));
    place = svc_index_peer(&peers[2], datapath->peer_index.mask);
    assert_int_equal(open_index_put(&datapath->peer_index, &place, 9), 0);

    assert_int_equal(datapath_settle_aliases(datapath), 0);
    assert_int_equal(datapath_settle_peers(datapath), 0);
    assert_int_equal(count_words(&datapath->alias_index), 2);
    assert_int_equal(count_words(&datapath->peer_index), 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(leads_to_service(datapath, &keys[i], i));
        assert_true(leads_to_endpoint(datapath, &peers[i], i + 1));
    }
    assert_true(datapath_writes(datapath) > writes);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_aliases_and_their_index),
        TEST(test_a_place_that_is_kept),
        TEST(test_peers_and_their_index),
        TEST(test_a_start_puts_both_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
