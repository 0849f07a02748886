/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cgroups of systemd's units by their names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgroups/unit_cgroup.h"

static void test_where_units_are(void **state)
{
    static const char *const all[][2] = {
        {"web", "/system.slice/web.service"},
        {"web.service", "/system.slice/web.service"},
        {"a.b", "/system.slice/a.b.service"},
        {".service", NULL},
        {"docker-1.scope", "/system.slice/docker-1.scope"},
        {"web@1", "/system.slice/system-web.slice/web@1.service"},
        {"my-web@a.service", "/system.slice/system-my\\x2dweb.slice/my-web@a.service"},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {"@1", NULL},
        {"a/b", NULL},
        {"../x", NULL},
        {"a b", NULL},
    };
    char path[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        int r = unit_cgroup(all[i][0], path, sizeof(path));

        if (!all[i][1]) {
            if (r != -EINVAL)
                fail_msg("\"%s\" was taken for a unit", all[i][0]);
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(path, all[i][1]);
    }
}

static void test_how_long_they_may_be(void **state)
{
    char unit[300] = "";
    char path[4096];

    (void)state;
    memset(unit, '-', 255);
    assert_int_equal(unit_cgroup(unit, path, sizeof(path)), 0);
    assert_int_equal(unit_cgroup(unit, path, 268), -ENAMETOOLONG);
    unit[254] = '@';
    assert_int_equal(unit_cgroup(unit, path, sizeof(path)), 0);
    unit[255] = '-';
    assert_int_equal(unit_cgroup(unit, path, sizeof(path)), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_units_are),
        cmocka_unit_test(test_how_long_they_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
