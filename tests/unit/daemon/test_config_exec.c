/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What health checks of type exec may run: from the file, from the flag, and as it is printed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/config.h"

static char file[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/svc-config-XXXXXX", P_tmpdir);
    fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

/* `member` in a file of its own, and the flag unless it is NULL. */
static int load(const char *member, const char *flag, struct config *config, struct error *error)
{
    char *argv[] = {(char *)"svcconnectd", (char *)"--config", file, (char *)"--exec-checks", (char *)flag};
    _cleanup_fclose_ FILE *out = fopen(file, "we");
    enum config_action action;

    assert_non_null(out);
    assert_true(fprintf(out, "{\"cgroupRoot\":\"/c\"%s}", member) > 0);
    assert_int_equal(fflush(out), 0);
    return config_load(flag ? 5 : 3, argv, config, &action, error);
}

/* The paths joined by spaces. */
static void expect(const char *member, const char *flag, const char *paths)
{
    _cleanup_(config_done) struct config config;
    struct error error = {0};
    char text[256] = "";

    if (load(member, flag, &config, &error) != 0)
        fail_msg("%s: %s", member, error.message);
    for (size_t i = 0; i < config.exec_checks.n; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, config.exec_checks.paths[i]);
    }
    assert_string_equal(text, paths);
}

static void test_where_it_comes_from(void **state)
{
    (void)state;
    expect("", NULL, "");
    expect(",\"execChecks\":[]", NULL, "");
    expect(",\"execChecks\":[\"/a\",\"/b/\",\"/c,d\"]", NULL, "/a /b/ /c,d");
    expect("", "none", "");
    expect("", "/a,/b/", "/a /b/");
    expect(",\"execChecks\":[\"/a\"]", "/b", "/b");
    expect(",\"execChecks\":[\"/a\"]", "none", "");
}

static void expect_bad(const char *member, const char *flag, const char *field, const char *value)
{
    _cleanup_(config_done) struct config config;
    struct error error = {0};

    assert_int_equal(load(member, flag, &config, &error), -EINVAL);
    assert_string_equal(error.field, field);
    assert_string_equal(error.value, value);
    assert_true(error.allowed[0]);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    expect_bad(",\"execChecks\":\"/a\"", NULL, "execChecks", "(not a list)");
    expect_bad(",\"execChecks\":null", NULL, "execChecks", "(not a list)");
    expect_bad(",\"execChecks\":[7]", NULL, "execChecks", "(no text)");
    expect_bad(",\"execChecks\":[\"/a\",\"sh\"]", NULL, "execChecks", "sh");
    expect_bad(",\"execChecks\":[\"/\"]", NULL, "execChecks", "/");
    expect_bad("", "/a,../b", "--exec-checks", "../b");
    expect_bad("", "", "--exec-checks", "");
    expect_bad("", "/a,", "--exec-checks", "");
}

static void test_printed(void **state)
{
    _cleanup_(config_done) struct config config;
    _cleanup_free_ char *printed = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(load("", "/a,/b/", &config, &error), 0);
    printed = config_print(&config);
    assert_non_null(printed);
    assert_non_null(strstr(printed, "\"execChecks\":\t[\"/a\", \"/b/\"]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_comes_from),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_printed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
