/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What hosts count, as text and added up. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "registry/etcd/etcd_tallies.h"

static void expect_sum(const cJSON *sums, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t counts[REGISTRY_COUNTS] = {7, 7, 7};

    etcd_tallies_read(sums, name, counts);
    assert_int_equal(counts[0], a);
    assert_int_equal(counts[1], b);
    assert_int_equal(counts[2], c);
}

static void test_hosts_are_added_up(void **state)
{
    const struct registry_tally one[] = {{"a", {1, 2, 3}}, {"b \"x\"/@", {4, 0, 0}}};
    const struct registry_tally two[] = {{"a", {10, 20, 30}}};
    _cleanup_free_ char *first = etcd_tallies_write(one, 2), *second = etcd_tallies_write(two, 1);
    _cleanup_free_ char *none = etcd_tallies_write(NULL, 0);
    _cleanup_json_ cJSON *sums = cJSON_CreateObject();

    (void)state;
    assert_string_equal(first, "{\"a\":[1,2,3],\"b \\\"x\\\"/@\":[4,0,0]}");
    assert_string_equal(none, "{}");
    expect_sum(NULL, "a", 0, 0, 0);
    assert_int_equal(etcd_tallies_add(sums, first), 0);
    assert_int_equal(etcd_tallies_add(sums, second), 0);
    assert_int_equal(etcd_tallies_add(sums, none), 0);
    expect_sum(sums, "a", 11, 22, 33);
    expect_sum(sums, "b \"x\"/@", 4, 0, 0);
    expect_sum(sums, "A", 0, 0, 0);
}

/* By hand, or by a newer version. */
static void test_what_is_no_count(void **state)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "[[1,2,3]]",
                                        "{\"a\":1}",
                                        "{\"a\":{\"b\":1}}",
                                        "{\"a\":[]}",
                                        "{\"a\":[-1,1e300,\"9\"]}",
                                        "{\"a\":[1"};
    _cleanup_json_ cJSON *sums = cJSON_CreateObject();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(etcd_tallies_add(sums, texts[i]), 0);
        expect_sum(sums, "a", 0, 0, 0);
    }
    assert_int_equal(etcd_tallies_add(sums, "{\"a\":[1,2,3,4]}"), 0);
    expect_sum(sums, "a", 1, 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_are_added_up),
        cmocka_unit_test(test_what_is_no_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
