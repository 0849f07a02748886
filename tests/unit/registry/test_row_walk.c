/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Each row that made a catalog is met once, and taking all that are met away leaves nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/row_walk.h"
#include "registry/rows.h"
#include "catalog_text.h"

static const char *const rows[][2] = {
    {"settings/global", "{\"connectTimeoutSeconds\":3}"},
    {"aws/clusters/main", "{\"a\":1}"},
    {"namespaces/ns", "{}"},
    {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80}]}"},
    {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":8080,\"weight\":7}"},
    {"instances/ns/web/r", "{\"attributes\":{\"k\":\"v\"}}"},
    {"instances/ns/web/h", "{\"host\":\"db.example.net\",\"port\":5432,\"weight\":1}"},
    {"routes/ns//api:80/tcp", "{\"targets\":[{\"service\":\"web\",\"weight\":1}]}"},
    {"routes/ns/other/api:80/tcp", "{\"targets\":[{\"service\":\"v1\",\"weight\":1}]}"},
    {"documents/ns/web", "{\"source\":\"web.json\",\"text\":\"{}\"}"},
    {"namespaces/y z", "{}"},
    {"instances/y z/web/a", "{\"address\":\"10.0.0.1\",\"port\":8080,\"weight\":7}"},
    {"routes/y z/other/api:80/tcp", "{\"targets\":[]}"},
    {"services/zz/last", "{}"},
};

struct met {
    struct catalog *catalog;
    unsigned n[ARRAY_SIZE(rows)];
    unsigned all;
    char *keys[64];
};

static int meet(const char *key, void *user)
{
    struct met *met = user;

    assert_true(met->all < ARRAY_SIZE(met->keys));
    met->keys[met->all++] = strdup(key);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        met->n[i] += strcmp(rows[i][0], key) == 0;
    return 0;
}

static int refuse(const char *key, void *user)
{
    (void)key;
    (void)user;
    return -ECANCELED;
}

static void test_every_row_once(void **state)
{
    struct catalog *catalog = catalog_new();
    struct met met = {.catalog = catalog};
    struct row_walk walk = {0};
    _cleanup_free_ char *empty = NULL;
    _cleanup_free_ char *left = NULL;
    unsigned pieces = 1;

    (void)state;
    empty = catalog_text(catalog);
    assert_int_equal(row_walk_step(&walk, catalog, meet, &met), 0); /* an empty one in one piece */
    free(met.keys[0]);
    met = (struct met){.catalog = catalog};
    walk = (struct row_walk){0};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(row_apply(catalog, rows[i][0], rows[i][1], NULL), 0);
    while (row_walk_step(&walk, catalog, meet, &met) == 1)
        pieces++;
    assert_true(pieces > 5);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (met.n[i] != 1)
            fail_msg("%s: %u times", rows[i][0], met.n[i]);
    for (unsigned i = 0; i < met.all; i++) {
        assert_int_equal(row_apply(catalog, met.keys[i], NULL, NULL), 0);
        free(met.keys[i]);
    }
    left = catalog_text(catalog);
    assert_string_equal(left, empty);
    walk = (struct row_walk){0};
    assert_int_equal(row_walk_step(&walk, catalog, refuse, NULL), -ECANCELED);
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
