/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who stands for whom in a table, and which of two has less to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/table_groups.h"

#define PER_TARGET 5

static void fill(struct table_candidate *candidates, uint32_t first, bool has_zones)
{
    for (uint32_t i = 0; i < PER_TARGET; i++)
        candidates[i] = (struct table_candidate){
            .endpoint = first + i,
            .address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, (uint8_t)(first + i)}},
            .port = 8080,
            .weight = 1 + i,
            .is_eligible = i != 3,
            .is_present = true,
            .zone = (uint8_t)(has_zones ? i % 2 : 9),
        };
}

static void test_groups_are_targets_and_their_zones(void **state)
{
    static const struct table_zones zones = {.n = 2};
    struct table_candidate candidates[3][PER_TARGET];
    const struct table_target targets[] = {
        {.weight = 90, .candidates = candidates[0], .n_candidates = PER_TARGET},
        {.weight = 10, .candidates = candidates[1], .n_candidates = PER_TARGET, .zones = &zones},
        {.weight = 0, .candidates = candidates[2], .n_candidates = PER_TARGET},
    };
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t groups[100] = {0};
    uint32_t count;

    (void)state;
    fill(candidates[0], 1, false);
    fill(candidates[1], 20, true);
    fill(candidates[2], 40, false);
    assert_int_equal(table_build(targets, 3, true, &slots, &count), 0);
    assert_int_equal(table_mark_groups(targets, 3, slots, count), 0);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t endpoints[] = {slots[i].endpoint_a, slots[i].endpoint_b};

        for (size_t k = 0; k < 2; k++) {
            uint32_t group = svc_group_of(&slots[i], endpoints[k]);

            assert_true(group != 0);
            if (groups[endpoints[k]])
                assert_int_equal(group, groups[endpoints[k]]); /* the same in each column */
            groups[endpoints[k]] = group;
        }
    }
    assert_int_equal(groups[1], groups[2]);
    assert_int_equal(groups[1], groups[5]);
    assert_int_equal(groups[4], 0); /* is not drawn */
    assert_int_not_equal(groups[1], groups[20]);
    assert_int_equal(groups[20], groups[22]);
    assert_int_not_equal(groups[20], groups[21]);
}

static void test_a_table_of_one_has_nobody_to_choose_from(void **state)
{
    struct table_candidate one = {.endpoint = 3,
                                  .port = 1,
                                  .weight = 1,
                                  .is_eligible = true,
                                  .address = {{[10] = 0xff, [11] = 0xff, [12] = 10}}};
    const struct table_target target = {.weight = 1, .candidates = &one, .n_candidates = 1};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint32_t count;

    (void)state;
    assert_int_equal(table_build(&target, 1, true, &slots, &count), 0);
    assert_int_equal(table_mark_groups(&target, 1, slots, count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(slots[0].groups, 0);
}

static void test_who_has_less_to_do(void **state)
{
    static const struct {
        int32_t open;
        uint32_t weight;
        int32_t open_other;
        uint32_t weight_other;
        int is_less;
    } rows[] = {
        {0, 1, 0, 1, 0},
        {0, 1, 1, 1, 1},
        {1, 1, 0, 1, 0},
        {1, 2, 0, 1, 0},
        {0, 2, 0, 1, 1},
        {4, 3, 1, 1, 1},
        {5, 3, 1, 1, 0},
        {-5, 1, 0, 1, 0},
        {0, 1, -5, 1, 0},
        {-1, 1, 1, 1, 1},
        {2000000000, 65535, 2000000000, 1, 1},
        {2000000000, 1, 0, 65535, 0},
        {0, 0, 0, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(
            svc_is_less_loaded(rows[i].open, rows[i].weight, rows[i].open_other, rows[i].weight_other),
            rows[i].is_less);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_are_targets_and_their_zones),
        cmocka_unit_test(test_a_table_of_one_has_nobody_to_choose_from),
        cmocka_unit_test(test_who_has_less_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
