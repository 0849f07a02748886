/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static void test_set(void **state)
{
    struct error error = {.number = 1, .field = "old", .value = "old", .allowed = "old", .message = "old"};

    (void)state;
    assert_int_equal(error_set(&error, -ENOENT, "no service \"%s\"", "backend"), -ENOENT);
    assert_int_equal(error.number, ENOENT);
    assert_string_equal(error.message, "no service \"backend\"");
    assert_string_equal(error.field, "");
    assert_string_equal(error.value, "");
    assert_string_equal(error.allowed, "");
    assert_int_equal(error_set(&error, EBUSY, "%d%%", 100), -EBUSY);
    assert_int_equal(error.number, EBUSY);
    assert_string_equal(error.message, "100%");
}

static void test_errno(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(error_errno(&error, -ENOENT, "open %s", "x"), -ENOENT);
    assert_string_equal(error.message, "open x: No such file or directory");
    assert_int_equal(error.number, ENOENT);
    assert_int_equal(error_errno(&error, EACCES, "open"), -EACCES);
    assert_string_equal(error.message, "open: Permission denied");
}

static void test_input(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(error_input(&error, "weight", "-1", "%d to %d", 0, 65535), -EINVAL);
    assert_int_equal(error.number, EINVAL);
    assert_string_equal(error.field, "weight");
    assert_string_equal(error.value, "-1");
    assert_string_equal(error.allowed, "0 to 65535");
    assert_string_equal(error.message, "weight: \"-1\" is not allowed; allowed: 0 to 65535");
    assert_int_equal(error_input(&error, "x", NULL, "y"), -EINVAL);
    assert_string_equal(error.value, "");
}

static void test_refused(void **state)
{
    struct error error = {.number = 1, .message = "old"};

    (void)state;
    assert_int_equal(error_refused(&error, ENOENT, "name", "x\ny", "the name of a %s", "key"), -ENOENT);
    assert_int_equal(error.number, ENOENT);
    assert_string_equal(error.field, "name");
    assert_string_equal(error.value, "x?y");
    assert_string_equal(error.allowed, "the name of a key");
    assert_string_equal(error.message, "name: there is no \"x?y\"; wanted: the name of a key");
    error_prefix_field(&error, "a");
    assert_int_equal(error.number, ENOENT);
    assert_string_equal(error.field, "a.name");
    assert_int_equal(error_refused(NULL, -EBUSY, "name", "x", "y"), -EBUSY);
}

/* A sentence for each kind, also after the field's path has grown. */
static void test_kinds(void **state)
{
    struct error error = {0};

    (void)state;
    (void)error_refused(&error, EBUSY, "service", "v1", "a service that no route targets");
    assert_string_equal(
        error.message,
        "service: \"v1\" is in conflict with what is there; wanted: a service that no route targets");
    assert_int_equal(error_code_of(&error), ERROR_CODE_CONFLICT);
    (void)error_input(&error, "weight", ERROR_MISSING, "a number");
    assert_int_equal(error_code_of(&error), ERROR_CODE_MISSING_VALUE);
    error_prefix_field(&error, "targets[1]");
    assert_string_equal(error.message, "targets[1].weight is missing; wanted: a number");
    assert_int_equal(error_unknown_member(&error, "wieght\n", "id, weight"), -EINVAL);
    assert_int_equal(error_code_of(&error), ERROR_CODE_UNKNOWN_MEMBER);
    assert_string_equal(error.message, "\"wieght?\" is no member that is known here; known: id, weight");
    assert_int_equal(error_meant(&error, "weight"), -EINVAL);
    error_prefix_field(&error, "a");
    assert_string_equal(
        error.message,
        "\"a.wieght?\" is no member that is known here (did you mean \"weight\"?); known: id, weight");
    (void)error_refused(&error, ENOENT, "service", "wbe", "a service");
    assert_int_equal(error_meant(&error, NULL), -ENOENT);
    assert_string_equal(error.message, "service: there is no \"wbe\"; wanted: a service");
    assert_int_equal(error_meant(&error, "web"), -ENOENT);
    assert_string_equal(error.message,
                        "service: there is no \"wbe\" (did you mean \"web\"?); wanted: a service");
    assert_string_equal(error.meant, "web");
    (void)error_set(&error, EIO, "whole");
    assert_int_equal(error_meant(&error, "web"), -EIO);
    assert_string_equal(error.message, "whole");
    assert_int_equal(error_meant(NULL, "web"), -EINVAL);
    assert_int_equal(error_unknown_member(NULL, "a", "b"), -EINVAL);
}

/* What came from outside reaches terminals and logs: one printable line. */
static void test_input_is_printable(void **state)
{
    struct error error = {0};

    (void)state;
    (void)error_input(&error, "name", "a\nb\033[31mc\x7f\t\xc3\xa4", "letters");
    assert_string_equal(error.value, "a?b?[31mc??\xc3\xa4");
    assert_null(strchr(error.message, '\n'));
    assert_null(strchr(error.message, '\033'));
}

static void test_prefix(void **state)
{
    struct error error = {0};

    (void)state;
    (void)error_input(&error, "weight", "x", "a number");
    error_prefix_field(&error, "targets[0]");
    assert_string_equal(error.field, "targets[0].weight");
    error_prefix_field(&error, "routes[2]");
    assert_string_equal(error.field, "routes[2].targets[0].weight");
    assert_string_equal(error.message,
                        "routes[2].targets[0].weight: \"x\" is not allowed; allowed: a number");
    /* An error about the inner document as a whole has no field of its own. */
    (void)error_input(&error, "", "[]", "an object");
    assert_string_equal(error.message, "\"[]\" is not allowed; allowed: an object");
    error_prefix_field(&error, "targets[0]");
    assert_string_equal(error.field, "targets[0]");
    assert_string_equal(error.message, "targets[0]: \"[]\" is not allowed; allowed: an object");
    (void)error_set(&error, EBUSY, "busy");
    error_prefix_field(&error, "routes[2]");
    assert_string_equal(error.field, "");
    assert_string_equal(error.message, "busy");
}

/* Longer than the fields: shortened, terminated, no neighbour touched. */
static void test_long_text(void **state)
{
    struct {
        char before[16];
        struct error error;
        char after[16];
    } framed = {0};
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(framed.before, 0x55, sizeof(framed.before));
    memset(framed.after, 0x55, sizeof(framed.after));
    (void)error_input(&framed.error, text, text, "%s", text);
    assert_int_equal(strlen(framed.error.field), sizeof(framed.error.field) - 1);
    assert_int_equal(strlen(framed.error.value), sizeof(framed.error.value) - 1);
    assert_int_equal(strlen(framed.error.allowed), sizeof(framed.error.allowed) - 1);
    error_prefix_field(&framed.error, text);
    assert_int_equal(strlen(framed.error.field), sizeof(framed.error.field) - 1);
    (void)error_set(&framed.error, EINVAL, "%s", text);
    assert_int_equal(strlen(framed.error.message), sizeof(framed.error.message) - 1);
    (void)error_errno(&framed.error, EINVAL, "%s", text);
    assert_non_null(strstr(framed.error.message, "x: Invalid argument"));
    for (size_t i = 0; i < sizeof(framed.before); i++) {
        assert_int_equal(framed.before[i], 0x55);
        assert_int_equal(framed.after[i], 0x55);
    }
}

static void test_no_error(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -ENOENT, "x"), -ENOENT);
    assert_int_equal(error_errno(NULL, ENOENT, "x"), -ENOENT);
    assert_int_equal(error_input(NULL, "a", "b", "c"), -EINVAL);
    error_prefix_field(NULL, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),       cmocka_unit_test(test_errno),
        cmocka_unit_test(test_input),     cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_long_text), cmocka_unit_test(test_input_is_printable),
        cmocka_unit_test(test_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
