/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tables that grow bucket by bucket: everything is found at each size, and no addition does the work of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

#define N_ENTRIES 20000u

struct entry {
    uint32_t key;
    UT_hash_handle hh;
};

static struct entry *find(struct entry *head, uint32_t key)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, head, &key, sizeof(key), entry);
    return entry;
}

static void add(struct entry **head, struct entry *entries, uint32_t key)
{
    entries[key].key = key;
    HASH_ADD(hh, *head, key, sizeof(key), &entries[key]);
}

static struct entry *make_entries(void)
{
    struct entry *entries = calloc(N_ENTRIES, sizeof(*entries));

    assert_non_null(entries);
    return entries;
}

static void a_hash_has_its_bucket_among_those_there_are(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 300; n++) {
        assert_true(hash_bucket(0xdeadbeef, n) < n);
        assert_int_equal(hash_bucket(n - 1, n), n - 1);
    }
    assert_int_equal(hash_bucket(37, 32), 5);
    assert_int_equal(hash_bucket(37, 37), 5); /* 32..36 are there, 37 is not yet */
    assert_int_equal(hash_bucket(37, 38), 37);
    assert_int_equal(hash_bucket(UINT32_MAX, 0x80000000u), 0x7fffffff);
}

/* That each of them is in the bucket where it is looked for, also halfway between two powers of two. */
static void all_are_found_at_every_size(void **state)
{
    struct entry *entries = make_entries();
    struct entry *head = NULL;

    (void)state;
    for (uint32_t i = 0; i < N_ENTRIES; i++) {
        add(&head, entries, i);
        assert_ptr_equal(find(head, i), &entries[i]);
        assert_ptr_equal(find(head, i / 2), &entries[i / 2]);
        assert_null(find(head, i + 1));
        for (uint32_t j = 0; i % 997 == 0 && j < i; j++)
            assert_ptr_equal(find(head, j), &entries[j]);
    }
    assert_int_equal(HASH_COUNT(head), N_ENTRIES);
    HASH_CLEAR(hh, head);
    free(entries);
}

static void an_addition_makes_one_bucket_at_the_most(void **state)
{
    struct entry *entries = make_entries();
    struct entry *head = NULL;
    unsigned before = 0;

    (void)state;
    for (uint32_t i = 0; i < N_ENTRIES; i++) {
        add(&head, entries, i);
        if (before)
            assert_in_range(head->hh.tbl->num_buckets, before, before + 1);
        before = head->hh.tbl->num_buckets;
        assert_true(i / HASH_BUCKET_ENTRIES <= before);
    }
    HASH_CLEAR(hh, head);
    free(entries);
}

static void buckets_count_what_they_hold(void **state)
{
    struct entry *entries = make_entries();
    struct entry *head = NULL;
    unsigned sum = 0;

    (void)state;
    for (uint32_t i = 0; i < N_ENTRIES; i++)
        add(&head, entries, i);
    for (unsigned i = 0; i < head->hh.tbl->num_buckets; i++) {
        const struct UT_hash_bucket *bucket = &head->hh.tbl->buckets[i];
        const struct UT_hash_handle *before = NULL;
        unsigned n = 0;

        for (const struct UT_hash_handle *entry = bucket->hh_head; entry;
             before = entry, entry = entry->hh_next) {
            assert_ptr_equal(entry->hh_prev, before);
            assert_int_equal(hash_bucket(entry->hashv, head->hh.tbl->num_buckets), i);
            n++;
        }
        assert_int_equal(bucket->count, n);
        sum += n;
    }
    assert_int_equal(sum, N_ENTRIES);
    HASH_CLEAR(hh, head);
    free(entries);
}

static void what_is_removed_is_gone_and_the_rest_stays_in_order(void **state)
{
    struct entry *entries = make_entries();
    struct entry *head = NULL;
    uint32_t expected = 1;

    (void)state;
    for (uint32_t i = 0; i < N_ENTRIES; i++)
        add(&head, entries, i);
    for (uint32_t i = 0; i < N_ENTRIES; i += 2)
        HASH_DEL(head, &entries[i]);
    for (uint32_t i = 0; i < N_ENTRIES; i++)
        assert_ptr_equal(find(head, i), i % 2 ? &entries[i] : NULL);
    for (const struct entry *entry = head; entry; entry = entry->hh.next, expected += 2)
        assert_int_equal(entry->key, expected);
    for (uint32_t i = 0; i < N_ENTRIES; i += 2)
        add(&head, entries, i);
    for (uint32_t i = 0; i < N_ENTRIES; i++)
        assert_ptr_equal(find(head, i), &entries[i]);
    HASH_CLEAR(hh, head);
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_has_its_bucket_among_those_there_are),
        cmocka_unit_test(all_are_found_at_every_size),
        cmocka_unit_test(an_addition_makes_one_bucket_at_the_most),
        cmocka_unit_test(buckets_count_what_they_hold),
        cmocka_unit_test(what_is_removed_is_gone_and_the_rest_stays_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
