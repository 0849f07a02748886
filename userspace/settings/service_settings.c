/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings of a service: read from JSON, merged, compared, written. Long because each setting goes through all four, and what one
 * knows of its form the others need. */
#include "settings/service_settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/near_miss.h"

#include "settings/allow_from.h"
#include "settings/settings_reading.h"
#include "settings/zone_clients.h"

const struct service_settings service_settings_default = SERVICE_SETTINGS_DEFAULT;

#define EJECT "ejection"

/* ---- as data ---- */

int service_settings_copy(const struct service_settings *settings, struct service_settings *ret)
{
    struct service_settings copy = *settings;
    int r = settings_own(service_setting_rows, settings, &copy);

    if (r == 0)
        *ret = copy;
    return r;
}

void service_settings_done(struct service_settings *settings)
{
    settings_disown(service_setting_rows, settings);
    *settings = service_settings_default;
}

bool service_settings_equal(const struct service_settings *a, const struct service_settings *b)
{
    return settings_equal(service_setting_rows, a, b);
}

bool ejection_policy_equal(const struct ejection_policy *a, const struct ejection_policy *b)
{
    return settings_equal(ejection_policy_rows, a, b);
}

/* ---- members ---- */

void settings_bad(struct settings_reading *reading, const char *prefix, struct error *error)
{
    if (*prefix)
        error_prefix_field(error, prefix);
    reading->n_bad++;
    reading->report(SERVICE_SETTINGS_BAD, error, reading->user);
}

void settings_refuse(struct settings_reading *reading, const char *field, const char *value,
                     const char *allowed, ...)
{
    struct error error = {0};
    char text[sizeof(error.allowed)];
    va_list arguments;

    va_start(arguments, allowed);
    (void)vsnprintf(text, sizeof(text), allowed, arguments);
    va_end(arguments);
    (void)error_input(&error, field, value, "%s", text);
    settings_bad(reading, "", &error);
}

static void join(const char *const names[], char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; names[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

void settings_check_members(struct settings_reading *reading, const cJSON *object, const char *prefix,
                            const char *const known[])
{
    struct error error = {0};
    char list[sizeof(error.allowed)];
    const cJSON *item;

    join(known, list, sizeof(list));
    cJSON_ArrayForEach (item, object) {
        bool is_known = false;

        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = strcmp(item->string, known[i]) == 0;
        if (is_known)
            continue;
        (void)error_unknown_member(&error, item->string, list);
        (void)error_meant(&error, near_miss(item->string, known));
        error_prefix_field(&error, prefix);
        reading->report(SERVICE_SETTINGS_UNKNOWN, &error, reading->user);
    }
}

/* `value` as it is given. */
static void set_number(const struct setting *row, void *base, uint32_t value)
{
    void *member = (char *)base + row->offset;

    if (row->size == sizeof(uint16_t))
        *(uint16_t *)member = (uint16_t)(value * row->scale);
    else
        *(uint32_t *)member = value * row->scale;
}

bool settings_read_number(struct settings_reading *reading, const cJSON *object, const char *prefix,
                          const struct setting *row, void *base, const void *defaults)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, row->name);
    struct error error = {0};
    uint64_t value = 0;

    if (!item)
        return false;
    if (cJSON_IsNull(item)) {
        set_number(row, base, setting_number(row, defaults));
        return false;
    }
    if ((row->scale == 1000 ? json_get_seconds : json_get_integer)(object, row->name, true, row->minimum,
                                                                   row->maximum, &value, &error) < 0) {
        settings_bad(reading, prefix, &error);
        return false;
    }
    set_number(row, base, (uint32_t)value);
    return true;
}

void settings_write_number(cJSON *object, const struct setting *row, const void *base, const void *defaults,
                           bool is_full)
{
    uint32_t value = setting_number(row, base);

    if (row->is_optional ? value != 0 : is_full || value != setting_number(row, defaults))
        (void)cJSON_AddNumberToObject(object, row->name, value);
}

void settings_keep_text(struct settings_reading *reading, const char *text, char **member)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy) {
        reading->status = -ENOMEM;
        return;
    }
    free(*member);
    *member = copy;
}

/* ---- reading ---- */

/* Returns whether there is now something of its own: a member was given, or what was there is not the
 * default. */
static bool read_ejection(struct settings_reading *reading, const cJSON *item, bool is_set,
                          struct ejection_policy *ejection)
{
    const struct ejection_policy *usual = &service_settings_default.ejection;
    const char *known[SETTING_MEMBERS_MAX + 1];
    bool is_given = false;

    if (cJSON_IsNull(item)) {
        *ejection = *usual;
        return false;
    }
    setting_names(ejection_policy_rows, known);
    if (!cJSON_IsObject(item)) {
        char list[256];

        join(known, list, sizeof(list));
        settings_refuse(reading, EJECT, "(no object)", "an object of %s", list);
        return false;
    }
    settings_check_members(reading, item, EJECT, known);
    for (const struct setting *row = ejection_policy_rows; row->name; row++)
        is_given |= settings_read_number(reading, item, EJECT, row, ejection, usual);
    if (ejection->max_ms < ejection->base_ms) {
        char value[32];

        (void)snprintf(value, sizeof(value), "%u", ejection->max_ms / 1000);
        settings_refuse(reading, EJECT ".maxSeconds", value, "at least baseSeconds, which is %u",
                        ejection->base_ms / 1000);
    }
    return is_given || (is_set && !ejection_policy_equal(ejection, usual));
}

/* Which of the words is kept. */
static uint32_t place_of_word(const struct setting *row, const void *member)
{
    return row->kind == SETTING_CHOICE ? *(const bool *)member : *(const uint32_t *)member;
}

static void settings_read_word(struct settings_reading *reading, const cJSON *item, const struct setting *row,
                               void *member)
{
    const char *text = cJSON_IsNull(item) ? row->words[0] : cJSON_GetStringValue(item);
    char list[64];

    for (uint32_t i = 0; text && row->words[i]; i++)
        if (strcmp(text, row->words[i]) == 0) {
            if (row->kind == SETTING_CHOICE)
                *(bool *)member = i == 1;
            else
                *(uint32_t *)member = i;
            return;
        }
    join(row->words, list, sizeof(list));
    settings_refuse(reading, row->name, text ? text : "(no text)", "%s", list);
}

/* "1/N" in digits alone; 0: it is not. */
static uint32_t one_of(const char *text, uint32_t most)
{
    unsigned long n;
    char *end;

    if (strncmp(text, "1/", 2) != 0 || text[2] < '1' || text[2] > '9')
        return 0;
    errno = 0;
    n = strtoul(text + 2, &end, 10);
    return *end == '\0' && errno == 0 && n <= most ? (uint32_t)n : 0;
}

static void read_sample(struct settings_reading *reading, const cJSON *item, const struct setting *row,
                        void *base)
{
    const char *text = cJSON_GetStringValue(item);
    uint32_t n = text ? one_of(text, row->maximum) : 0;

    if (cJSON_IsNull(item))
        set_number(row, base, setting_number(row, &service_settings_default));
    else if (n > 0 || (text && strcmp(text, "off") == 0))
        set_number(row, base, n);
    else if (text && strcmp(text, "all") == 0)
        set_number(row, base, 1);
    else
        settings_refuse(reading, row->name, text ? text : "(no text)", "off, all or 1/N, N up to %u",
                        row->maximum);
}

static void write_sample(cJSON *object, const struct setting *row, uint32_t n)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "1/%u", n);
    (void)cJSON_AddStringToObject(object, row->name, n == 0 ? "off" : n == 1 ? "all" : text);
}

static void read_zones(struct settings_reading *reading, const cJSON *item, const struct setting *row,
                       char **member)
{
    struct zone_clients zones[ZONE_CLIENTS_ZONES];
    const char *text = cJSON_GetStringValue(item);
    size_t n;

    if (!cJSON_IsNull(item) && (!text || zone_clients_parse(text, zones, &n) < 0)) {
        settings_refuse(
            reading, row->name, text ? text : "(no text)",
            "ZONE=N,... of %d zones at most, each once, with whole numbers up to %u of which one is "
            "not 0; a zone's name has %s",
            ZONE_CLIENTS_ZONES, ZONE_CLIENTS_NUMBER, ZONE_NAME_TAKES);
        return;
    }
    settings_keep_text(reading, text, member);
}

static void read_clients(struct settings_reading *reading, const cJSON *item, const struct setting *row,
                         char **member)
{
    const char *text = cJSON_GetStringValue(item);

    if (!cJSON_IsNull(item) && (!text || !allow_from_is_good(text)))
        settings_refuse(reading, row->name, text ? text : "(no text)", "%s", ALLOW_FROM_TAKES);
    else
        settings_keep_text(reading, text, member);
}

/* Reads the member of that row, which is given as `item`. */
static void read_member(struct settings_reading *reading, const cJSON *object, const cJSON *item,
                        const struct setting *row, struct service_settings *settings)
{
    void *member = (char *)settings + row->offset;
    bool *own = row->own ? (bool *)((char *)settings + row->own) : NULL;
    bool is_own = true;

    switch (row->kind) {
    case SETTING_CHECK:
        health_check_read(reading, item, member);
        break;
    case SETTING_EJECTION:
        is_own = read_ejection(reading, item, *own, member);
        break;
    case SETTING_CHOICE:
    case SETTING_WORD:
        settings_read_word(reading, item, row, member);
        break;
    case SETTING_SAMPLE:
        read_sample(reading, item, row, settings);
        break;
    case SETTING_ZONES:
        read_zones(reading, item, row, member);
        break;
    case SETTING_CLIENTS:
        read_clients(reading, item, row, member);
        break;
    default:
        is_own = settings_read_number(reading, object, "", row, settings, &service_settings_default);
        break;
    }
    if (own)
        *own = is_own;
}

static void service_settings_read_members(struct settings_reading *reading, const cJSON *object,
                                          struct service_settings *settings)
{
    for (const struct setting *row = service_setting_rows; row->name; row++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, row->name);

        if (item)
            read_member(reading, object, item, row, settings);
    }
}

int service_settings_read_all(const cJSON *object, struct settings_rights rights,
                              struct service_settings *settings, service_settings_report report, void *user)
{
    struct settings_reading reading = {.rights = rights, .report = report, .user = user};
    struct service_settings changed;
    int r = service_settings_copy(settings, &changed);

    if (r < 0)
        return r;
    service_settings_read_members(&reading, object, &changed);
    if (reading.status < 0 || reading.n_bad > 0) {
        service_settings_done(&changed);
        return reading.status < 0 ? reading.status : -EINVAL;
    }
    service_settings_done(settings);
    *settings = changed;
    return 0;
}

/* The first thing that is wrong, unknown members too. */
static void service_settings_keep_first(enum service_settings_finding finding, const struct error *error,
                                        void *user)
{
    struct error *first = user;

    (void)finding;
    if (!first->number)
        *first = *error;
}

int service_settings_read(const cJSON *object, struct settings_rights rights,
                          struct service_settings *settings, struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings changed = SERVICE_SETTINGS_DEFAULT;
    const char *known[SETTING_MEMBERS_MAX + 1];
    struct error first = {0};
    int r;

    setting_names(service_setting_rows, known);
    r = json_check_members(object, known, error);
    if (r < 0)
        return r;
    r = service_settings_copy(settings, &changed);
    if (r == 0)
        r = service_settings_read_all(object, rights, &changed, service_settings_keep_first, &first);
    if (r == -ENOMEM)
        return error_errno(error, r, "reading settings");
    if (first.number) {
        if (error)
            *error = first;
        return -EINVAL;
    }
    service_settings_done(settings);
    *settings = changed;
    changed = service_settings_default;
    return 0;
}

/* Names of the members that hold for services without them too. */
static void global_names(const char *ret_names[static SETTING_MEMBERS_MAX + 1])
{
    size_t n = 0;

    for (const struct setting *row = service_setting_rows; row->name; row++)
        if (row->own)
            ret_names[n++] = row->name;
    ret_names[n] = NULL;
}

int service_settings_read_global(const cJSON *object, struct ejection_policy *ejection,
                                 uint32_t *connect_timeout_ms, struct error *error)
{
    const char *known[SETTING_MEMBERS_MAX + 1];
    struct service_settings changed = SERVICE_SETTINGS_DEFAULT;
    int r;

    global_names(known);
    r = json_check_members(object, known, error);
    changed.ejection = *ejection;
    changed.connect_timeout_ms = *connect_timeout_ms;
    if (r == 0)
        r = service_settings_read(object, SETTINGS_RIGHTS_NONE, &changed, error);
    if (r < 0)
        return r;
    *ejection = changed.ejection;
    *connect_timeout_ms = changed.connect_timeout_ms;
    return 0;
}

/* ---- writing ---- */

static bool write_check(cJSON *object, const struct setting *row, const struct health_check *check,
                        bool is_full)
{
    cJSON *json;

    if (!is_full && check->type == HEALTH_CHECK_NONE)
        return true;
    json = health_check_write(check, is_full);
    if (json && cJSON_AddItemToObject(object, row->name, json))
        return true;
    cJSON_Delete(json);
    return false;
}

static void write_ejection(cJSON *object, const struct setting *row, const struct ejection_policy *ejection)
{
    cJSON *json = cJSON_AddObjectToObject(object, row->name);

    for (const struct setting *number = row->members; number->name; number++)
        settings_write_number(json, number, ejection, &service_settings_default.ejection, true);
}

/* False: no memory. */
static bool write_member(cJSON *object, const struct setting *row, const struct service_settings *settings,
                         bool is_full)
{
    const void *member = (const char *)settings + row->offset;
    bool is_own = row->own && *(const bool *)((const char *)settings + row->own);

    if (row->own && !is_own && !is_full)
        return true;
    switch (row->kind) {
    case SETTING_CHECK:
        return write_check(object, row, member, is_full);
    case SETTING_EJECTION:
        write_ejection(object, row, member);
        break;
    case SETTING_CHOICE:
    case SETTING_WORD:
        if (is_full || place_of_word(row, member) > 0)
            (void)cJSON_AddStringToObject(object, row->name, row->words[place_of_word(row, member)]);
        break;
    case SETTING_SAMPLE:
        if (is_full || setting_number(row, settings) != setting_number(row, &service_settings_default))
            write_sample(object, row, setting_number(row, settings));
        break;
    case SETTING_ZONES:
    case SETTING_CLIENTS:
        if (*(char *const *)member)
            (void)cJSON_AddStringToObject(object, row->name, *(char *const *)member);
        break;
    default:
        settings_write_number(object, row, settings, &service_settings_default, is_full || is_own);
        break;
    }
    return true;
}

static cJSON *write_settings(const struct service_settings *settings, bool is_full)
{
    cJSON *object = cJSON_CreateObject();

    for (const struct setting *row = service_setting_rows; row->name; row++) {
        if (write_member(object, row, settings, is_full))
            continue;
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

cJSON *service_settings_write(const struct service_settings *settings)
{
    return write_settings(settings, false);
}

cJSON *service_settings_write_full(const struct service_settings *settings)
{
    return write_settings(settings, true);
}

cJSON *service_settings_write_global(const struct ejection_policy *ejection, uint32_t connect_timeout_ms)
{
    const struct service_settings settings = {.ejection = *ejection,
                                              .connect_timeout_ms = connect_timeout_ms};
    cJSON *object = cJSON_CreateObject();

    for (const struct setting *row = service_setting_rows; row->name; row++)
        if (row->own)
            (void)write_member(object, row, &settings, true);
    return object;
}
