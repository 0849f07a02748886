/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "model/actor.h"

static void test_texts(void **state)
{
    struct actor actor = actor_make(ACTOR_SOCKET, "sh\n\xc3\xa4");
    char text[ACTOR_TEXT_SIZE], longest[200];

    (void)state;
    actor.uid = 7;
    actor.pid = 42;
    assert_string_equal(actor_text(&actor, text), "uid 7, process 42 (sh??"
                                                  "?)");
    actor.name[0] = '\0';
    assert_string_equal(actor_text(&actor, text), "uid 7, process 42");
    actor = actor_make(ACTOR_KEY, "default");
    assert_string_equal(actor_text(&actor, text), "key default");
    actor = (struct actor){0};
    assert_string_equal(actor_text(&actor, text), "svcconnectd");
    memset(longest, 'd', sizeof(longest) - 1);
    memcpy(longest + sizeof(longest) - 8, "/a.json", 8);
    actor = actor_make(ACTOR_FILE, longest);
    assert_int_equal(strlen(actor.name), ACTOR_NAME_SIZE - 1);
    assert_string_equal(actor.name + ACTOR_NAME_SIZE - 8, "/a.json"); /* the end tells files apart */
}

static void test_json_and_back(void **state)
{
    struct actor all[] = {
        {0}, actor_make(ACTOR_SOCKET, "svcconnect"), actor_make(ACTOR_KEY, "k"), actor_make(ACTOR_FILE, "f")};

    (void)state;
    all[1].uid = 4294967294u;
    all[1].pid = 123456;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        _cleanup_json_ cJSON *json = actor_json(&all[i]);
        struct actor back = actor_of_json(json);

        assert_int_equal(back.kind, all[i].kind);
        assert_int_equal(back.uid, all[i].uid);
        assert_int_equal(back.pid, all[i].pid);
        assert_string_equal(back.name, all[i].name);
    }
    assert_int_equal(actor_of_json(NULL).kind, ACTOR_DAEMON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_json_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
