/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a daemon in a container does not see of its host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/surroundings.h"

static void test_processes_without_an_id(void **state)
{
    (void)state;
    assert_false(surroundings_hides_processes(""));
    assert_false(surroundings_hides_processes("1\n10\n200\n"));
    assert_false(surroundings_hides_processes("10\n"));
    assert_true(surroundings_hides_processes("0\n"));
    assert_true(surroundings_hides_processes("0\n0\n7\n"));
    assert_true(surroundings_hides_processes("7\n0\n"));
}

static void test_a_device_that_is_mounted(void **state)
{
    static const char text[] = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                               "30 22 0:31 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n"
                               "31 22 0:3 / /with\\040space rw - tmpfs none rw\n";

    (void)state;
    assert_true(surroundings_is_mounted(text, 0, 31));
    assert_true(surroundings_is_mounted(text, 254, 0));
    assert_true(surroundings_is_mounted(text, 0, 3));
    assert_false(surroundings_is_mounted(text, 0, 30));
    assert_false(surroundings_is_mounted(text, 22, 1));
    assert_false(surroundings_is_mounted("", 0, 31));
    assert_false(surroundings_is_mounted("no mountinfo at all\n\n", 0, 31));
}

static void test_a_mount_above_the_namespace(void **state)
{
    static const char text[] = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                               "30 22 0:31 /../.. /sys/fs/cgroup rw shared:9 - cgroup2 cgroup rw\n"
                               "31 22 0:31 /.. /other rw - cgroup2 cgroup rw\n"
                               "32 22 0:31 / /own rw - cgroup2 cgroup rw\n"
                               "33 22 0:31 /..named /odd rw - cgroup2 cgroup rw\n"
                               "34 22 0:31 /docker/x /below rw - cgroup2 cgroup rw";

    (void)state;
    assert_true(surroundings_is_below(text, "/sys/fs/cgroup"));
    assert_true(surroundings_is_below(text, "/other"));
    assert_false(surroundings_is_below(text, "/own"));
    assert_false(surroundings_is_below(text, "/odd"));
    assert_false(surroundings_is_below(text, "/below"));
    assert_false(surroundings_is_below(text, "/sys/fs"));
    assert_false(surroundings_is_below("", "/own"));
    assert_false(surroundings_is_below("no mountinfo at all\n\n", "/own"));
}

static void test_what_is_told(void **state)
{
    struct surroundings surroundings = {0};
    char text[1024] = "untouched";

    (void)state;
    assert_false(surroundings_tell_processes(&surroundings, text, sizeof(text)));
    assert_false(surroundings_tell_pins(&surroundings, text, sizeof(text)));
    assert_string_equal(text, "untouched");
    surroundings.lacks_processes = true;
    assert_true(surroundings_tell_processes(&surroundings, text, sizeof(text)));
    assert_non_null(strstr(text, "--pid host"));
    surroundings.has_own_pins = true;
    assert_true(surroundings_tell_pins(&surroundings, text, sizeof(text)));
    assert_non_null(strstr(text, "-v /sys/fs/bpf:/sys/fs/bpf"));
}

static void write_members(const char *directory, const char *members)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(members, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A directory stands for the root of the cgroups; the root directory for a bpffs that everybody has. */
static void test_looking(void **state)
{
    struct surroundings found = {.has_own_pins = true};
    char directory[] = P_tmpdir "/svc-surroundings-XXXXXX";
    char path[128];

    (void)state;
    assert_non_null(mkdtemp(directory));
    surroundings_look(directory, "/", &found); /* there is no file */
    assert_false(found.lacks_processes);
    assert_false(found.has_own_pins);
    write_members(directory, "1\n2\n");
    surroundings_look(directory, "/nowhere", &found);
    assert_false(found.lacks_processes);
    assert_false(found.has_own_pins);
    write_members(directory, "0\n2\n");
    surroundings_look(directory, "/", &found);
    assert_true(found.lacks_processes);
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes_without_an_id),
        cmocka_unit_test(test_a_device_that_is_mounted),
        cmocka_unit_test(test_a_mount_above_the_namespace),
        cmocka_unit_test(test_what_is_told),
        cmocka_unit_test(test_looking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
