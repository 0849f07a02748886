/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every code has a name of its own, and docs/api.md tells it with the status that it is answered with. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

static void test_names(void **state)
{
    (void)state;
    for (enum error_code i = ERROR_CODE_BY_NUMBER + 1; i < ERROR_CODE_MAX; i++) {
        const char *name = error_code_name(i);
        int status = error_code_status(i);

        assert_true(isupper((unsigned char)name[0]));
        for (const char *c = name; *c; c++)
            assert_true(isalpha((unsigned char)*c));
        for (enum error_code j = ERROR_CODE_BY_NUMBER + 1; j < i; j++)
            assert_string_not_equal(name, error_code_name(j));
        assert_true(status == 0 || (status >= 400 && status < 600));
        assert_int_equal(status == 0, !*error_code_reason(i));
    }
    assert_string_equal(error_code_name(ERROR_CODE_MAX), "Internal");
    assert_int_equal(error_code_status(ERROR_CODE_MAX), 500);
}

/* What answers are about goes by the number, unless the error says it more finely. */
static void test_numbers(void **state)
{
    static const struct {
        int number;
        const char *name;
        int status;
    } wanted[] = {
        {EINVAL, "InvalidValue", 400},   {EACCES, "PermissionDenied", 403},
        {ENOENT, "NotFound", 404},       {ENOTSUP, "MethodNotAllowed", 405},
        {EEXIST, "Conflict", 409},       {EBUSY, "Conflict", 409},
        {EFBIG, "TooLarge", 413},        {EIO, "Internal", 500},
        {EAGAIN, "Unavailable", 503},    {ENOTCONN, "Unavailable", 503},
        {ECANCELED, "Unavailable", 503}, {ETIMEDOUT, "TimedOut", 504},
        {ENOSPC, "LimitExceeded", 507},  {E2BIG, "LimitExceeded", 507},
    };
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        (void)error_set(&error, wanted[i].number, "x");
        assert_string_equal(error_code_name(error_code_of(&error)), wanted[i].name);
        assert_int_equal(error_code_status(error_code_of(&error)), wanted[i].status);
    }
    error = (struct error){.number = EINVAL, .code = ERROR_CODE_INVALID_JSON};
    assert_string_equal(error_code_name(error_code_of(&error)), "InvalidJson");
}

static void test_documented(void **state)
{
    char row[128], *text = NULL;

    (void)state;
    assert_int_equal(file_read("docs/api.md", 1 << 20, &text, NULL), 0);
    for (enum error_code i = ERROR_CODE_BY_NUMBER + 1; i < ERROR_CODE_MAX; i++) {
        int status = error_code_status(i);

        if (status)
            (void)snprintf(row, sizeof(row), "| `%s` | %d |", error_code_name(i), status);
        else
            (void)snprintf(row, sizeof(row), "| `%s` | |", error_code_name(i));
        if (!strstr(text, row))
            fail_msg("docs/api.md has no row that begins with %s", row);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
