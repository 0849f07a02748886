/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The file with the token: who else could read it, and what is in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "observe/web/web_token.h"

#define TOKEN "0123456789abcdef"

static char directory[] = "/tmp/test_web_token-XXXXXX";
static char path[64];

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/token", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static int read_it(const char *text, mode_t mode, char **ret_token, struct error *error)
{
    assert_int_equal(file_replace(path, mode, text, strlen(text)), 0);
    *error = (struct error){0};
    return web_token_read(path, ret_token, error);
}

static void test_what_is_in_it(void **state)
{
    static const char *const bad[] = {
        "",           "\n" TOKEN,       "0123456789abcde",   "0123456789 abcdef",
        TOKEN "\x7f", TOKEN "\xc3\xa4", "0123456789\tabcdef"};
    struct error error;
    char longest[300];
    char *token = NULL;

    (void)state;
    assert_int_equal(read_it(TOKEN "\n", 0600, &token, &error), 0);
    assert_string_equal(token, TOKEN);
    free(token);
    assert_int_equal(read_it(TOKEN "\r\nand a remark\n", 0400, &token, &error), 0);
    assert_string_equal(token, TOKEN);
    free(token);
    token = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(read_it(bad[i], 0600, &token, &error), -EINVAL);
        assert_null(token);
        assert_non_null(strstr(error.message, path));
        assert_null(strstr(error.message, "0123456789"));
    }
    memset(longest, 'x', sizeof(longest));
    longest[WEB_TOKEN_MOST] = '\0';
    assert_int_equal(read_it(longest, 0600, &token, &error), 0);
    free(token);
    token = NULL;
    longest[WEB_TOKEN_MOST] = 'x';
    longest[WEB_TOKEN_MOST + 1] = '\0';
    assert_int_equal(read_it(longest, 0600, &token, &error), -EINVAL);
}

static void test_who_else_may_read_it(void **state)
{
    static const mode_t open_modes[] = {0640, 0604, 0644, 0660, 0601};
    struct error error;
    char *token = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(open_modes); i++) {
        assert_int_equal(read_it(TOKEN, open_modes[i], &token, &error), -EACCES);
        assert_non_null(strstr(error.message, "0600"));
    }
    assert_null(token);
}

static void test_no_plain_file(void **state)
{
    struct error error = {0};
    char *token = NULL;

    (void)state;
    assert_int_equal(web_token_read(directory, &token, &error), -EACCES);
    (void)unlink(path);
    assert_int_equal(web_token_read(path, &token, &error), -ENOENT);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(web_token_read(path, &token, &error), -EACCES);
    (void)unlink(path);
    assert_null(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_it),
        cmocka_unit_test(test_who_else_may_read_it),
        cmocka_unit_test(test_no_plain_file),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
