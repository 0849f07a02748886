/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "names/hosts_text.h"

#define BEGIN "# svcconnect begin (written by svcconnect; changes here are lost)\n"
#define END   "# svcconnect end\n"
#define BLOCK                                                                                                \
    BEGIN "127.255.0.1\tbackend\nfd00::1\tbackend\n"                                                         \
          "127.255.0.2\tdb.internal\nfd00::2\tdb.internal\n" END

static struct hosts_entry entry(const char *name, uint8_t number)
{
    struct hosts_entry made = {.name = name, .address = ip_address_from_v4(0x7fff0000 + number)};

    made.address6.bytes[0] = 0xfd;
    made.address6.bytes[15] = number;
    return made;
}

static char *build(const char *base)
{
    const struct hosts_entry entries[] = {entry("backend", 1), entry("db.internal", 2)};
    char *text = NULL;

    assert_int_equal(hosts_text_build(base, entries, 2, &text), 0);
    assert_non_null(text);
    return text;
}

/* Builds, compares, and builds again from the result, which must change nothing. */
static void check(const char *base, const char *wanted)
{
    _cleanup_free_ char *text = build(base);
    _cleanup_free_ char *again = NULL;

    assert_string_equal(text, wanted);
    again = build(text);
    assert_string_equal(again, wanted);
}

static void test_block(void **state)
{
    (void)state;
    check("", BLOCK);
    check("127.0.0.1 localhost\n", "127.0.0.1 localhost\n" BLOCK);
    /* A last line without its newline does not swallow the first line of the block. */
    check("127.0.0.1 localhost", "127.0.0.1 localhost\n" BLOCK);
}

static void test_given_order(void **state)
{
    const struct hosts_entry entries[] = {entry("z", 9), entry("a", 8), entry("m", 7)};
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(hosts_text_build("1.1.1.1 m\n", entries, 3, &text), 0);
    assert_string_equal(text, "# svcconnect: 1.1.1.1 m\n" BEGIN
                              "127.255.0.9\tz\nfd00::9\tz\n127.255.0.8\ta\nfd00::8\ta\n"
                              "127.255.0.7\tm\nfd00::7\tm\n" END);
}

static void test_own_lines_stay(void **state)
{
    static const char own[] = "# comment with backend\n"
                              "\n"
                              "127.0.0.1\tlocalhost  ip6-localhost\n"
                              "   10.0.0.1 indented # backend\n"
                              "10.0.0.2 backend2 mybackend back backend.local db\n"
                              "10.0.0.3\n"
                              "10.0.0.4 crlf\r\n"
                              "backend 10.0.0.5\n";
    char wanted[2048];

    (void)state;
    (void)snprintf(wanted, sizeof(wanted), "%s%s", own, BLOCK);
    check(own, wanted);
}

/* hosts(5) is read from the top: an own line for the name would win. */
static void test_own_names_are_hidden(void **state)
{
    (void)state;
    check("10.0.0.9 backend\n", "# svcconnect: 10.0.0.9 backend\n" BLOCK);
    check("10.0.0.9\tBackEnd  DB.Internal\n", "# svcconnect: 10.0.0.9\tBackEnd  DB.Internal\n" BLOCK);
    check("::1 backend # mine\n", "# svcconnect: ::1 backend # mine\n" BLOCK);
    check("10.0.0.9 backend\r\n", "# svcconnect: 10.0.0.9 backend\r\n" BLOCK);
    check("10.0.0.9 backend#mine\n", "# svcconnect: 10.0.0.9 backend#mine\n" BLOCK);
}

/* Other names of the same line stay usable. */
static void test_shared_line(void **state)
{
    (void)state;
    check("127.0.1.1 myhost backend\n", "127.0.1.1 myhost # svcconnect: backend\n" BLOCK);
    check("127.0.1.1\tbackend  a db.internal b # note\n",
          "127.0.1.1 a b # svcconnect: backend db.internal # note\n" BLOCK);
}

static void test_earlier_block(void **state)
{
    (void)state;
    check("1.1.1.1 a\n" BEGIN "127.255.0.7\told\n10.0.0.1 backend\n" END "2.2.2.2 b\n",
          "1.1.1.1 a\n2.2.2.2 b\n" BLOCK);
    check(BEGIN END BEGIN "127.255.0.7\told\n" END, BLOCK);
    /* Cut off before its end (a full disk): it was the last thing in the file. */
    check("1.1.1.1 a\n" BEGIN "127.255.0.7\told\n127.25", "1.1.1.1 a\n" BLOCK);
    /* An end without a beginning is an own comment. */
    check("1.1.1.1 a\n" END, "1.1.1.1 a\n" END BLOCK);
}

/* What leads to one address stands in one line, but for what resolvers would cut off. */
static void test_names_of_one_address(void **state)
{
    struct hosts_entry entries[8] = {entry("a", 1), entry("b", 1), entry("c", 2), entry("d", 1)};
    static char long_names[4][200];
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(hosts_text_build("", entries, 4, &text), 0);
    assert_non_null(strstr(text, "127.255.0.1\ta b\n"));
    assert_non_null(strstr(text, "127.255.0.2\tc\n"));
    assert_non_null(strstr(text, "127.255.0.1\td\n"));
    free(text);
    for (int i = 0; i < 4; i++) {
        memset(long_names[i], 'a' + i, 150);
        entries[i] = entry(long_names[i], 1);
    }
    assert_int_equal(hosts_text_build("", entries, 4, &text), 0);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") < 512);
    for (int i = 0; i < 4; i++)
        assert_non_null(strstr(text, long_names[i]));
}

static void test_no_names(void **state)
{
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(hosts_text_build("10.0.0.9 backend\n" BLOCK, NULL, 0, &text), 0);
    assert_string_equal(text, "10.0.0.9 backend\n" BEGIN END);
}

/* The text grows as it has to, and every name is found among many. */
static void test_many_names(void **state)
{
    enum {
        N = 2000
    };
    static struct hosts_entry entries[N];
    static char names[N][16];
    _cleanup_free_ char *text = NULL;
    size_t n_lines = 0;
    size_t n_hidden = 0;
    char base[N * 10 + 1];
    size_t length = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%zu", i * 7919 % N);
        entries[i] = entry(names[i], (uint8_t)i);
        length += (size_t)snprintf(base + length, sizeof(base) - length, "::1 n%zu\n", i % 1000);
    }
    assert_int_equal(hosts_text_build(base, entries, N, &text), 0);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        n_lines++;
        n_hidden += strncmp(line, "# svcconnect: ", 14) == 0;
    }
    assert_int_equal(n_hidden, N);
    assert_int_equal(n_lines, N + 2 + 2 * N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_given_order),
        cmocka_unit_test(test_own_lines_stay),
        cmocka_unit_test(test_own_names_are_hidden),
        cmocka_unit_test(test_shared_line),
        cmocka_unit_test(test_earlier_block),
        cmocka_unit_test(test_names_of_one_address),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
