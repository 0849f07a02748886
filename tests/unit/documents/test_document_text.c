/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include <time.h>

#include "documents/document_text.h"

#define HOLD "{'serviceName':'a','serviceConnectConfiguration':{'enabled':true},'tags':"

static void test_utf8(void **state)
{
    static const char *const good[] = {"\xc2\x80",     "\xe0\xa0\x80",     "\xed\x9f\xbf",
                                       "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc2\xc2"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(text, sizeof(text), HOLD "'%s'}", good[i]);
        expect_good(text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), HOLD "'%s'}", bad[i]);
        expect_bad(text, "");
        expect_bad(bad[i], "");
    }
}

static void test_no_json(void **state)
{
    static const char *const bad[] = {"",        "{",           "{} {}", "nonsense", "{'a':}",
                                      "\\u0000", "['\\u0000']", "3",     "null"};
    _cleanup_parsed_ struct parsed with_nul = parse_length("{}\0", 3);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_bad(bad[i], "");
    assert_int_equal(with_nul.r, -EINVAL);
}

static void test_duplicates(void **state)
{
    (void)state;
    expect_bad(HOLD "{'a':1,'b':2,'a':3,'a':4}}", "tags.a");
    expect_bad(HOLD "[0,{'x':{'k':1,'k':1}}]}", "tags[1].x.k");
    expect_good(HOLD "[{'a':1},{'a':1,'A':2}]}");
}

static void test_numbers(void **state)
{
    static const char *const bad[] = {"1e400", "-1e400", "99999999999999999999", "9007199254740994"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), HOLD "[%s]}", bad[i]);
        expect_bad(text, "tags[0]");
    }
    expect_good(HOLD "[9007199254740992,0.5,-1,1e-400]}");
}

/* `opening` n times, then `closing` n times, between start and end. */
static char *repeated(const char *start, const char *opening, const char *closing, size_t n, const char *end)
{
    size_t size = strlen(start) + n * (strlen(opening) + strlen(closing)) + strlen(end) + 1;
    char *text = malloc(size);
    char *next;

    assert_non_null(text);
    next = stpcpy(text, start);
    for (size_t i = 0; i < n; i++)
        next = stpcpy(next, opening);
    for (size_t i = 0; i < n; i++)
        next = stpcpy(next, closing);
    (void)stpcpy(next, end);
    return text;
}

static void test_depth(void **state)
{
    _cleanup_free_ char *good = repeated(HOLD, "[", "]", JSON_MAX_DEPTH - 1, "}");
    _cleanup_free_ char *bad = repeated(HOLD, "[", "]", JSON_MAX_DEPTH, "}");
    _cleanup_free_ char *far = repeated("", "[", "", 1000000, "");

    (void)state;
    expect_good(good);
    expect_bad(bad, "");
    expect_bad(far, "");
}

static void test_size(void **state)
{
    _cleanup_free_ char *values = repeated("[0", ",0", "", DOCUMENTS_MAX_VALUES + 1, "]");
    _cleanup_free_ char *bytes = repeated("[]", " ", "", DOCUMENTS_MAX_BYTES - 2, "");
    _cleanup_parsed_ struct parsed longer = {0};

    (void)state;
    expect_bad(values, "");
    expect_good(bytes);
    longer = parse_length(bytes, (size_t)DOCUMENTS_MAX_BYTES + 1);
    assert_int_equal(longer.r, -EINVAL);
    assert_non_null(strstr(longer.findings.items[0].error.message, "16777216 bytes"));
}

/* Quadratic work over 100,000 members would take minutes. */
static void test_many_members(void **state)
{
    size_t n = 100000;
    _cleanup_free_ char *text = calloc(n, 24);
    char *next = stpcpy(text, HOLD "{");
    clock_t started = clock();

    (void)state;
    for (size_t i = 0; i < n; i++)
        next += sprintf(next, "%s'member-%zu':1", i > 0 ? "," : "", i == n - 1 ? 5 : i);
    (void)stpcpy(next, "}}");
    expect_bad(text, "tags.member-5");
    assert_true((clock() - started) / CLOCKS_PER_SEC < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),         cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_duplicates),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_depth),        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
