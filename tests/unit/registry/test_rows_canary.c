/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rows of canaries: the same again after reading, and what is none refused with nothing changed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/rows.h"

#define KEY        "canaries/ns//backend:80/tcp"
#define CLIENT_KEY "canaries/ns/web/backend:80/tcp"

static int setup(void **state)
{
    *state = catalog_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct catalog *catalog = *state;

    catalog_free(&catalog);
    return 0;
}

static struct canary example(void)
{
    return (struct canary){
        .from = "v1",
        .to = "v2",
        .strategy = CANARY_CANARY,
        .step = 1,
        .interval_s = CANARY_INTERVAL_MAX_S,
        .max_failures = 5,
        .min_connects = CANARY_MIN_CONNECTS_MAX,
        .state = CANARY_ROLLED_BACK,
        .share = 999,
        .started_at = 1700000000001,
        .step_started_at = 1700000000002,
        .paused_at = 1700000000003,
        .ended_at = 1700000000004,
        .base = {.established = 1, .failures = 2, .ejections = 3},
        .counted = {.established = 4, .failures = 5, .ejections = 6},
        .before = {{.is_to = true, .weight = 0}, {.is_to = false, .weight = 65535}},
        .n_before = 2,
        .reason = "so many \"failed\"",
    };
}

static const struct catalog_canary *find(const struct catalog *catalog, const char *client)
{
    const struct model_namespace *parent = catalog_namespace(catalog, "ns");

    return parent ? catalog_canary(parent, client, "backend:80/tcp") : NULL;
}

static void expect_outcomes(const struct canary_outcomes *a, const struct canary_outcomes *b)
{
    assert_int_equal(a->established, b->established);
    assert_int_equal(a->failures, b->failures);
    assert_int_equal(a->ejections, b->ejections);
}

static void expect_equal(const struct canary *a, const struct canary *b)
{
    assert_string_equal(a->from, b->from);
    assert_string_equal(a->to, b->to);
    assert_int_equal(a->strategy, b->strategy);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->interval_s, b->interval_s);
    assert_int_equal(a->max_failures, b->max_failures);
    assert_int_equal(a->min_connects, b->min_connects);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->share, b->share);
    assert_int_equal(a->started_at, b->started_at);
    assert_int_equal(a->step_started_at, b->step_started_at);
    assert_int_equal(a->paused_at, b->paused_at);
    assert_int_equal(a->ended_at, b->ended_at);
    expect_outcomes(&a->base, &b->base);
    expect_outcomes(&a->counted, &b->counted);
    assert_int_equal(a->n_before, b->n_before);
    for (size_t i = 0; i < a->n_before; i++) {
        assert_int_equal(a->before[i].is_to, b->before[i].is_to);
        assert_int_equal(a->before[i].weight, b->before[i].weight);
    }
    assert_string_equal(a->reason, b->reason);
}

static void expect_same_again(struct catalog *catalog, const struct canary *canary, const char *client,
                              const char *key)
{
    const struct client_alias alias = {.dns_name = "backend", .port = 80, .protocol = TCP};
    struct catalog_canary entry = {.alias = alias, .canary = *canary};
    struct registry_row row = {0};
    struct registry_row again = {0};
    const struct catalog_canary *found;

    (void)snprintf(entry.client, sizeof(entry.client), "%s", client);
    alias_identity(&alias, entry.identity);
    assert_int_equal(row_for_canary("ns", &entry, &row), 0);
    assert_string_equal(row.key, key);
    assert_int_equal(row_apply(catalog, row.key, row.value, NULL), 0);
    found = find(catalog, client);
    assert_non_null(found);
    assert_int_equal(found->alias.port, 80);
    expect_equal(&found->canary, canary);
    assert_int_equal(row_of_catalog(catalog, key, &again), 0);
    assert_string_equal(again.value, row.value);
    row_done(&row);
    row_done(&again);
}

static void test_the_same_again(void **state)
{
    struct canary full = example();
    struct canary plain = {.from = "a",
                           .to = "b",
                           .step = 30,
                           .share = 30,
                           .started_at = 1,
                           .step_started_at = 1,
                           .max_failures = CANARY_WHOLE};

    expect_same_again(*state, &full, "", KEY);
    expect_same_again(*state, &plain, "web", CLIENT_KEY);
    /* In its place: the other one stays, and so does the address of this one. */
    {
        const struct catalog_canary *place = find(*state, "");

        expect_same_again(*state, &plain, "", KEY);
        assert_ptr_equal(find(*state, ""), place);
    }
}

static void test_deletion(void **state)
{
    struct canary full = example();
    struct registry_row row = {0};

    expect_same_again(*state, &full, "", KEY);
    expect_same_again(*state, &full, "web", CLIENT_KEY);
    assert_int_equal(row_delete_canary("ns", "web", "backend:80/tcp", &row), 0);
    assert_string_equal(row.key, CLIENT_KEY);
    assert_null(row.value);
    assert_int_equal(row_apply(*state, row.key, row.value, NULL), 0);
    row_done(&row);
    assert_null(find(*state, "web"));
    assert_non_null(find(*state, ""));
    assert_int_equal(row_of_catalog(*state, CLIENT_KEY, &row), 0);
    assert_null(row.value);
    row_done(&row);
    assert_int_equal(row_apply(*state, "canaries/other//x:1/tcp", NULL, NULL), 0);
}

/* A good row with one member replaced by `text` (NULL: left out) is refused, and the error
 * names the member. */
static void expect_refused(struct catalog *catalog, const char *key, const char *good, const char *member,
                           const char *text)
{
    _cleanup_free_ char *value = NULL;
    struct error error = {0};
    char pattern[64];
    const char *at;
    size_t length;

    (void)snprintf(pattern, sizeof(pattern), "\"%s\":", member);
    at = strstr(good, pattern);
    assert_non_null(at);
    length = strcspn(at + strlen(pattern), ",}") + strlen(pattern);
    if (text)
        assert_true(asprintf(&value, "%.*s\"%s\":%s%s", (int)(at - good), good, member, text, at + length) >
                    0);
    else
        assert_true(asprintf(&value, "%.*s\"other\":1%s", (int)(at - good), good, at + length) > 0);
    if (row_apply(catalog, key, value, &error) != -EINVAL || !strstr(error.field, member))
        fail_msg("%s: field \"%s\", message \"%s\"", value, error.field, error.message);
    assert_null(find(catalog, ""));
}

#define GOOD                                                                                                 \
    "{\"from\":\"v1\",\"to\":\"v2\",\"strategy\":\"LINEAR\",\"stepTenths\":100,\"intervalSeconds\":360,"     \
    "\"maxFailuresTenths\":50,\"minConnects\":20,\"state\":\"PAUSED\",\"shareTenths\":100,"                  \
    "\"startedAtMs\":1,\"stepStartedAtMs\":1,\"pausedAtMs\":2,"                                              \
    "\"base\":{\"established\":0,\"failures\":0,\"ejections\":0},"                                           \
    "\"counted\":{\"established\":0,\"failures\":0,\"ejections\":0},"                                        \
    "\"before\":[{\"service\":\"from\",\"weight\":100}],\"reason\":\"\"}"

static void test_what_is_no_canary(void **state)
{
    static const char *const bad[][2] = {
        {"from", NULL},
        {"from", "5"},
        {"from", "\"a b\""},
        {"to", NULL},
        {"to", "\"v1\""},
        {"strategy", NULL},
        {"strategy", "\"BLUE\""},
        {"stepTenths", "0"},
        {"stepTenths", "1001"},
        {"stepTenths", NULL},
        {"intervalSeconds", "-1"},
        {"intervalSeconds", "86401"},
        {"maxFailuresTenths", "1001"},
        {"minConnects", "1.5"},
        {"minConnects", NULL},
        {"state", "\"running\""},
        {"state", NULL},
        {"shareTenths", "1001"},
        {"shareTenths", NULL},
        {"startedAtMs", "0"},
        {"startedAtMs", NULL},
        {"stepStartedAtMs", NULL},
        {"pausedAtMs", NULL},
        {"base", "5,\"x\":{\"y\":0"},
        {"established", "-1"},
        {"failures", "\"1\""},
        {"ejections", NULL},
        {"weight", "65536"},
        {"service", "\"v1\""},
        {"reason", "5"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_refused(*state, KEY, GOOD, bad[i][0], bad[i][1]);
    assert_int_equal(row_apply(*state, "canaries/ns//backend:80", GOOD, NULL), -EINVAL);
    assert_int_equal(row_apply(*state, "canaries/ns/backend:80/tcp", GOOD, NULL), -EINVAL);
    assert_int_equal(row_apply(*state, "canaries/ns/a b/backend:80/tcp", GOOD, NULL), -EINVAL);
    assert_int_equal(row_apply(*state, KEY, "[]", NULL), -EINVAL);
    assert_int_equal(row_apply(*state, KEY, GOOD, NULL), 0);
    assert_non_null(find(*state, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deletion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_canary, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
