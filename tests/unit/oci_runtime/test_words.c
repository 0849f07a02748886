/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Command lines of engines, as they write them, and which runtime is meant. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci_runtime/words.h"

#define WORDS(...) ((char *[]){"runtime", __VA_ARGS__, NULL})

static struct words read_words(char **argv)
{
    struct words words;

    words_read(argv, &words);
    return words;
}

static int set_up(void **state)
{
    (void)state;
    (void)unsetenv("SVCCONNECT_OCI_RUNTIME");
    (void)unsetenv("SVCCONNECT_SOCKET");
    return 0;
}

static void test_starts(void **state)
{
    struct words words;

    (void)state;
    words = read_words(WORDS("--root", "/r", "--log", "/l", "--log-format", "json", "start", "abc"));
    assert_string_equal(words.id, "abc");
    assert_string_equal(words.root, "/r");
    words = read_words(WORDS("--root=/r", "--systemd-cgroup", "start", "abc"));
    assert_string_equal(words.id, "abc");
    assert_string_equal(words.root, "/r");
    words = read_words(WORDS("-root", "/r", "start", "abc"));
    assert_string_equal(words.root, "/r");
    words = read_words(WORDS("--cgroup-manager", "start", "start", "abc"));
    assert_string_equal(words.id, "abc");
    assert_null(words.root);
}

static void test_other_commands(void **state)
{
    (void)state;
    assert_null(read_words(WORDS("create", "--bundle", "/b", "start")).id);
    assert_null(read_words(WORDS("--log", "start", "state", "abc")).id);
    assert_null(read_words(WORDS("start")).id);
    assert_null(read_words(WORDS("--version")).id);
    assert_null(read_words(WORDS("--root")).id);
    assert_null(read_words(WORDS("-", "start")).id);
    assert_null(read_words((char *[]){"runtime", NULL}).id);
    assert_null(read_words((char *[]){NULL}).id);
}

static void test_own_flags_are_taken_out(void **state)
{
    char *argv[] = {
        "runtime", "--svcconnect-socket=/s", "--root", "/r", "--svcconnect-runtime=/x", "start", "abc", NULL};
    struct words words = read_words(argv);

    (void)state;
    assert_string_equal(words.socket, "/s");
    assert_string_equal(words.runtime, "/x");
    assert_string_equal(words.id, "abc");
    assert_string_equal(argv[1], "--root");
    assert_string_equal(argv[3], "start");
    assert_string_equal(argv[4], "abc");
    assert_null(argv[5]);
}

static void test_the_environment_is_second(void **state)
{
    struct words words;

    (void)state;
    (void)setenv("SVCCONNECT_OCI_RUNTIME", "/env", 1);
    (void)setenv("SVCCONNECT_SOCKET", "/env.sock", 1);
    words = read_words(WORDS("start", "abc"));
    assert_string_equal(words.runtime, "/env");
    assert_string_equal(words.socket, "/env.sock");
    words = read_words(WORDS("--svcconnect-runtime=/x", "start", "abc"));
    assert_string_equal(words.runtime, "/x");
}

static void expect_runtime(const char *runtime, const char *own_name, const char *wanted)
{
    const struct words words = {.runtime = runtime};
    _cleanup_free_ char *path = words_find_runtime(&words, own_name);

    if (!wanted)
        assert_null(path);
    else
        assert_string_equal(path, wanted);
}

/* /bin/ls stands for a runtime that is there on every host. */
static void test_which_runtime(void **state)
{
    (void)state;
    expect_runtime("/bin/ls", "x", "/bin/ls");
    expect_runtime("/nowhere/runc", "x", NULL);
    expect_runtime("no-such-runtime", "x", NULL);
    expect_runtime("/proc/self/exe", "x", NULL); /* it would be called for ever */
}

static void test_what_it_is_called_as(void **state)
{
    const struct words words = {0};
    _cleanup_free_ char *path = words_find_runtime(&words, "/opt/svcconnect-env");
    const char *name = path ? strrchr(path, '/') + 1 : "";

    (void)state;
    assert_string_equal(name, "env");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_starts, set_up),
        cmocka_unit_test_setup(test_other_commands, set_up),
        cmocka_unit_test_setup(test_own_flags_are_taken_out, set_up),
        cmocka_unit_test_setup(test_the_environment_is_second, set_up),
        cmocka_unit_test_setup(test_which_runtime, set_up),
        cmocka_unit_test_setup(test_what_it_is_called_as, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
