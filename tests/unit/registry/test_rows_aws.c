/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the AWS API keeps in rows: it comes back the same, goes with its row, and is found by its id. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/catalog_aws.h"
#include "registry/rows.h"

static void apply(struct catalog *catalog, const char *key, const char *value)
{
    assert_int_equal(row_apply(catalog, key, value, NULL), 0);
}

/* The row that would bring the key back is this one. */
static void expect_kept(const struct catalog *catalog, const char *key, const char *value)
{
    struct registry_row row;

    assert_int_equal(row_of_catalog(catalog, key, &row), 0);
    assert_string_equal(row.key, key);
    if (value)
        assert_string_equal(row.value, value);
    else
        assert_null(row.value);
    row_done(&row);
}

static void test_ids(void **state)
{
    struct catalog *catalog = catalog_new();
    const struct service *service;
    char derived[CATALOG_ID_SIZE];

    (void)state;
    apply(catalog, "services/ns/web", "{\"clientAliases\":[]}");
    service = catalog_service(catalog, "ns", "web");
    strcpy(derived, service->id);
    assert_ptr_equal(catalog_service_by_id(catalog, derived), service);
    apply(catalog, "services/ns/web", "{\"clientAliases\":[],\"aws\":{\"id\":\"srv-1\",\"Tags\":[]}}");
    assert_ptr_equal(catalog_service_by_id(catalog, "srv-1"), service);
    assert_null(catalog_service_by_id(catalog, derived));
    expect_kept(catalog, "services/ns/web", "{\"clientAliases\":[],\"aws\":{\"id\":\"srv-1\",\"Tags\":[]}}");
    /* An id that another has is not taken over. */
    apply(catalog, "services/ns/other", "{\"clientAliases\":[],\"aws\":{\"id\":\"srv-1\"}}");
    assert_ptr_equal(catalog_service_by_id(catalog, "srv-1"), service);
    apply(catalog, "namespaces/ns", "{\"aws\":{\"id\":\"ns-1\"}}");
    assert_non_null(catalog_namespace_by_id(catalog, "ns-1"));
    apply(catalog, "namespaces/ns", NULL);
    assert_null(catalog_namespace_by_id(catalog, "ns-1"));
    assert_int_equal(row_apply(catalog, "services/ns/web", "{\"aws\":[]}", NULL), -22);
    assert_int_equal(row_apply(catalog, "services/ns/web", "{\"aws\":{\"id\":\"\"}}", NULL), -22);
    catalog_free(&catalog);
}

static void test_instances(void **state)
{
    static const char record[] = "{\"health\":\"UNHEALTHY\",\"attributes\":{\"url\":\"x\"},"
                                 "\"creatorRequestId\":\"c\"}";
    static const char addressed[] = "{\"address\":\"10.0.0.1\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,"
                                    "\"health\":\"HEALTHY\",\"attributes\":{\"zone\":\"a\"}}";
    struct catalog *catalog = catalog_new();
    const struct service *service;
    uint64_t revision;

    (void)state;
    apply(catalog, "services/ns/web", "{\"clientAliases\":[]}");
    apply(catalog, "instances/ns/web/i", record);
    service = catalog_service(catalog, "ns", "web");
    assert_int_equal(catalog->n_instances, 0);
    assert_non_null(catalog_record(service, "i"));
    expect_kept(catalog, "instances/ns/web/i", record);
    apply(catalog, "instances/ns/web/i", addressed);
    assert_null(catalog_record(service, "i"));
    assert_int_equal(catalog->n_instances, 1);
    expect_kept(catalog, "instances/ns/web/i", addressed);
    revision = service->instances_revision;
    apply(catalog, "instances/ns/web/i",
          "{\"address\":\"10.0.0.1\",\"port\":80,\"health\":\"UNHEALTHY\",\"attributes\":{\"zone\":\"a\"}}");
    assert_int_equal(service->instances_revision, revision);
    catalog->instances_revision++;
    apply(catalog, "instances/ns/web/i", record);
    assert_true(service->instances_revision > revision);
    assert_int_equal(catalog->n_instances, 0);
    apply(catalog, "instances/ns/web/i", NULL);
    assert_null(catalog_record(service, "i"));
    assert_int_equal(row_apply(catalog, "instances/ns/web/j", "{\"attributes\":{\"a\":1}}", NULL), -22);
    catalog_free(&catalog);
}

static void test_records(void **state)
{
    struct catalog *catalog = catalog_new();

    (void)state;
    apply(catalog, "aws/operations/1-a", "{\"Type\":\"X\"}");
    apply(catalog, "aws/task-definitions/web:1", "{}");
    apply(catalog, "aws/something-newer/x", "{}");
    expect_kept(catalog, "aws/operations/1-a", "{\"Type\":\"X\"}");
    assert_non_null(catalog_aws_record(catalog, AWS_TASK_DEFINITIONS, "web:1"));
    apply(catalog, "aws/operations/1-a", NULL);
    expect_kept(catalog, "aws/operations/1-a", NULL);
    assert_int_equal(row_apply(catalog, "aws/operations/2", "[]", NULL), -22);
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
