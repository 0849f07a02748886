/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* "draining" in the row of an instance. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/rows.h"
#include "catalog_text.h"

#define KEY "instances/ns/web/a"
#define PLAIN                                                                                                \
    "{\"address\":\"10.0.0.1\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":7,\"health\":\"HEALTHY\"}"
#define BY_HAND(value)                                                                                       \
    "{\"address\":\"10.0.0.1\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":7,\"health\":\"HEALTHY\","      \
    "\"healthByHand\":" value "}"
#define DRAINING(value)                                                                                      \
    "{\"address\":\"10.0.0.1\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":7,\"health\":\"HEALTHY\","      \
    "\"draining\":" value "}"

static void apply(struct catalog *catalog, const char *key, const char *value)
{
    struct error error = {0};

    if (row_apply(catalog, key, value, &error) != 0)
        fail_msg("%s %s: %s", key, value ? value : "(deleted)", error.message);
}

static int setup(void **state)
{
    struct catalog *catalog = catalog_new();

    *state = catalog;
    return catalog && row_apply(catalog, KEY, PLAIN, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return 0;
}

static struct instance *instance_of(const struct catalog *catalog)
{
    struct instance *instance = catalog_instance(catalog_service(catalog, "ns", "web"), "a");

    assert_non_null(instance);
    return instance;
}

static void expect(const struct catalog *catalog, int64_t until, bool is_kill)
{
    const struct instance *instance = instance_of(catalog);

    assert_true(instance->drain_until == until);
    assert_int_equal(instance->is_drain_kill, is_kill);
}

static void test_read(void **state)
{
    expect(*state, 0, false);
    apply(*state, KEY, DRAINING("{\"until\":1800000000}"));
    expect(*state, 1800000000, false);
    apply(*state, KEY, DRAINING("{\"until\":1800000001,\"kill\":true}"));
    expect(*state, 1800000001, true);
    apply(*state, KEY, DRAINING("{\"until\":1,\"kill\":false,\"later\":[]}"));
    expect(*state, 1, false);
    apply(*state, KEY, DRAINING("{\"until\":4503599627370496,\"kill\":true}")); /* 2^52 */
    expect(*state, INT64_C(1) << 52, true);
    apply(*state, KEY, PLAIN); /* registered anew: it does not leave after all */
    expect(*state, 0, false);
}

/* The row tells all of it, and reads back as what it was. */
static void test_round_trip(void **state)
{
    static const char *const rows[] = {PLAIN,
                                       DRAINING("{\"until\":1800000000,\"kill\":false}"),
                                       DRAINING("{\"until\":1800000000,\"kill\":true}"),
                                       DRAINING("{\"until\":4503599627370496,\"kill\":false}"),
                                       DRAINING("{\"until\":1800000000,\"kill\":false,\"byHand\":true}"),
                                       BY_HAND("\"UNHEALTHY\""),
                                       BY_HAND("\"HEALTHY\"")};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(row_done) struct registry_row row = {0};

        apply(*state, KEY, rows[i]);
        assert_int_equal(row_of_catalog(*state, KEY, &row), 0);
        assert_string_equal(row.key, KEY);
        assert_string_equal(row.value, rows[i]);
    }
}

/* What this host has found of the instance is no part of the row. */
static void test_what_was_found_stays(void **state)
{
    struct instance *instance = instance_of(*state);

    instance->endpoint = 17;
    instance->observed = UNHEALTHY;
    instance->is_held_back = true;
    apply(*state, KEY, DRAINING("{\"until\":5}"));
    assert_ptr_equal(instance_of(*state), instance);
    assert_int_equal(instance->endpoint, 17);
    assert_int_equal(instance->observed, UNHEALTHY);
    assert_true(instance->is_held_back);
    assert_int_equal(instance_health(instance), DRAINING);
    instance->is_drained = true;
    apply(*state, KEY, DRAINING("{\"until\":6}"));
    assert_true(instance->is_drained);
    apply(*state, KEY, PLAIN);
    assert_false(instance->is_drained); /* the next drain is another one */
}

static void test_bad_members(void **state)
{
    static const struct {
        const char *value, *field;
    } rows[] = {
        {DRAINING("null"), "draining"},
        {DRAINING("true"), "draining"},
        {DRAINING("5"), "draining"},
        {DRAINING("\"soon\""), "draining"},
        {DRAINING("[]"), "draining"},
        {DRAINING("{}"), "draining.until"},
        {DRAINING("{\"kill\":true}"), "draining.until"},
        {DRAINING("{\"until\":null}"), "draining.until"},
        {DRAINING("{\"until\":\"5\"}"), "draining.until"},
        {DRAINING("{\"until\":0}"), "draining.until"},
        {DRAINING("{\"until\":-5}"), "draining.until"},
        {DRAINING("{\"until\":1.5}"), "draining.until"},
        {DRAINING("{\"until\":4503599627370497}"), "draining.until"},
        {DRAINING("{\"until\":1e300}"), "draining.until"},
        {DRAINING("{\"until\":5,\"kill\":1}"), "draining.kill"},
        {DRAINING("{\"until\":5,\"kill\":null}"), "draining.kill"},
        {DRAINING("{\"until\":5,\"byHand\":1}"), "draining.byHand"},
        {BY_HAND("1"), "healthByHand"},
        {BY_HAND("\"UNKNOWN\""), "healthByHand"},
        {DRAINING("{\"until\":5,\"kill\":\"true\"}"), "draining.kill"},
    };
    _cleanup_free_ char *before = NULL;

    apply(*state, KEY, DRAINING("{\"until\":77,\"kill\":true}"));
    before = catalog_text(*state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *after = NULL;
        struct error error = {0};

        if (row_apply(*state, KEY, rows[i].value, &error) != -EINVAL)
            fail_msg("%s is not refused", rows[i].value);
        assert_string_equal(error.field, rows[i].field);
        assert_true(*error.message);
        after = catalog_text(*state);
        assert_string_equal(after, before);
    }
}

static void test_undo(void **state)
{
    static const char *const states[] = {PLAIN, DRAINING("{\"until\":5,\"kill\":false}"),
                                         DRAINING("{\"until\":6,\"kill\":true}"), NULL};

    for (size_t from = 0; from < ARRAY_SIZE(states); from++)
        for (size_t to = 0; to < ARRAY_SIZE(states); to++) {
            _cleanup_(row_done) struct registry_row undo = {0};
            _cleanup_free_ char *before = NULL;
            _cleanup_free_ char *changed = NULL;
            _cleanup_free_ char *after = NULL;

            apply(*state, KEY, states[from]);
            before = catalog_text(*state);
            assert_int_equal(row_of_catalog(*state, KEY, &undo), 0);
            apply(*state, KEY, states[to]);
            changed = catalog_text(*state);
            assert_int_equal(strcmp(changed, before) != 0, from != to);
            apply(*state, undo.key, undo.value);
            after = catalog_text(*state);
            assert_string_equal(after, before);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read),        TEST(test_round_trip), TEST(test_what_was_found_stays),
        TEST(test_bad_members), TEST(test_undo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
