/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call a service: texts that are good, whom they admit, and several services at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settings/allow_from.h"

static void test_texts(void **state)
{
    static const char *const good[] = {"a",    "a,b.c,d-e_f", "ns/a",       "ns/*",  "*",
                                       "none", "my:ns/a",     "nonesuch,b", "a/b/c", "<x>/*"};
    static const char *const bad[] = {"",     ",",      "a,",     ",a",    "a b", "a/b,c/", "/a", "ns/",
                                      "a,,b", "none,a", "a,none", "ns /a", "a*",  "**",     "*a"};
    char many[ALLOW_FROM_CLIENTS * 2 + 2] = "";
    char longest[258];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!allow_from_is_good(good[i]))
            fail_msg("\"%s\" is good", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (allow_from_is_good(bad[i]))
            fail_msg("\"%s\" is not", bad[i]);
    for (size_t i = 0; i < ALLOW_FROM_CLIENTS; i++)
        (void)memcpy(many + 2 * i, "a,", 3);
    many[2 * ALLOW_FROM_CLIENTS - 1] = '\0';
    assert_true(allow_from_is_good(many));
    (void)memcpy(many + 2 * ALLOW_FROM_CLIENTS - 1, ",a", 3);
    assert_false(allow_from_is_good(many));
    (void)memset(longest, 'x', sizeof(longest));
    longest[255] = '\0';
    assert_true(allow_from_is_good(longest));
    longest[255] = 'x';
    longest[256] = '\0';
    assert_false(allow_from_is_good(longest));
}

static bool admits(const char *text, const char *namespace_name, const char *service)
{
    const struct caller caller = {namespace_name, service};

    return allow_from_admits(text, "shop", &caller);
}

static void test_whom_they_admit(void **state)
{
    (void)state;
    assert_true(admits(NULL, "x", ""));
    assert_true(admits("a,front", "shop", "front"));
    assert_false(admits("a,front", "shop", "fron"));
    assert_false(admits("a,front", "shop", "front2"));
    assert_false(admits("a,front", "other", "front"));
    assert_false(admits("a,front", "shop", ""));
    assert_true(admits("other/front", "other", "front"));
    assert_false(admits("other/front", "shop", "front"));
    assert_true(admits("other/*", "other", ""));
    assert_true(admits("a,other/*", "other", "any"));
    assert_false(admits("other/*", "others", "any"));
    assert_false(admits("other/*", "othe", "any"));
    assert_true(admits("a/b/front", "a/b", "front"));
    assert_false(admits("a/b/front", "a", "b/front"));
    assert_true(admits("*", "shop", ""));
    assert_false(admits("*", "other", ""));
    assert_false(admits("none", "shop", ""));
    assert_false(admits("none", "shop", "none"));
}

static enum svc_policy_verdict verdict(bool is_any, struct caller_rule a, struct caller_rule b)
{
    const struct caller_rule rules[] = {a, b};
    const struct caller caller = {"shop", "front"};

    return caller_verdict(rules, 2, is_any, &caller);
}

static void test_several_services(void **state)
{
    const struct caller_rule open = {"shop", NULL, false};
    const struct caller_rule yes = {"shop", "front", false};
    const struct caller_rule no = {"shop", "back", false};
    const struct caller_rule told = {"shop", "back", true};
    const struct caller nobody = {"", ""};

    (void)state;
    assert_int_equal(verdict(false, yes, open), POLICY_ALLOWED);
    assert_int_equal(verdict(false, yes, no), POLICY_REFUSED);
    assert_int_equal(verdict(false, yes, told), POLICY_AUDITED);
    assert_int_equal(verdict(false, no, told), POLICY_REFUSED);
    assert_int_equal(verdict(false, told, told), POLICY_AUDITED);
    assert_int_equal(verdict(true, no, yes), POLICY_ALLOWED);
    assert_int_equal(verdict(true, no, told), POLICY_AUDITED);
    assert_int_equal(verdict(true, no, no), POLICY_REFUSED);
    assert_int_equal(caller_verdict(&yes, 1, false, &nobody), POLICY_REFUSED);
    assert_int_equal(caller_verdict(&told, 1, true, &nobody), POLICY_AUDITED);
}

/* What the programs do with it. */
static void test_decision(void **state)
{
    const struct svc_policy_pair allowed = {.verdict = POLICY_ALLOWED};
    const struct svc_policy_pair refused = {.verdict = POLICY_REFUSED};
    const struct svc_policy audit = {.others = POLICY_AUDITED};
    unsigned told = 0;

    (void)state;
    assert_int_equal(svc_policy_decide(&allowed, NULL), POLICY_ALLOWED);
    assert_int_equal(svc_policy_decide(&refused, &audit), POLICY_REFUSED);
    assert_int_equal(svc_policy_decide(NULL, &audit), POLICY_AUDITED);
    assert_int_equal(svc_policy_decide(NULL, NULL), POLICY_REFUSED);
    assert_int_equal(svc_policy_of(3u << SVC_POLICY_SHIFT | SVC_SERVICE_PEER_ALIAS), 3);
    assert_int_equal(svc_policy_of(SVC_SERVICE_PEER_ALIAS), 0);
    assert_true(SVC_MAX_POLICIES <= 1u << (32 - SVC_POLICY_SHIFT));
    for (uint64_t n = 1; n <= 1000; n++)
        told += (unsigned)svc_policy_is_told(n);
    assert_int_equal(told, 10);
    assert_true(svc_policy_is_told(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_whom_they_admit),
        cmocka_unit_test(test_several_services),
        cmocka_unit_test(test_decision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
