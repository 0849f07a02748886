/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The open table of buckets against a model: random puts, removals and places kept, beside threads that look
 * keys up as the programs do. What a reader finds is the key it looked for, always; what is there all the time is
 * found, always. SVCTEST_INDEX_STEPS says how many steps (10^6; 10^8 take some minutes).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/open_index.h"

#define KEYS     4096u /* numbers 1..KEYS; the first eighth is there all the time */
#define STANDING (KEYS / 8)
#define READERS  2
#define STEPS    1000000ull

struct model {
    struct open_index index;
    struct svc_alias_key keys[KEYS + 1];
    uint32_t identity[KEYS + 1]; /* which key the number is for: as `services` has it */
    bool is_in[KEYS + 1];
    bool ends;
    uint64_t found[READERS];
    uint64_t wrong[READERS];
    uint64_t lost[READERS];
};

struct reader {
    struct model *model;
    unsigned number;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct svc_place place_of(const struct model *model, uint32_t key)
{
    return svc_index_alias(&model->keys[key], model->index.mask);
}

/* As find_service() in bpf/index.bpf.h: the number, or 0. */
static uint32_t look_up(const struct model *model, uint32_t key)
{
    struct svc_place place = place_of(model, key);
    uint64_t word = svc_bucket_find(&model->index.buckets[place.first], place.tag);

    if (word && model->identity[svc_index_word_number(word)] == key)
        return svc_index_word_number(word);
    for (uint32_t i = 0; i < 2 * SVC_BUCKET_WORDS; i++) {
        uint32_t bucket = i < SVC_BUCKET_WORDS ? place.first : place.second;

        word = svc_bucket_word(&model->index.buckets[bucket], i);
        if (word >> 32 == place.tag && svc_index_word_number(word) &&
            model->identity[svc_index_word_number(word)] == key)
            return svc_index_word_number(word);
    }
    return 0;
}

static void *read_on(void *user)
{
    const struct reader *reader = user;
    struct model *model = reader->model;
    uint64_t random = 88172645463325252ull + reader->number;

    while (!__atomic_load_n(&model->ends, __ATOMIC_ACQUIRE)) {
        uint32_t key = 1 + (uint32_t)(next_random(&random) % KEYS);
        uint32_t number = look_up(model, key);

        model->found[reader->number] += number != 0;
        model->wrong[reader->number] += number != 0 && number != key;
        model->lost[reader->number] += number == 0 && key <= STANDING;
    }
    return NULL;
}

/* Addresses in a row, as alias addresses are, in few scopes and at few ports. */
static struct model *make_model(uint32_t buckets)
{
    struct model *model = calloc(1, sizeof(*model));

    assert_non_null(model);
    model->index.mask = buckets - 1;
    model->index.buckets = aligned_alloc(64, buckets * sizeof(struct svc_bucket));
    assert_non_null(model->index.buckets);
    memset(model->index.buckets, 0, buckets * sizeof(struct svc_bucket));
    for (uint32_t key = 1; key <= KEYS; key++) {
        model->keys[key] =
            (struct svc_alias_key){.scope = 1 + key % 3, .port_be = (__be16)(80 << 8), .protocol = TCP};
        model->keys[key].address[10] = model->keys[key].address[11] = 0xff;
        model->keys[key].address[14] = (__u8)(key >> 8);
        model->keys[key].address[15] = (__u8)key;
        if (key % 2) /* the IPv6 address of the same alias */
            memcpy(model->keys[key].address, "\xfd\x53\x76\x63", 4);
        model->identity[key] = key;
    }
    return model;
}

static void free_model(struct model *model)
{
    free(model->index.buckets);
    free(model);
}

static void put(struct model *model, uint32_t key)
{
    struct svc_place place = place_of(model, key);

    assert_int_equal(open_index_put(&model->index, &place, key), model->is_in[key]);
    model->is_in[key] = true;
}

static void step(struct model *model, uint64_t random)
{
    uint32_t key = STANDING + 1 + (uint32_t)(random % (KEYS - STANDING));
    struct svc_place place = place_of(model, key);

    switch (random >> 60 & 3) {
    case 0:
        put(model, key);
        break;
    case 1:
        if (!model->is_in[key]) {
            assert_int_equal(open_index_keep(&model->index, &place), 0);
            assert_int_equal(look_up(model, key), 0); /* kept, and nobody finds it */
            if (random >> 62 & 1)
                put(model, key);
            else
                open_index_give_back(&model->index, &place);
        }
        break;
    default:
        assert_int_equal(open_index_remove(&model->index, &place, key), model->is_in[key]);
        model->is_in[key] = false;
    }
    assert_int_equal(look_up(model, key), model->is_in[key] ? key : 0);
}

static void test_readers_find_what_they_look_for(void **state)
{
    const char *text = getenv("SVCTEST_INDEX_STEPS");
    uint64_t steps = text ? strtoull(text, NULL, 10) : STEPS;
    struct model *model = make_model(open_index_buckets(KEYS));
    struct reader readers[READERS];
    pthread_t threads[READERS];
    uint64_t random = 0x2545f4914f6cdd1dull;
    uint64_t used = 0, wanted = 0;

    (void)state;
    for (uint32_t key = 1; key <= STANDING; key++)
        put(model, key);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){model, i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (uint64_t i = 0; i < steps; i++)
        step(model, next_random(&random));
    __atomic_store_n(&model->ends, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(model->wrong[i], 0);
        assert_int_equal(model->lost[i], 0);
        assert_true(model->found[i] > 0);
    }
    for (uint32_t key = 1; key <= KEYS; key++) {
        assert_int_equal(look_up(model, key), model->is_in[key] ? key : 0);
        wanted += model->is_in[key];
    }
    for (size_t i = 0; i <= model->index.mask; i++)
        for (unsigned j = 0; j < SVC_BUCKET_WORDS; j++)
            used += model->index.buckets[i].words[j] != 0;
    assert_int_equal(used, wanted); /* nothing kept is left over */
    free_model(model);
}

static void test_a_table_holds_what_it_was_made_for(void **state)
{
    struct model *model = make_model(open_index_buckets(KEYS));
    unsigned in_first = 0;

    (void)state;
    assert_int_equal(open_index_buckets(1), 2);
    assert_int_equal(open_index_buckets(65536), 16384);
    assert_int_equal(open_index_buckets(65537), 32768);
    for (uint32_t key = 1; key <= KEYS; key++) {
        struct svc_place place = place_of(model, key);

        assert_int_equal(open_index_keep(&model->index, &place), 0);
    }
    for (uint32_t key = 1; key <= KEYS; key++) {
        struct svc_place place = place_of(model, key);

        put(model, key);
        in_first += open_index_position(&model->index, &place, key) / SVC_BUCKET_WORDS == place.first;
    }
    for (uint32_t key = 1; key <= KEYS; key++)
        assert_int_equal(look_up(model, key), key);
    assert_true(in_first > KEYS * 3 / 4); /* a reader sees one line, mostly, even of a full table */
    free_model(model);
}

/* One key, under as many numbers as there are places; then with one kept. */
static void test_full_is_told_and_changes_nothing(void **state)
{
    struct model *model = make_model(64);
    struct svc_place place = place_of(model, 1);
    uint32_t n = 0;

    (void)state;
    while (open_index_put(&model->index, &place, n + 1) == 0)
        n++;
    assert_int_equal(n, 2 * SVC_BUCKET_WORDS);
    assert_int_equal(open_index_keep(&model->index, &place), -ENOSPC);
    assert_int_equal(open_index_put(&model->index, &place, n + 1), -ENOSPC);
    assert_int_equal(open_index_put(&model->index, &place, n), 1);
    assert_true(open_index_remove(&model->index, &place, 3));
    assert_false(open_index_remove(&model->index, &place, 3));
    assert_int_equal(open_index_keep(&model->index, &place), 0);
    assert_int_equal(open_index_keep(&model->index, &place), -ENOSPC);
    assert_int_equal(open_index_put(&model->index, &place, 99), 0);
    assert_int_not_equal(open_index_position(&model->index, &place, 99), UINT32_MAX);
    free_model(model);
}

/* Two keys of one tag and place: the first word of the tag is the other's, and both are found. */
static void test_one_tag_for_two_keys(void **state)
{
    struct model *model = make_model(64);
    struct svc_place place;

    (void)state;
    model->keys[2] = model->keys[1];
    place = place_of(model, 1);
    assert_int_equal(open_index_put(&model->index, &place, 1), 0);
    assert_int_equal(open_index_put(&model->index, &place, 2), 0);
    assert_int_equal(look_up(model, 1), 1);
    assert_int_equal(look_up(model, 2), 2);
    assert_true(open_index_remove(&model->index, &place, 1));
    assert_int_equal(look_up(model, 1), 0);
    assert_int_equal(look_up(model, 2), 2);
    free_model(model);
}

static void test_both_buckets_lead_to_each_other(void **state)
{
    struct model *model = make_model(2);

    (void)state;
    for (uint32_t mask = 1; mask < 1u << 20; mask = mask * 2 + 1)
        for (uint32_t key = 1; key <= KEYS; key += 37) {
            struct svc_place place = svc_index_alias(&model->keys[key], mask);

            assert_int_not_equal(place.tag, 0);
            assert_true(place.first <= mask && place.second <= mask && place.first != place.second);
            assert_int_equal(svc_index_other(place.second, place.tag, mask), place.first);
        }
    free_model(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_buckets_lead_to_each_other),
        cmocka_unit_test(test_a_table_holds_what_it_was_made_for),
        cmocka_unit_test(test_full_is_told_and_changes_nothing),
        cmocka_unit_test(test_one_tag_for_two_keys),
        cmocka_unit_test(test_readers_find_what_they_look_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
