/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The table of settings walked row by row: each is set to another value than its default and comes through
 * reading, writing, a copy and a comparison, and nothing but it has changed. A new row is tested by being
 * there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "settings/settings_table.h"
#include "settings_text.h"

struct place {
    const struct setting *group; /* NULL: of the settings themselves */
    const struct setting *row;
};

#define PLACES_MAX (3 * SETTING_MEMBERS_MAX)

/* Every setting with a value: not the objects, but what is in them. Returns their number. */
static size_t find_places(struct place places[static PLACES_MAX])
{
    size_t n = 0;

    for (const struct setting *row = service_setting_rows; row->name; row++) {
        if (!row->members)
            places[n++] = (struct place){.row = row};
        for (const struct setting *inner = row->members; inner && inner->name; inner++)
            places[n++] = (struct place){row, inner};
    }
    return n;
}

/* What a setting that is not there at all is changed from: checks have members of their type alone. */
static const char *base_of(const struct place *place)
{
    if (!place->group || place->group->kind != SETTING_CHECK)
        return "{}";
    return place->row->kind == SETTING_COMMAND ? "{'healthCheck':{'type':'exec','command':['a']}}"
                                               : "{'healthCheck':{'type':'http'}}";
}

static const void *struct_of(const struct place *place, const struct service_settings *settings)
{
    return (const char *)settings + (place->group ? place->group->offset : 0);
}

/* Another value than the default, as JSON. */
static const char *other_value(const struct place *place, char text[static 64])
{
    const struct setting *row = place->row;
    uint32_t usual;

    switch (row->kind) {
    case SETTING_NUMBER:
        usual = setting_number(row, struct_of(place, &service_settings_default));
        (void)snprintf(text, 64, "%u", usual < row->maximum ? usual + 1 : usual - 1);
        return text;
    case SETTING_SAMPLE:
        return "'1/3'";
    case SETTING_ZONES:
        return "'a=1,b=2'";
    case SETTING_CLIENTS:
        return "'a,n/b,n/*'";
    case SETTING_CHOICE:
    case SETTING_WORD:
        (void)snprintf(text, 64, "'%s'", row->words[1]);
        return text;
    case SETTING_TYPE:
        return "'https'";
    case SETTING_STATUS:
        return "'204-205'";
    case SETTING_TEXT:
        return strcmp(row->name, "path") == 0 ? "'/x'" : "'x'";
    case SETTING_COMMAND:
        return "['CMD','b','c']";
    default:
        fail_msg("no value for %s", row->name);
    }
    return NULL;
}

static void change(struct service_settings *settings, const struct place *place, const char *value)
{
    char text[256];

    if (place->group)
        (void)snprintf(text, sizeof(text), "{'%s':{'%s':%s}}", place->group->name, place->row->name, value);
    else
        (void)snprintf(text, sizeof(text), "{'%s':%s}", place->row->name, value);
    read_good(settings, text);
}

/* Are both equal in this one setting? */
static bool is_equal_in(const struct place *place, const struct service_settings *a,
                        const struct service_settings *b)
{
    const struct setting rows[] = {*place->row, {0}};

    return settings_equal(rows, struct_of(place, a), struct_of(place, b));
}

static void check_round_trip(const struct place *place, const struct service_settings *settings)
{
    _cleanup_(service_settings_done) struct service_settings again = SERVICE_SETTINGS_DEFAULT;
    _cleanup_(service_settings_done) struct service_settings full = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *written = service_settings_write(settings);
    _cleanup_json_ cJSON *whole = service_settings_write_full(settings);
    const cJSON *object = place->group ? cJSON_GetObjectItemCaseSensitive(whole, place->group->name) : whole;

    assert_int_equal(service_settings_read(written, SETTINGS_RIGHTS_STORED, &again, NULL), 0);
    if (!service_settings_equal(&again, settings))
        fail_msg("%s is another when it is read again", place->row->name);
    assert_int_equal(service_settings_read(whole, SETTINGS_RIGHTS_STORED, &full, NULL), 0);
    assert_true(is_equal_in(place, &full, settings));
    assert_non_null(cJSON_GetObjectItemCaseSensitive(object, place->row->name));
}

static void check_copy(const struct service_settings *settings)
{
    _cleanup_(service_settings_done) struct service_settings copy = SERVICE_SETTINGS_DEFAULT;

    assert_int_equal(service_settings_copy(settings, &copy), 0);
    assert_true(service_settings_equal(settings, &copy));
    assert_true(!copy.check.path || copy.check.path != settings->check.path);
    assert_true(!copy.check.host || copy.check.host != settings->check.host);
    assert_true(!copy.check.command || copy.check.command != settings->check.command);
}

static void test_each_row(void **state)
{
    struct place places[PLACES_MAX];
    size_t n = find_places(places);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        _cleanup_(service_settings_done) struct service_settings before = SERVICE_SETTINGS_DEFAULT;
        _cleanup_(service_settings_done) struct service_settings after = SERVICE_SETTINGS_DEFAULT;
        char text[64];

        read_good(&before, base_of(&places[i]));
        read_good(&after, base_of(&places[i]));
        change(&after, &places[i], other_value(&places[i], text));
        if (service_settings_equal(&before, &after))
            fail_msg("%s: the change is not seen", places[i].row->name);
        for (size_t other = 0; other < n; other++)
            if (is_equal_in(&places[other], &before, &after) != (other != i))
                fail_msg("%s was set, %s is %s", places[i].row->name, places[other].row->name,
                         other == i ? "not changed" : "changed");
        check_round_trip(&places[i], &after);
        check_copy(&after);
        if (places[i].row->kind == SETTING_TYPE || places[i].row->kind == SETTING_COMMAND)
            continue; /* a check cannot be without */
        change(&after, &places[i], "null");
        if (!service_settings_equal(&before, &after))
            fail_msg("%s: null does not put it back", places[i].row->name);
    }
}

/* Numbers: the two ends of the range are taken, what is beyond is not. */
static void test_ranges(void **state)
{
    struct place places[PLACES_MAX];
    size_t n = find_places(places);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct setting *row = places[i].row;
        char format[128], path[64];

        if (row->kind != SETTING_NUMBER)
            continue;
        (void)snprintf(path, sizeof(path), "%s%s%s", places[i].group ? places[i].group->name : "",
                       places[i].group ? "." : "", row->name);
        if (!places[i].group)
            (void)snprintf(format, sizeof(format), "{'%s':%%d}", row->name);
        else if (places[i].group->kind == SETTING_CHECK)
            (void)snprintf(format, sizeof(format), "{'healthCheck':{'type':'tcp','%s':%%d}}", row->name);
        else if (strcmp(row->name, "maxSeconds") == 0)
            (void)snprintf(format, sizeof(format), "{'ejection':{'baseSeconds':1,'%s':%%d}}", row->name);
        else
            (void)snprintf(format, sizeof(format), "{'ejection':{%s'%s':%%d}}",
                           strcmp(row->name, "baseSeconds") == 0 ? "'maxSeconds':86400," : "", row->name);
        expect_range(format, path, (int)row->minimum, (int)row->maximum);
    }
}

/* A member of a struct that is in no row would not be copied, compared or written. Padding is shorter. */
static void check_covered(const struct setting *rows, size_t size)
{
    unsigned char is_covered[512] = {0};
    size_t gap = 0;

    assert_true(size <= sizeof(is_covered));
    for (; rows->name; rows++) {
        memset(is_covered + rows->offset, 1, rows->size);
        if (rows->own)
            is_covered[rows->own] = 1;
    }
    for (size_t i = 0; i < size; i++) {
        gap = is_covered[i] ? 0 : gap + 1;
        if (gap >= sizeof(uint32_t))
            fail_msg("byte %zu of %zu is in no row", i, size);
    }
}

static void test_every_member_has_a_row(void **state)
{
    (void)state;
    check_covered(service_setting_rows, sizeof(struct service_settings));
    check_covered(health_check_rows, sizeof(struct health_check));
    check_covered(ejection_policy_rows, sizeof(struct ejection_policy));
}

/* Of files below the source tree, where the tests run. */
static void test_every_setting_is_documented(void **state)
{
    static const char *const files[] = {"docs/api.md", "docs/man/svcconnect.1"};
    struct place places[PLACES_MAX];
    size_t n = find_places(places);

    (void)state;
    for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
        _cleanup_free_ char *text = NULL;
        size_t length;

        assert_int_equal(file_read(files[f], 1 << 20, &text, &length), 0);
        for (size_t i = 0; i < n; i++) {
            if (!places[i].row->help)
                fail_msg("%s has no help", places[i].row->name);
            if (!strstr(text, places[i].row->name))
                fail_msg("%s has no word of %s", files[f], places[i].row->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_every_member_has_a_row),
        cmocka_unit_test(test_every_setting_is_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
