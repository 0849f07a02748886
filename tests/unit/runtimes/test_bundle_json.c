/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is read of a bundle's config.json and of runc's state.json, and what of a cgroup's name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/bundle_json.h"

static struct container *fresh(void)
{
    struct container *container = container_new("containerd", "ns/c", "c");

    assert_non_null(container);
    return container;
}

static void expect_cgroup(const char *cgroups_path, const char *wanted)
{
    _cleanup_free_ char *path = bundle_cgroup(cgroups_path);

    if (!wanted)
        assert_null(path);
    else
        assert_string_equal(path, wanted);
}

static void test_cgroups(void **state)
{
    char longest[SVC_CGROUP_SIZE + 2];

    (void)state;
    expect_cgroup("/default/web", "/default/web");
    expect_cgroup("system.slice:cri-containerd:0a", "/system.slice/cri-containerd-0a.scope");
    expect_cgroup(":nerdctl:0a", "/system.slice/nerdctl-0a.scope");
    expect_cgroup("a-b-c.slice::x", "/a.slice/a-b.slice/a-b-c.slice/x.scope");
    expect_cgroup("relative", NULL);
    expect_cgroup("", NULL);
    expect_cgroup("/", NULL);
    expect_cgroup("/a/", NULL);
    expect_cgroup("/a//b", NULL);
    expect_cgroup("/a/../b", NULL);
    expect_cgroup("/a/..", NULL);
    expect_cgroup("/a/./b", NULL);
    expect_cgroup("a.slice:b", NULL);
    expect_cgroup("a.slice:b:", NULL);
    expect_cgroup("a.slice:b:c:d", NULL);
    expect_cgroup("a/b.slice:b:c", NULL);
    expect_cgroup("a.slice:b:c/d", NULL);
    expect_cgroup(".slice:b:c", NULL);
    expect_cgroup("no-slice:b:c", NULL);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    expect_cgroup(longest, NULL);
    longest[0] = ':';
    longest[1] = ':';
    expect_cgroup(longest, NULL);
}

static void test_a_config(void **state)
{
    static const char text[] =
        "{\"annotations\": {\"svcconnect.service\": \"web\", \"svcconnect.port\": 7, \"other\": \"x\","
        "\"io.kubernetes.cri.image-name\": \"i:1\"}, \"linux\": {\"cgroupsPath\": \"/default/web\"}}";
    _cleanup_container_ struct container *container = fresh();
    struct error error = {0};

    (void)state;
    assert_int_equal(bundle_read_config(text, strlen(text), container, &error), 0);
    assert_string_equal(container_label(container, "svcconnect.service"), "web");
    assert_null(container_label(container, "svcconnect.port"));
    assert_int_equal(container->n_labels, 1);
    assert_string_equal(container->image, "i:1");
    assert_string_equal(container->cgroup, "/default/web");
}

static void test_configs_without_what_is_looked_for(void **state)
{
    static const char *const texts[] = {"{}",
                                        "{\"annotations\": [1, {\"a\": \"b\"}, \"svcconnect.service\"]}",
                                        "{\"annotations\": \"x\", \"linux\": 3}",
                                        "{\"annotations\": {\"a\": {}}, \"linux\": {\"cgroupsPath\": 3}}"};
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_container_ struct container *container = fresh();

        assert_int_equal(bundle_read_config(texts[i], strlen(texts[i]), container, &error), 0);
        assert_int_equal(container->n_labels, 0);
        assert_null(container->cgroup);
    }
}

static void test_what_is_no_config(void **state)
{
    char deep[200];
    const char *const texts[] = {"", "[]", "3", "{", "{\"annotations\": ", deep};
    struct error error = {0};

    (void)state;
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_container_ struct container *container = fresh();

        assert_int_equal(bundle_read_config(texts[i], strlen(texts[i]), container, &error), -EINVAL);
    }
}

static void test_a_state(void **state)
{
    static const char text[] = "{\"id\": \"c\", \"init_process_pid\": 77, \"init_process_start\": 213959,"
                               "\"created\": \"1970-01-01T00:01:00.820879207Z\", \"config\": {\"labels\": "
                               "[\"svcconnect.service=web\","
                               "\"bundle=/x\", \"svcconnect.alias=a=b\", \"none\", 3, \"\"]}}";
    _cleanup_container_ struct container *container = fresh();
    struct error error = {0};
    uint64_t ticks = 0;

    (void)state;
    assert_int_equal(bundle_read_state(text, strlen(text), container, &ticks, &error), 0);
    assert_int_equal(container->pid, 77);
    assert_int_equal(ticks, 213959);
    assert_int_equal(container->started_at, 60);
    assert_int_equal(container->n_labels, 2);
    assert_string_equal(container_label(container, "svcconnect.alias"), "a=b");
}

static void test_what_is_no_state(void **state)
{
    static const char *const texts[] = {"{}",
                                        "",
                                        "[]",
                                        "{\"init_process_pid\": 0}",
                                        "{\"init_process_pid\": \"7\"}",
                                        "{\"init_process_pid\": 1e12}"};
    struct error error = {0};
    uint64_t ticks = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_container_ struct container *container = fresh();

        assert_int_equal(bundle_read_state(texts[i], strlen(texts[i]), container, &ticks, &error), -EINVAL);
        assert_int_equal(container->pid, 0);
        assert_int_equal(ticks, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cgroups),
        cmocka_unit_test(test_a_config),
        cmocka_unit_test(test_configs_without_what_is_looked_for),
        cmocka_unit_test(test_what_is_no_config),
        cmocka_unit_test(test_a_state),
        cmocka_unit_test(test_what_is_no_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
