/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One place of the code floods nothing, and another one is heard meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Lines on standard error that have this text in them, of what `speak` says. */
static unsigned count(void (*speak)(void), const char *text)
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    char line[4096];
    unsigned n = 0;

    assert_non_null(file);
    (void)dup2(fileno(file), STDERR_FILENO);
    speak();
    (void)dup2(before, STDERR_FILENO);
    (void)close(before);
    rewind(file);
    while (fgets(line, sizeof(line), file))
        n += strstr(line, text) != NULL;
    (void)fclose(file);
    return n;
}

__attribute__((noinline)) static void flood(void)
{
    for (unsigned i = 0; i < 10 * LOG_BURST; i++)
        log_warning("the same thing again, number %u", i);
    log_warning("another thing");
}

static void flood_debug(void)
{
    log_set_level(LOG_LEVEL_DEBUG);
    for (unsigned i = 0; i < 10 * LOG_BURST; i++)
        log_debug("the same thing again, number %u", i);
    log_set_level(LOG_LEVEL_INFO);
}

static void flood_and_speak(void)
{
    flood();
    log_sweep(); /* its window is not over, so nothing is told yet */
}

static void test_a_place_is_cut_short(void **state)
{
    (void)state;
    assert_int_equal(count(flood, "the same thing again"), LOG_BURST);
    assert_int_equal(count(flood_and_speak, "the same thing again"), 0); /* within the same seconds */
    assert_int_equal(count(flood, "another thing"), 1);
    assert_int_equal(count(flood_debug, "the same thing again"), 10 * LOG_BURST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_place_is_cut_short)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
