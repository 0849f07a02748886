/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The clock of a run: it goes on over restarts, and begins anew with the host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define BOOT  "7e1c5a52-3b06-4f5e-9f0d-6a6f1d1f2a10"
#define OTHER "7e1c5a52-3b06-4f5e-9f0d-6a6f1d1f2a11"
#define HOUR  INT64_C(3600000)

static void test_reading(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t ahead;
    } cases[] = {
        {BOOT " 1700000000123\n", 0, INT64_C(1700000000123)},
        {BOOT " -5", 0, -5},
        {OTHER " 1700000000123\n", -ESTALE, 7},
        {"", -EINVAL, 7},
        {BOOT, -EINVAL, 7},
        {BOOT " x", -EINVAL, 7},
        {BOOT " 12 13", -EINVAL, 7},
        {BOOT " 9007199254740993", -EINVAL, 7},
        {BOOT "0 12", -EINVAL, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ahead = 7;

        assert_int_equal(clock_run_read(cases[i].text, BOOT, &ahead), cases[i].result);
        assert_int_equal(ahead, cases[i].ahead);
    }
}

/* ---- runs, each a process of its own, since the clock is a process's ---- */

static char directory[] = "/tmp/svcconnect-clock-XXXXXX";
static char path[sizeof(directory) + 8];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/clock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

/* How far the clock of a run is from the wall clock, in ms; `result`: of continuing. */
static int64_t distance_in_a_run(int result)
{
    int64_t distance = 0;
    int channel[2];
    pid_t child;

    assert_int_equal(pipe(channel), 0);
    child = fork();
    if (child == 0) {
        int r = clock_run_continue(path);

        distance = clock_run_ms() - clock_wall_ms();
        (void)!write(channel[1], &distance, sizeof(distance));
        _exit(r == result ? 0 : 1);
    }
    assert_int_equal(read(channel[0], &distance, sizeof(distance)), sizeof(distance));
    (void)close(channel[0]);
    (void)close(channel[1]);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    return distance;
}

/* Writes the file as a run would have whose wall clock was so much ahead. */
static void write_file(int64_t ahead_of_wall, bool is_of_this_boot)
{
    _cleanup_free_ char *boot_id = NULL;
    char text[80];

    assert_int_equal(file_read("/proc/sys/kernel/random/boot_id", 64, &boot_id, NULL), 0);
    if (!is_of_this_boot)
        boot_id[0] = boot_id[0] == '0' ? '1' : '0';
    (void)snprintf(text, sizeof(text), "%.36s %" PRId64 "\n", boot_id,
                   clock_wall_ms() - clock_boot_ms() + ahead_of_wall);
    assert_int_equal(file_replace(path, 0600, text, strlen(text)), 0);
}

static bool is_near(int64_t distance, int64_t wanted)
{
    return llabs(distance - wanted) < HOUR / 2;
}

static void test_a_first_run_goes_by_the_wall_clock(void **state)
{
    _cleanup_free_ char *first = NULL;
    _cleanup_free_ char *second = NULL;

    (void)state;
    (void)unlink(path);
    assert_true(is_near(distance_in_a_run(0), 0));
    assert_int_equal(file_read(path, 100, &first, NULL), 0);
    assert_true(is_near(distance_in_a_run(0), 0));
    assert_int_equal(file_read(path, 100, &second, NULL), 0);
    assert_string_equal(first, second); /* the second one goes on with the first one's */
}

static void test_the_next_one_goes_on(void **state)
{
    (void)state;
    write_file(-24 * HOUR, true); /* the clock of the host has been put forward by a day since */
    assert_true(is_near(distance_in_a_run(0), -24 * HOUR));
    write_file(48 * HOUR, true);
    assert_true(is_near(distance_in_a_run(0), 48 * HOUR));
}

static void test_another_boot_begins_anew(void **state)
{
    (void)state;
    write_file(-24 * HOUR, false);
    assert_true(is_near(distance_in_a_run(0), 0));
    assert_true(is_near(distance_in_a_run(0), 0));
}

static void test_what_is_no_such_file_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(file_replace(path, 0600, "nonsense", 8), 0);
    assert_true(is_near(distance_in_a_run(0), 0));
}

static void test_a_directory_that_takes_no_file(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)strcpy(path + strlen(path) - strlen("/clock"), "/x/y/");
    assert_true(is_near(distance_in_a_run(-ENOENT), 0));
    (void)snprintf(path, sizeof(path), "%s/clock", directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_a_first_run_goes_by_the_wall_clock),
        cmocka_unit_test(test_the_next_one_goes_on),
        cmocka_unit_test(test_another_boot_begins_anew),
        cmocka_unit_test(test_what_is_no_such_file_begins_anew),
        cmocka_unit_test(test_a_directory_that_takes_no_file),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
