/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The buddy allocator, at the end against a model that knows nothing but which slots are taken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "routing/slot_regions.h"

static struct slot_regions *new_regions(uint32_t n_slots)
{
    struct slot_regions *regions = NULL;

    assert_int_equal(slot_regions_new(&regions, n_slots), 0);
    assert_int_equal(slot_regions_capacity(regions), n_slots);
    assert_int_equal(slot_regions_used(regions), 0);
    return regions;
}

static uint32_t take(struct slot_regions *regions, uint32_t count)
{
    uint32_t first = UINT32_MAX;

    assert_int_equal(slot_regions_take(regions, count, &first), 0);
    return first;
}

static void assert_full(struct slot_regions *regions, uint32_t count)
{
    uint32_t first = 4711;

    assert_int_equal(slot_regions_take(regions, count, &first), -ENOSPC);
    assert_int_equal(first, 4711);
}

static void test_new_and_free(void **state)
{
    struct slot_regions *regions = NULL;

    (void)state;
    assert_int_equal(slot_regions_new(&regions, 0), -EINVAL);
    assert_null(regions);
    slot_regions_free(&regions);
    regions = new_regions(1);
    assert_int_equal(take(regions, 1), 0);
    assert_full(regions, 1);
    slot_regions_release(regions, 0, 1);
    assert_int_equal(take(regions, 1), 0);
    slot_regions_free(&regions);
    assert_null(regions);
}

static void test_take_and_reuse(void **state)
{
    struct slot_regions *regions = new_regions(64);
    uint32_t a = take(regions, 10);
    uint32_t b = take(regions, 16);
    uint32_t c = take(regions, 32);

    (void)state;
    assert_int_equal(a % 16, 0);
    assert_int_equal(b % 16, 0);
    assert_int_equal(c % 32, 0);
    assert_true(a != b && (a < c || a >= c + 32) && (b < c || b >= c + 32));
    assert_int_equal(slot_regions_used(regions), 64);
    assert_full(regions, 1);
    slot_regions_release(regions, b, 16);
    assert_int_equal(slot_regions_used(regions), 48);
    assert_full(regions, 17);
    assert_int_equal(take(regions, 9), b);
    slot_regions_free(&regions);
}

/* Freed neighbours grow together again, in whatever order they are freed. */
static void test_coalescing(void **state)
{
    struct slot_regions *regions = new_regions(64);

    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(take(regions, 1), i);
    for (uint32_t i = 0; i < 64; i++)
        slot_regions_release(regions, i * 37 % 64, 1);
    assert_int_equal(slot_regions_used(regions), 0);
    assert_int_equal(take(regions, 64), 0);
    slot_regions_free(&regions);
}

/* Every second slot free: half of the memory, but no two together. */
static void test_fragmentation(void **state)
{
    struct slot_regions *regions = new_regions(64);

    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        (void)take(regions, 1);
    for (uint32_t i = 0; i < 64; i += 2)
        slot_regions_release(regions, i, 1);
    assert_int_equal(slot_regions_used(regions), 32);
    assert_full(regions, 2);
    slot_regions_release(regions, 5, 1);
    assert_int_equal(take(regions, 2), 4);
    assert_full(regions, 2);
    slot_regions_free(&regions);
}

/* A small request goes to a small gap, so that the large one stays. */
static void test_keeps_large_regions(void **state)
{
    struct slot_regions *regions = new_regions(64);

    (void)state;
    assert_int_equal(slot_regions_reserve(regions, 32, 16), 0);
    assert_int_equal(take(regions, 4), 48);
    assert_int_equal(take(regions, 32), 0);
    slot_regions_free(&regions);
}

/* 100 slots are regions of 64, 32 and 4; nothing is handed out beyond the last one. */
static void test_no_power_of_two(void **state)
{
    struct slot_regions *regions = new_regions(100);

    (void)state;
    assert_full(regions, 101);
    assert_full(regions, 65);
    assert_int_equal(take(regions, 64), 0);
    assert_int_equal(take(regions, 32), 64);
    assert_full(regions, 8);
    assert_int_equal(take(regions, 4), 96);
    assert_full(regions, 1);
    assert_int_equal(slot_regions_used(regions), 100);
    assert_full(regions, UINT32_MAX);
    slot_regions_free(&regions);
}

static void test_reserve(void **state)
{
    struct slot_regions *regions = new_regions(100);

    (void)state;
    assert_int_equal(slot_regions_reserve(regions, 8, 5), 0);
    assert_int_equal(slot_regions_used(regions), 8);
    assert_int_equal(slot_regions_reserve(regions, 8, 5), -EBUSY);
    assert_int_equal(slot_regions_reserve(regions, 8, 1), -EBUSY);
    assert_int_equal(slot_regions_reserve(regions, 12, 4), -EBUSY);
    assert_int_equal(slot_regions_reserve(regions, 0, 16), -EBUSY);
    assert_int_equal(slot_regions_reserve(regions, 0, 100), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 9, 2), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 96, 8), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 100, 1), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 4096, 1), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 0, UINT32_MAX), -EINVAL);
    assert_int_equal(slot_regions_reserve(regions, 0, 0), -EINVAL);
    assert_int_equal(slot_regions_used(regions), 8);
    assert_int_equal(slot_regions_reserve(regions, 96, 4), 0);
    assert_int_equal(slot_regions_reserve(regions, 0, 8), 0);
    assert_int_equal(slot_regions_reserve(regions, 7, 1), -EBUSY);
    slot_regions_release(regions, 8, 5);
    assert_int_equal(slot_regions_reserve(regions, 12, 4), 0);
    assert_int_equal(slot_regions_used(regions), 16);
    slot_regions_free(&regions);
}

/* Releasing what was not taken must not make anything free that is in use. */
static void test_wrong_release(void **state)
{
    struct slot_regions *regions = new_regions(16);
    uint32_t first = take(regions, 8);

    (void)state;
    slot_regions_release(regions, first, 4);
    slot_regions_release(regions, first + 4, 4);
    slot_regions_release(regions, first, 16);
    slot_regions_release(regions, first + 1, 8);
    slot_regions_release(regions, 4096, 8);
    slot_regions_release(regions, first, 0);
    assert_int_equal(slot_regions_used(regions), 8);
    (void)take(regions, 8);
    assert_full(regions, 1);
    slot_regions_release(regions, first, 8);
    slot_regions_release(regions, first, 8);
    assert_int_equal(slot_regions_used(regions), 8);
    slot_regions_free(&regions);
}

/* The model: who owns each slot. Free regions are searched for by looking at every slot. */
#define MODEL_SLOTS 777

struct model {
    uint8_t taken[MODEL_SLOTS];
    struct {
        uint32_t first, count;
    } live[MODEL_SLOTS];
    size_t n_live;
};

static uint32_t rounded(uint32_t count)
{
    uint32_t size = 1;

    while (size < count)
        size *= 2;
    return size;
}

static bool model_is_free(const struct model *model, uint32_t first, uint32_t size)
{
    if (first + size > MODEL_SLOTS)
        return false;
    for (uint32_t i = first; i < first + size; i++)
        if (model->taken[i])
            return false;
    return true;
}

static bool model_has_room(const struct model *model, uint32_t size)
{
    for (uint32_t first = 0; first < MODEL_SLOTS; first += size)
        if (model_is_free(model, first, size))
            return true;
    return false;
}

static void model_add(struct model *model, uint32_t first, uint32_t count)
{
    assert_true(first % rounded(count) == 0);
    assert_true(model_is_free(model, first, rounded(count)));
    memset(model->taken + first, 1, rounded(count));
    model->live[model->n_live].first = first;
    model->live[model->n_live++].count = count;
}

static uint32_t model_used(const struct model *model)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < MODEL_SLOTS; i++)
        used += model->taken[i];
    return used;
}

static void model_step(struct model *model, struct slot_regions *regions, uint32_t count)
{
    uint32_t first = (uint32_t)lrand48() % MODEL_SLOTS;
    long choice = lrand48() % 10;
    size_t victim;
    int r;

    if (choice < 4) {
        r = slot_regions_take(regions, count, &first);
        assert_int_equal(r, model_has_room(model, rounded(count)) ? 0 : -ENOSPC);
        if (r == 0)
            model_add(model, first, count);
    } else if (choice < 6) {
        r = slot_regions_reserve(regions, first, count);
        if (first % rounded(count) != 0 || first + rounded(count) > MODEL_SLOTS)
            assert_int_equal(r, -EINVAL);
        else
            assert_int_equal(r, model_is_free(model, first, rounded(count)) ? 0 : -EBUSY);
        if (r == 0)
            model_add(model, first, count);
    } else if (model->n_live > 0) {
        victim = (size_t)lrand48() % model->n_live;
        first = model->live[victim].first;
        count = model->live[victim].count;
        slot_regions_release(regions, first, count);
        memset(model->taken + first, 0, rounded(count));
        model->live[victim] = model->live[--model->n_live];
    }
}

static void test_random_against_model(void **state)
{
    struct slot_regions *regions = new_regions(MODEL_SLOTS);
    struct model model = {0};

    (void)state;
    srand48(1);
    for (int step = 0; step < 60000; step++) {
        model_step(&model, regions, 1 + (uint32_t)lrand48() % (lrand48() % 8 ? 12 : 300));
        assert_int_equal(slot_regions_used(regions), model_used(&model));
    }
    while (model.n_live > 0) {
        model.n_live--;
        slot_regions_release(regions, model.live[model.n_live].first, model.live[model.n_live].count);
    }
    assert_int_equal(slot_regions_used(regions), 0);
    assert_int_equal(take(regions, 512), 0);
    assert_int_equal(take(regions, 256), 512);
    slot_regions_free(&regions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_and_free),
        cmocka_unit_test(test_take_and_reuse),
        cmocka_unit_test(test_coalescing),
        cmocka_unit_test(test_fragmentation),
        cmocka_unit_test(test_keeps_large_regions),
        cmocka_unit_test(test_no_power_of_two),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_wrong_release),
        cmocka_unit_test(test_random_against_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
