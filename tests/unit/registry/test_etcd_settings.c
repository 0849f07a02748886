/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/etcd/etcd_client.h"

static void test_members(void **state)
{
    static const struct {
        const char *text, *members[3];
    } cases[] = {
        {"etcd:https://a:2379,b:2379", {"https://a:2379", "https://b:2379"}},
        {"etcd:a", {"http://a:2379"}},
        {"etcd:a,https://b,c:1/", {"http://a:2379", "https://b:2379", "https://c:1"}},
        {"etcd:http://[::1]:4,[fd00::2]", {"http://[::1]:4", "http://[fd00::2]:2379"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct etcd_settings settings = {.prefix = "p"};

        assert_int_equal(etcd_settings_read(cases[i].text, &settings, NULL), 0);
        assert_string_equal(settings.location, cases[i].text);
        for (size_t n = 0; n < settings.n_members; n++)
            assert_string_equal(settings.members[n], cases[i].members[n]);
        assert_true(settings.n_members == 3 || cases[i].members[settings.n_members] == NULL);
        assert_string_equal(settings.prefix, "p");
        etcd_settings_done(&settings);
    }
}

static void test_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "sqlite",
                                        "etcd:",
                                        "etcd:a,",
                                        "etcd:a:0",
                                        "etcd:a:port",
                                        "etcd:u:p@a",
                                        "etcd:http://a/v3",
                                        "etcd:ftp://a",
                                        "etcd::2379",
                                        "etcd:a b",
                                        "etcd:a:65536",
                                        "etcd:a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
    struct etcd_settings settings = {0};
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (etcd_settings_read(texts[i], &settings, &error) != -EINVAL)
            fail_msg("%s is taken", texts[i]);
        assert_string_equal(error.field, "registry");
        assert_null(settings.members);
    }
}

static void test_prefixes(void **state)
{
    char longest[ETCD_PREFIX_MAX + 2];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[ETCD_PREFIX_MAX] = '\0';
    assert_int_equal(etcd_prefix_check("p", longest, NULL), 0);
    longest[ETCD_PREFIX_MAX] = 'a';
    longest[ETCD_PREFIX_MAX + 1] = '\0';
    assert_int_equal(etcd_prefix_check("p", longest, NULL), -EINVAL);
    assert_int_equal(etcd_prefix_check("p", "team/svc-1_a.b", NULL), 0);
    assert_int_equal(etcd_prefix_check("p", "", NULL), -EINVAL);
    assert_int_equal(etcd_prefix_check("p", "/a", NULL), -EINVAL);
    assert_int_equal(etcd_prefix_check("p", "a/", NULL), -EINVAL);
    assert_int_equal(etcd_prefix_check("p", "a b", NULL), -EINVAL);
}

/* None before the first, then below twice as much each time, and never above the most. */
static void test_pauses(void **state)
{
    (void)state;
    assert_int_equal(etcd_pause_ms(0, 1000), 0);
    for (unsigned n = 1; n < 100; n++) {
        uint32_t pause = etcd_pause_ms(n, 1000);

        assert_in_range(pause, 1, n < 5 ? 50u << n : 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
