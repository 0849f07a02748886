/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The decision alone: which registry may take away what is published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "registry/verdict.h"

struct judgement {
    const char *what;
    enum registry_verdict wanted;
    struct registry_facts facts;
};

/* pinned id, pinned revision, published?, id, copy of, revision, rows, unreadable, damaged? */
static const struct judgement judgements[] = {
    {"the first start ever", REGISTRY_RIGHT, {"", 0, false, "", "", 0, 0, 0, false, false, false}},
    {"a reboot", REGISTRY_RIGHT, {"", 0, false, "a", "", 70, 9, 0, false, false, false}},
    {"pins and registry of a version without ids",
     REGISTRY_RIGHT,
     {"", 0, true, "", "", 70, 9, 0, false, false, false}},
    {"an emptied registry beside such pins",
     REGISTRY_EMPTY,
     {"", 0, true, "", "", 0, 0, 0, false, false, false}},
    {"a restart", REGISTRY_RIGHT, {"a", 70, true, "a", "", 70, 9, 0, false, false, false}},
    {"killed between commit and publication",
     REGISTRY_RIGHT,
     {"a", 70, true, "a", "", 71, 9, 0, false, false, false}},
    {"an older copy", REGISTRY_OLDER, {"a", 70, true, "a", "", 69, 9, 0, false, false, false}},
    {"an older copy, nothing published",
     REGISTRY_OLDER,
     {"a", 70, false, "a", "", 69, 9, 0, false, false, false}},
    {"an older copy that went on by itself",
     REGISTRY_OLDER,
     {"a", 70, true, "b", "a", 99, 9, 0, false, false, false}},
    {"that one, accepted", REGISTRY_RIGHT, {"b", 99, true, "b", "a", 99, 9, 0, false, false, false}},
    {"the right one after that was accepted",
     REGISTRY_OTHER,
     {"b", 99, true, "a", "", 70, 9, 0, false, false, false}},
    {"an emptied one", REGISTRY_EMPTY, {"a", 70, true, "", "", 0, 0, 0, false, false, false}},
    {"an emptied one that was given an id",
     REGISTRY_EMPTY,
     {"a", 70, true, "b", "", 1, 0, 0, false, false, false}},
    {"another one, newer by number",
     REGISTRY_OTHER,
     {"a", 70, true, "b", "", 700, 9, 0, false, false, false}},
    {"another one, nothing published",
     REGISTRY_RIGHT,
     {"a", 70, false, "b", "", 700, 9, 0, false, false, false}},
    {"a copy from before there were ids",
     REGISTRY_OTHER,
     {"a", 70, true, "", "", 60, 9, 0, false, false, false}},
    {"unnamed pins, another one since",
     REGISTRY_OTHER,
     {"unknown", 0, true, "b", "", 3, 2, 0, false, false, false}},
    {"unnamed pins, theirs is back",
     REGISTRY_RIGHT,
     {"unknown", 0, true, "", "", 70, 9, 0, false, false, false}},
    {"unnamed pins, still empty", REGISTRY_EMPTY, {"unknown", 0, true, "", "", 0, 0, 0, false, false, false}},
    {"rows that cannot be read",
     REGISTRY_UNREADABLE,
     {"a", 70, true, "a", "", 70, 9, 1, false, false, false}},
    {"such rows after a reboot", REGISTRY_UNREADABLE, {"", 0, false, "a", "", 70, 9, 1, false, false, false}},
    {"such rows in an older one", REGISTRY_OLDER, {"a", 70, true, "a", "", 69, 9, 1, false, false, false}},
    {"a damaged file after a reboot", REGISTRY_DAMAGED, {"", 0, false, "", "", 0, 0, 0, false, true, false}},
    {"restored, older by number", REGISTRY_RIGHT, {"a", 70, true, "b", "", 7, 9, 0, true, false, false}},
    {"restored, with rows that cannot be read",
     REGISTRY_UNREADABLE,
     {"a", 70, true, "b", "", 7, 9, 1, true, false, false}},
    {"restored, and damaged since", REGISTRY_DAMAGED, {"a", 70, true, "b", "", 7, 9, 0, true, true, false}},
    {"one that cannot be reached", REGISTRY_AWAY, {"a", 70, true, "", "", 0, 0, 0, false, false, true}},
    {"the same at the first start", REGISTRY_AWAY, {"", 0, false, "", "", 0, 0, 0, false, false, true}},
    {"a damaged file beside pins", REGISTRY_DAMAGED, {"a", 70, true, "b", "", 1, 4, 0, false, true, false}},
};

static void test_judgements(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(judgements); i++)
        if (registry_judge(&judgements[i].facts) != judgements[i].wanted)
            fail_msg("%s: %s, not %s", judgements[i].what,
                     registry_verdict_name(registry_judge(&judgements[i].facts)),
                     registry_verdict_name(judgements[i].wanted));
}

static void test_only_its_own_registry_names_what_is_published(void **state)
{
    (void)state;
    assert_true(registry_verdict_is_own(REGISTRY_RIGHT));
    assert_true(registry_verdict_is_own(REGISTRY_UNREADABLE));
    assert_false(registry_verdict_is_own(REGISTRY_EMPTY));
    assert_false(registry_verdict_is_own(REGISTRY_OTHER));
    assert_false(registry_verdict_is_own(REGISTRY_OLDER));
    assert_false(registry_verdict_is_own(REGISTRY_DAMAGED));
    assert_false(registry_verdict_is_own(REGISTRY_AWAY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgements),
        cmocka_unit_test(test_only_its_own_registry_names_what_is_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
