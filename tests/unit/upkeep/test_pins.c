/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pins that have gone: put back, told once, troubles that come and go, the lock of a directory made anew. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/lock.h"
#include "unit/house.h"
#include "upkeep/pins.h"

struct lab {
    struct house house;
    struct pins pins;
    char directory[64];
    int lock;
    char lost[64];
    bool cannot_attach;
};

static bool on_lost(void *user, const char *link_name)
{
    struct lab *lab = user;

    (void)snprintf(lab->lost, sizeof(lab->lost), "%s", link_name);
    return !lab->cannot_attach;
}

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct error error = {0};

    *state = lab;
    house_make(&lab->house);
    house_begin(&lab->house);
    strcpy(lab->directory, "/tmp/svcconnect-pins-XXXXXX");
    assert_non_null(mkdtemp(lab->directory));
    assert_int_equal(lock_private_directory("bpffs directory", lab->directory, &lab->lock, &error), 0);
    assert_int_equal(pins_begin(&lab->pins, &(struct pins_settings){.base = lab->house.base,
                                                                    .datapath = lab->house.datapath,
                                                                    .events = &lab->house.events,
                                                                    .bpffs = lab->directory,
                                                                    .lock = &lab->lock,
                                                                    .on_lost = on_lost,
                                                                    .user = lab}),
                     0);
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    pins_done(&lab->pins);
    house_stop(&lab->house);
    house_end(&lab->house);
    (void)close(lab->lock);
    (void)rmdir(lab->directory);
    free(lab);
    return 0;
}

/* The text of the n-th event from the first on; "" where there are fewer. Others than PINS fail the test. */
static const char *event(const struct lab *lab, unsigned n)
{
    const struct event_entry *entry = event_log_next(&lab->house.events, 0);

    while (entry && --n)
        entry = event_log_next(&lab->house.events, entry->sequence);
    if (entry)
        assert_string_equal(event_kind_name(entry->kind), "PINS");
    return entry ? entry->message : "";
}

static void test_nothing_gone_is_nothing_told(void **state)
{
    struct lab *lab = *state;
    char text[256];

    assert_false(pins_look(&lab->pins));
    assert_string_equal(event(lab, 1), "");
    assert_int_equal(lab->pins.put_back, 0);
    assert_int_equal(lab->pins.put_back_at, 0);
    assert_false(pins_trouble(&lab->pins, text, sizeof(text)));
}

/* A removal that is found in several looks is one event, when nothing more is found. */
static void test_a_removal_is_one_event(void **state)
{
    struct lab *lab = *state;

    memory_datapath_lose_pins(lab->house.datapath, 19, 9, NULL);
    assert_true(pins_look(&lab->pins));
    memory_datapath_lose_pins(lab->house.datapath, 0, 18, NULL);
    assert_true(pins_look(&lab->pins));
    assert_string_equal(event(lab, 1), "");
    assert_false(pins_look(&lab->pins));
    assert_non_null(strstr(event(lab, 1), "put back 19 maps and 27 links"));
    assert_non_null(strstr(event(lab, 1), lab->directory));
    assert_null(strstr(event(lab, 1), "anew"));
    assert_string_equal(event(lab, 2), "");
    assert_int_equal(lab->pins.put_back, 46);
    assert_true(lab->pins.put_back_at > 0);
    assert_false(pins_look(&lab->pins));
    assert_string_equal(event(lab, 2), "");
}

static void test_a_link_that_is_lost_is_attached_anew(void **state)
{
    struct lab *lab = *state;

    memory_datapath_lose_pins(lab->house.datapath, 0, 0, "web-42");
    assert_true(pins_look(&lab->pins));
    assert_string_equal(lab->lost, "web-42");
    assert_false(pins_look(&lab->pins));
    assert_non_null(strstr(event(lab, 1), "1 tasks were attached anew"));
}

/* Found again at each look; it must neither be told each time nor make looks follow each other quickly. */
static void test_a_link_that_stays_lost_is_told_elsewhere(void **state)
{
    struct lab *lab = *state;

    lab->cannot_attach = true;
    memory_datapath_lose_pins(lab->house.datapath, 0, 0, "web-42");
    assert_false(pins_look(&lab->pins));
    assert_string_equal(lab->lost, "web-42");
    assert_string_equal(event(lab, 1), "");
}

static void test_trouble_lasts_until_it_is_over(void **state)
{
    struct lab *lab = *state;
    char text[1024];

    memory_datapath_fail_mending(lab->house.datapath, -ENODEV);
    assert_false(pins_look(&lab->pins));
    assert_false(pins_look(&lab->pins));
    assert_true(pins_trouble(&lab->pins, text, sizeof(text)));
    assert_non_null(strstr(text, "cannot be put back"));
    assert_string_equal(event(lab, 1), text);
    assert_string_equal(event(lab, 2), "");
    memory_datapath_fail_mending(lab->house.datapath, 0);
    memory_datapath_lose_pins(lab->house.datapath, 19, 0, NULL);
    assert_true(pins_look(&lab->pins));
    assert_false(pins_trouble(&lab->pins, text, sizeof(text)));
    assert_false(pins_look(&lab->pins));
    assert_non_null(strstr(event(lab, 2), "put back 19 maps"));
}

static bool is_locked(const char *directory)
{
    _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static void make_anew(const struct lab *lab)
{
    char other[80];

    /* Aside first, so that the new one cannot have the number of the old one. */
    (void)snprintf(other, sizeof(other), "%s.old", lab->directory);
    assert_int_equal(rename(lab->directory, other), 0);
    assert_int_equal(mkdir(lab->directory, 0700), 0);
    assert_int_equal(rmdir(other), 0);
}

static void test_a_directory_made_anew_is_locked(void **state)
{
    struct lab *lab = *state;

    make_anew(lab);
    assert_false(is_locked(lab->directory));
    assert_false(pins_look(&lab->pins));
    assert_true(is_locked(lab->directory));
}

/* Another daemon was started there: what is its own is left alone. */
static void test_a_directory_that_somebody_else_took_is_left_alone(void **state)
{
    struct lab *lab = *state;
    char text[1024];
    int theirs;

    make_anew(lab);
    theirs = open(lab->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(theirs, LOCK_EX | LOCK_NB), 0);
    memory_datapath_lose_pins(lab->house.datapath, 19, 0, NULL);
    assert_false(pins_look(&lab->pins));
    assert_int_equal(lab->pins.put_back, 0);
    assert_true(pins_trouble(&lab->pins, text, sizeof(text)));
    assert_non_null(strstr(text, "another svcconnectd"));
    (void)close(theirs);
    assert_true(pins_look(&lab->pins));
    assert_int_equal(lab->pins.put_back, 19);
}

static bool has_event(void *user)
{
    return *event(user, 1);
}

static void test_the_loop_looks_by_itself(void **state)
{
    struct lab *lab = *state;

    memory_datapath_lose_pins(lab->house.datapath, 1, 0, NULL);
    house_until(&lab->house, has_event, lab, "an event");
    assert_int_equal(lab->pins.put_back, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_gone_is_nothing_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_removal_is_one_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_link_that_is_lost_is_attached_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_link_that_stays_lost_is_told_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trouble_lasts_until_it_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_made_anew_is_locked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_that_somebody_else_took_is_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_loop_looks_by_itself, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
