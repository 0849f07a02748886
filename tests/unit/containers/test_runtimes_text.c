/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which runtimes a configuration may name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "containers/containers_internal.h"

static struct error error;

static int check(const char *text)
{
    error = (struct error){0};
    return containers_check_runtimes("containers.runtimes", text, &error);
}

static void test_good_texts(void **state)
{
    static const char *const texts[] = {"none",
                                        "auto",
                                        "docker:/run/docker.sock",
                                        "podman:/a,docker:/b",
                                        "containerd:/run/containerd/containerd.sock",
                                        "runc:/run/runc",
                                        "auto,podman:/a,runc:/b",
                                        "auto,rootless:users",
                                        "auto,podman:/a,rootless:user-%u"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(check(texts[i]), 0);
}

static void test_bad_texts(void **state)
{
    static const char *const texts[] = {"",
                                        "docker",
                                        "docker:",
                                        "docker:run",
                                        "rkt:/run/x",
                                        "docker:/a,",
                                        ",docker:/a",
                                        "auto,none",
                                        "/run/x",
                                        "Docker:/a",
                                        "docker :/a",
                                        "none,docker:/a",
                                        "containerd:a",
                                        "crun:/a",
                                        "auto,",
                                        "auto,auto",
                                        "podman:/a,auto",
                                        "rootless:users",
                                        "podman:/a,rootless:users",
                                        "auto,rootless:",
                                        "auto,rootless:a/b",
                                        "auto,rootless:user-%d",
                                        "auto,rootless:%u%u",
                                        "auto,rootless:-a",
                                        "auto,rootless:Users"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (check(texts[i]) != -EINVAL)
            fail_msg("\"%s\" was taken", texts[i]);
        assert_non_null(strstr(error.message, "containers.runtimes"));
        assert_non_null(strstr(error.message, "docker:SOCKET"));
    }
}

static void test_how_long_a_path_may_be(void **state)
{
    char text[200] = "docker:/";

    (void)state;
    memset(text + 8, 'x', 106); /* 107 characters and a NUL */
    assert_int_equal(check(text), 0);
    text[8 + 106] = 'x';
    assert_int_equal(check(text), -EINVAL);
}

static void test_how_many_there_may_be(void **state)
{
    char text[512] = "docker:/a";

    (void)state;
    for (int i = 1; i < RUNTIMES_MAX; i++)
        strcat(text, ",docker:/a");
    assert_int_equal(check(text), 0);
    strcat(text, ",docker:/a");
    assert_int_equal(check(text), -EINVAL);
}

static void find(struct containers *containers, const char *text)
{
    *containers = (struct containers){.settings.runtimes = text};
    assert_int_equal(containers_find_sockets(containers), 0);
}

static void done(struct containers *containers)
{
    for (size_t i = 0; i < containers->n_runtimes; i++)
        free(containers->runtimes[i].socket);
}

static void test_what_is_named_is_followed(void **state)
{
    struct containers containers;

    (void)state;
    find(&containers, "none");
    assert_int_equal(containers.n_runtimes, 0);
    find(&containers, "podman:/a/b,docker:/c,docker:/c");
    assert_int_equal(containers.n_runtimes, 2);
    assert_string_equal(containers.runtimes[0].name, "podman");
    assert_string_equal(containers.runtimes[0].socket, "/a/b");
    assert_string_equal(containers.runtimes[1].name, "docker");
    assert_string_equal(containers.runtimes[1].socket, "/c");
    done(&containers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_texts),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_how_long_a_path_may_be),
        cmocka_unit_test(test_how_many_there_may_be),
        cmocka_unit_test(test_what_is_named_is_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
