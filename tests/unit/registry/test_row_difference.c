/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "registry/row_difference.h"

static void test_differences(void **state)
{
    static const struct {
        const char *before, *after, *text;
    } wanted[] = {
        {"{\"weight\":1,\"health\":\"HEALTHY\"}", "{\"weight\":5,\"health\":\"HEALTHY\"}", "weight 1 -> 5"},
        {"{\"weight\":1,\"health\":\"HEALTHY\"}", "{\"weight\":0,\"health\":\"UNHEALTHY\"}",
         "weight 1 -> 0, health HEALTHY -> UNHEALTHY"},
        {"{\"a\":1}", "{\"b\":2}", "a 1 -> (none), b (none) -> 2"},
        {"{\"targets\":[{\"service\":\"v1\",\"weight\":9},{\"service\":\"v2\",\"weight\":1}]}",
         "{\"targets\":[{\"service\":\"v1\",\"weight\":1}]}", "targets v1=9 v2=1 -> v1=1"},
        {"{\"settings\":{\"drainSeconds\":5,\"ejection\":{\"failures\":1}}}",
         "{\"settings\":{\"drainSeconds\":6,\"ejection\":{\"failures\":2}}}",
         "settings.drainSeconds 5 -> 6, settings.ejection.failures 1 -> 2"},
        {"{}", "{\"settings\":{\"drainSeconds\":6}}", "settings.drainSeconds (none) -> 6"},
        {"{\"list\":[1,2]}", "{\"list\":[2]}", "list [1,2] -> [2]"},
        {NULL, "{\"address\":\"10.0.0.1\",\"port\":80}", "created: address 10.0.0.1, port 80"},
        {"{\"port\":80}", NULL, "removed: port 80"},
        {NULL, "{}", "created"},
        {"{\"a\":1}", "{\"a\":1}", ""},
        {NULL, NULL, ""},
        {"{\"a\":\"x\"}", "{\"a\":\"\\u001b[1m\"}", "a x -> ?[1m"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        row_tell_difference(wanted[i].before, wanted[i].after, text, sizeof(text));
        assert_string_equal(text, wanted[i].text);
    }
}

/* Whatever the room is, it is one text that ends at a whole character. */
static void test_what_does_not_fit_is_cut(void **state)
{
    char text[64];

    (void)state;
    for (size_t size = 1; size <= sizeof(text); size++) {
        memset(text, 'x', sizeof(text));
        row_tell_difference("{\"a\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\",\"b\":1}",
                            "{\"a\":\"1\",\"b\":22222222}", text, size);
        assert_true(strlen(text) < size);
        for (const char *c = text; *c; c++)
            if ((unsigned char)*c == 0xc3)
                assert_int_equal((unsigned char)c[1], 0xa4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
