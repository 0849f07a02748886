/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

static void add(struct findings *findings, enum finding_severity severity, int number)
{
    struct error error = {.number = number};

    assert_int_equal(findings_add(findings, severity, "a.json", &error), 0);
}

static void test_keeps_order_and_source(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0};

    (void)state;
    add(&findings, FINDING_WARNING, 1);
    add(&findings, FINDING_ERROR, 2);
    assert_int_equal(findings.n, 2);
    assert_int_equal(findings.items[0].error.number, 1);
    assert_int_equal(findings.items[1].error.number, 2);
    assert_string_equal(findings.items[1].source, "a.json");
    assert_int_equal(findings.n_errors, 1);
    assert_int_equal(findings.n_warnings, 1);
}

static void test_counts_beyond_the_cap(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0};

    (void)state;
    for (int i = 0; i < DOCUMENTS_MAX_FINDINGS + 10; i++)
        add(&findings, FINDING_ERROR, i);
    assert_int_equal(findings.n, DOCUMENTS_MAX_FINDINGS);
    assert_int_equal(findings.n_errors, DOCUMENTS_MAX_FINDINGS + 10);
    assert_int_equal(findings.items[DOCUMENTS_MAX_FINDINGS - 1].error.number, DOCUMENTS_MAX_FINDINGS - 1);
}

static void test_errors_go_before_warnings(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0};

    (void)state;
    for (int i = 0; i < DOCUMENTS_MAX_FINDINGS + 1; i++)
        add(&findings, FINDING_WARNING, i);
    add(&findings, FINDING_ERROR, 1000);
    assert_int_equal(findings.n, DOCUMENTS_MAX_FINDINGS);
    assert_int_equal(findings.items[DOCUMENTS_MAX_FINDINGS - 1].error.number, 1000);
    assert_int_equal(findings.items[DOCUMENTS_MAX_FINDINGS - 2].error.number, DOCUMENTS_MAX_FINDINGS - 2);
    assert_int_equal(findings.n_warnings, DOCUMENTS_MAX_FINDINGS + 1);
    findings_done(&findings);
    assert_null(findings.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_and_source),
        cmocka_unit_test(test_counts_beyond_the_cap),
        cmocka_unit_test(test_errors_go_before_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
