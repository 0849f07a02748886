/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "parsed.h"

static void add_from(struct findings *findings, enum finding_severity severity, int number,
                     const char *source, const char *message)
{
    struct error error = {.number = number};

    (void)snprintf(error.message, sizeof(error.message), "%s", message);
    assert_int_equal(findings_add(findings, severity, source, &error), 0);
}

/* One that differs from all others. */
static void add(struct findings *findings, enum finding_severity severity, int number)
{
    char message[32];

    (void)snprintf(message, sizeof(message), "%d", number);
    add_from(findings, severity, number, "a.json", message);
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

/* However many warnings there are, whoever is refused sees why. */
static void test_warnings_leave_room_for_errors(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0};

    (void)state;
    for (int i = 0; i < DOCUMENTS_MAX_FINDINGS + 1; i++)
        add(&findings, FINDING_WARNING, i);
    add(&findings, FINDING_ERROR, 1000);
    assert_int_equal(findings.n, DOCUMENTS_MAX_FINDINGS + 1);
    assert_int_equal(findings.items[DOCUMENTS_MAX_FINDINGS].error.number, 1000);
    assert_int_equal(findings.n_warnings, DOCUMENTS_MAX_FINDINGS + 1);
    findings_done(&findings);
    assert_null(findings.items);
}

static void expect_words(const struct findings *findings)
{
    assert_int_equal(findings->n, 2);
    assert_int_equal(findings->n_warnings, 2001);
    assert_int_equal(findings->items[0].times, 2000);
    assert_string_equal(findings->items[0].source, "0.json");
    assert_int_equal(findings->items[0].n_more_sources, FINDING_MAX_SOURCES - 1);
    assert_string_equal(findings->items[0].more_sources[0], "1.json");
    assert_int_equal(findings->items[1].times, 1);
    assert_int_equal(findings->items[1].n_more_sources, 0);
}

/* A warning of two thousand files is one, with a count and the first of them, each once. */
static void test_the_same_words(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0}, copy = {0};
    char source[32];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(source, sizeof(source), "%d.json", i / 2);
        add_from(&findings, FINDING_WARNING, 1, source, "not enforced");
    }
    add_from(&findings, FINDING_WARNING, 1, "0.json", "something else");
    expect_words(&findings);
    assert_int_equal(findings_copy(&findings, &copy), 0);
    expect_words(&copy);
}

static void test_the_same_error_twice(void **state)
{
    _cleanup_(findings_done) struct findings findings = {0};

    (void)state;
    add(&findings, FINDING_ERROR, 1);
    add(&findings, FINDING_ERROR, 1);
    assert_int_equal(findings.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_and_source),         cmocka_unit_test(test_counts_beyond_the_cap),
        cmocka_unit_test(test_warnings_leave_room_for_errors), cmocka_unit_test(test_the_same_words),
        cmocka_unit_test(test_the_same_error_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
