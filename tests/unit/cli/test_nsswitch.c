/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* /etc/nsswitch.conf as a task has it: the text in, the text or "as it is" out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/run/nsswitch.h"

static void check(const char *text, const char *wanted)
{
    char *made = NULL;

    assert_int_equal(nsswitch_for_task(text, &made), 0);
    if (wanted)
        assert_string_equal(made, wanted);
    else
        assert_null(made);
    free(made);
}

static void test_what_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "hosts:",
        "hosts: files dns\n",
        "hosts: dns [!UNAVAIL=return] files\n",
        "passwd: files sss\nhosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n",
        "# hosts: resolve\nhosts: files dns # not resolve\n",
        "hostsx: resolve\n",
        "hosts: resolve\nhosts: files dns\n", /* the last one holds */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        check(texts[i], NULL);
}

static void test_who_asks_elsewhere(void **state)
{
    static const char *const texts[][2] = {
        {"hosts: files resolve [!UNAVAIL=return] dns\n", "hosts: files dns\n"},
        {"hosts: resolve [!UNAVAIL=return] files\n", "hosts: files dns\n"},
        {"hosts: resolve", "hosts: files dns"},
        {"hosts:\tmymachines resolve [!UNAVAIL=return] files myhostname dns\n",
         "hosts: files mymachines myhostname dns\n"},
        {"hosts: files sss [NOTFOUND=return] dns [TRYAGAIN=return]\n",
         "hosts: files sss dns [TRYAGAIN=return]\n"},
        {"hosts: files sss[NOTFOUND=return]dns\n", "hosts: files sss dns\n"},
        {"hosts: mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] sss\n",
         "hosts: files mdns4_minimal [NOTFOUND=return] dns sss\n"},
        {"hosts: sss\nx: y", "hosts: files sss dns\nx: y"},
        {"  HOSTS : RESOLVE Files # why\nnetworks: files\n", "  HOSTS : files dns# why\nnetworks: files\n"},
        {"hosts: sss [never closed", "hosts: files sss dns"},
        {"hosts: a", "hosts: files a dns"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        check(texts[i][0], texts[i][1]);
}

/* The result is written into a room that is computed. */
static void test_long_ones(void **state)
{
    char text[4096] = "hosts:";

    (void)state;
    for (size_t at = strlen(text); at + 3 < sizeof(text); at += 2)
        (void)strcpy(text + at, "a[");
    char *made = NULL;

    assert_int_equal(nsswitch_for_task(text, &made), 0);
    free(made);
    (void)strcpy(text, "hosts:");
    for (size_t at = strlen(text); at + 5 < sizeof(text); at += 4)
        (void)strcpy(text + at, "a[b]");
    assert_int_equal(nsswitch_for_task(text, &made), 0);
    assert_non_null(made);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stays),
        cmocka_unit_test(test_who_asks_elsewhere),
        cmocka_unit_test(test_long_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
