/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes as events: what each says, how many of a storm are told one by one, aliases that are lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_HISTORY 100

#include "engine/engine_internal.h"
#include "engine/history/history.h"
#include "unit/house.h"
#include "upkeep/changes_told.h"

struct lab {
    struct house house;
    struct changes_told told;
};

#define SERVICE "services/ns/web"
#define ALIAS   "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}"
#define A       "instances/ns/web/a"
#define WEIGHT(n)                                                                                            \
    "{\"address\":\"10.0.0.1\",\"port\":1,\"protocol\":\"tcp\",\"weight\":" #n ",\"health\":\"HEALTHY\"}"

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    log_set_level(LOG_LEVEL_ERROR);
    lab->told = (struct changes_told){.engine = lab->house.engine, .events = &lab->house.events};
    assert_int_equal(engine_follow(lab->house.engine, &changes_told_follower, &lab->told), 0);
    house_begin(&lab->house);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static const struct event_entry *last_event(const struct lab *lab)
{
    const struct event_entry *entry, *last = NULL;

    for (uint64_t after = 0; (entry = event_log_next(&lab->house.events, after)); after = entry->sequence)
        last = entry;
    assert_non_null(last);
    return last;
}

static void test_what_an_event_says(void **state)
{
    struct lab *lab = *state;
    const struct event_entry *event;

    house_put(&lab->house, SERVICE, ALIAS);
    house_put(&lab->house, A, WEIGHT(1));
    house_put(&lab->house, A, WEIGHT(4));
    event = last_event(lab);
    assert_int_equal(event->kind, EVENT_CHANGE);
    assert_string_equal(event->namespace_name, "ns");
    assert_string_equal(event->service, "web");
    assert_string_equal(event->instance, "a");
    assert_non_null(strstr(event->message, "weight 1 -> 4 by "));
    assert_non_null(strstr(event->message, ", revision 3"));
    house_put(&lab->house, "routes/ns//front:80/tcp", "{\"targets\":[{\"service\":\"web\",\"weight\":1}]}");
    event = last_event(lab);
    assert_string_equal(event->instance, "");
    assert_int_equal(strncmp(event->message, "front:80/tcp: created: targets web=1 by ", 39), 0);
}

/* A document may hold passwords: what it says is not told. */
static void test_a_secret_is_not_told(void **state)
{
    struct lab *lab = *state;

    house_put(&lab->house, "documents/ns/web", "{\"source\":\"f\",\"text\":\"hunter2\"}");
    assert_null(strstr(last_event(lab)->message, "hunter2"));
    assert_non_null(strstr(last_event(lab)->message, "web: created by "));
}

static unsigned n_events(const struct lab *lab, const char *part)
{
    const struct event_entry *entry;
    unsigned n = 0;

    for (uint64_t after = 0; (entry = event_log_next(&lab->house.events, after)); after = entry->sequence)
        n += strstr(entry->message, part) != NULL;
    return n;
}

/* Of many changes within a second the first are told, and the next second says how many were not. */
static void test_a_storm_is_told_by_its_number(void **state)
{
    struct lab *lab = *state;
    struct history *history = lab->house.engine->history;
    const struct history_origin origin = {.by = actor_make(ACTOR_DAEMON, ""), .operation = "test"};
    uint64_t first;

    history_begin(history, 1, 0);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(history_tell(history, &origin, SERVICE, NULL, ALIAS, false, 0), 0);
    first = history_keep(history);
    changes_told_follower.changed(&lab->told, first, history_newest(history));
    assert_int_equal(n_events(lab, "created"), CHANGES_TOLD_A_SECOND);
    assert_int_equal(n_events(lab, "more changes"), 0);
    assert_int_equal(lab->told.n_untold, 40 - CHANGES_TOLD_A_SECOND);
    lab->told.second--; /* another second than the one that is */
    changes_told_follower.changed(&lab->told, first, first);
    assert_int_equal(n_events(lab, "24 more changes; svcconnect history shows them"), 1);
    assert_int_equal(n_events(lab, "created"), CHANGES_TOLD_A_SECOND + 1);
    assert_int_equal(lab->told.n_untold, 0);
}

/* The last endpoint of an alias: told after the change that did it, with who. */
static void test_a_lost_alias_is_told(void **state)
{
    struct lab *lab = *state;
    const struct event_entry *event;

    house_put(&lab->house, SERVICE, ALIAS);
    house_put(&lab->house, A, WEIGHT(1));
    house_put(&lab->house, A, NULL);
    event = last_event(lab);
    assert_int_equal(event->kind, EVENT_CHANGE);
    assert_string_equal(event->namespace_name, "ns");
    assert_non_null(strstr(event->message, "web:80/tcp"));
    assert_int_equal(n_events(lab, "removed: "), 1);
}

static void test_many_lost_aliases_are_told_by_their_number(void **state)
{
    struct lab *lab = *state;
    const struct actor by = actor_make(ACTOR_DAEMON, "");

    for (unsigned i = 0; i < CHANGES_TOLD_A_SECOND + 5; i++)
        changes_told_follower.lost(&lab->told, "ns", "nobody is left", &by);
    assert_int_equal(n_events(lab, "nobody is left ("), CHANGES_TOLD_A_SECOND);
    assert_int_equal(lab->told.n_untold, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_an_event_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_secret_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_storm_is_told_by_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_alias_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_lost_aliases_are_told_by_their_number, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
