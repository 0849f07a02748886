/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "settings/service_settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings_reading.h"

const struct service_settings service_settings_default = SERVICE_SETTINGS_DEFAULT;
static const struct ejection_policy default_ejection = EJECTION_DEFAULT;

#define CHECK     "healthCheck"
#define EJECT     "ejection"
#define CONNECT   "connectTimeoutSeconds"
#define PEER_NAME "peerName"
#define POLICY    "dnsRoutingPolicy"

const char *const service_settings_members[] = {CHECK,
                                                EJECT,
                                                CONNECT,
                                                "panicThresholdPercent",
                                                "slowStartSeconds",
                                                "drainSeconds",
                                                "admissionSeconds",
                                                "udpStickinessSeconds",
                                                PEER_NAME,
                                                POLICY,
                                                NULL};

static const struct settings_number numbers[] = {
    {"panicThresholdPercent", offsetof(struct service_settings, panic_percent), 0, 100, 1, 0},
    {"slowStartSeconds", offsetof(struct service_settings, slow_start_ms), 0, 3600, 1000, 0},
    {"drainSeconds", offsetof(struct service_settings, drain_ms), 0, 3600, 1000, SERVICE_DRAIN_MS},
    {"admissionSeconds", offsetof(struct service_settings, admission_ms), 0, 86400, 1000,
     SERVICE_ADMISSION_MS},
    {"udpStickinessSeconds", offsetof(struct service_settings, udp_stickiness_ms), 0, 86400, 1000,
     SERVICE_UDP_STICKINESS_MS},
};

static const struct settings_number connect_timeout = {
    CONNECT, offsetof(struct service_settings, connect_timeout_ms), 0, 127, 1000, 0};

static const struct settings_number ejection_numbers[] = {
    {"failures", offsetof(struct ejection_policy, failures), 0, EJECTION_MAX_FAILURES, 1, 5},
    {"windowSeconds", offsetof(struct ejection_policy, window_ms), 1, 3600, 1000, 30000},
    {"baseSeconds", offsetof(struct ejection_policy, base_ms), 1, 86400, 1000, 30000},
    {"maxSeconds", offsetof(struct ejection_policy, max_ms), 1, 86400, 1000, 300000},
};

static const char *const ejection_members[] = {"failures", "windowSeconds", "baseSeconds", "maxSeconds",
                                               NULL};

/* The first is the default. */
struct choice {
    const char *name;
    const char *values[2];
};

static const struct choice peer_name = {PEER_NAME, {"endpoint", "alias"}};
static const struct choice policy = {POLICY, {"MULTIVALUE", "WEIGHTED"}};

/* ---- as data ---- */

int service_settings_copy(const struct service_settings *settings, struct service_settings *ret)
{
    struct service_settings copy = *settings;
    int r = health_check_copy(&settings->check, &copy.check);

    if (r == 0)
        *ret = copy;
    return r;
}

void service_settings_done(struct service_settings *settings)
{
    health_check_done(&settings->check);
    *settings = service_settings_default;
}

static bool equal_ejection(const struct ejection_policy *a, const struct ejection_policy *b)
{
    return a->failures == b->failures && a->window_ms == b->window_ms && a->base_ms == b->base_ms &&
           a->max_ms == b->max_ms;
}

bool service_settings_equal(const struct service_settings *a, const struct service_settings *b)
{
    return a->has_ejection == b->has_ejection &&
           (!a->has_ejection || equal_ejection(&a->ejection, &b->ejection)) &&
           a->has_connect_timeout == b->has_connect_timeout &&
           (!a->has_connect_timeout || a->connect_timeout_ms == b->connect_timeout_ms) &&
           a->panic_percent == b->panic_percent && a->slow_start_ms == b->slow_start_ms &&
           a->drain_ms == b->drain_ms && a->admission_ms == b->admission_ms &&
           a->udp_stickiness_ms == b->udp_stickiness_ms && a->is_peer_alias == b->is_peer_alias &&
           a->is_dns_weighted == b->is_dns_weighted && health_check_equal(&a->check, &b->check);
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

void settings_check_members(struct settings_reading *reading, const cJSON *object, const char *prefix,
                            const char *const known[])
{
    struct error error = {0};
    char list[sizeof(error.allowed)] = "";
    const cJSON *item;
    size_t used = 0;

    for (size_t i = 0; known[i] && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", known[i]);
    cJSON_ArrayForEach (item, object) {
        bool is_known = false;

        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = strcmp(item->string, known[i]) == 0;
        if (is_known)
            continue;
        (void)error_input(&error, item->string, "(unknown member)", "%s", list);
        error_prefix_field(&error, prefix);
        reading->report(SERVICE_SETTINGS_UNKNOWN, &error, reading->user);
    }
}

static uint32_t *number_at(const struct settings_number *number, void *base)
{
    return (uint32_t *)(void *)((char *)base + number->offset);
}

bool settings_read_number(struct settings_reading *reading, const cJSON *object, const char *prefix,
                          const struct settings_number *number, void *base)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, number->name);
    struct error error = {0};
    uint64_t value = 0;

    if (!item)
        return false;
    if (cJSON_IsNull(item)) {
        *number_at(number, base) = number->fallback;
        return false;
    }
    if (json_get_integer(object, number->name, true, number->minimum, number->maximum, &value, &error) < 0) {
        settings_bad(reading, prefix, &error);
        return false;
    }
    *number_at(number, base) = (uint32_t)value * number->scale;
    return true;
}

void settings_write_number(cJSON *object, const struct settings_number *number, const void *base,
                           bool is_full)
{
    uint32_t value = *(const uint32_t *)(const void *)((const char *)base + number->offset);

    if (is_full || value != number->fallback)
        (void)cJSON_AddNumberToObject(object, number->name, value / number->scale);
}

/* ---- reading ---- */

/* Returns whether there is now something of its own: a member was given, or what was there is not the
 * default. */
static bool read_ejection(struct settings_reading *reading, const cJSON *item, bool is_set,
                          struct ejection_policy *ejection)
{
    bool is_given = false;

    if (cJSON_IsNull(item)) {
        *ejection = default_ejection;
        return false;
    }
    if (!cJSON_IsObject(item)) {
        settings_refuse(reading, EJECT, "(no object)", "an object of %s, %s, %s, %s", ejection_members[0],
                        ejection_members[1], ejection_members[2], ejection_members[3]);
        return false;
    }
    settings_check_members(reading, item, EJECT, ejection_members);
    for (size_t i = 0; i < ARRAY_SIZE(ejection_numbers); i++)
        is_given |= settings_read_number(reading, item, EJECT, &ejection_numbers[i], ejection);
    if (ejection->max_ms < ejection->base_ms) {
        char value[32];

        (void)snprintf(value, sizeof(value), "%u", ejection->max_ms / 1000);
        settings_refuse(reading, EJECT ".maxSeconds", value, "at least baseSeconds, which is %u",
                        ejection->base_ms / 1000);
    }
    return is_given || (is_set && !equal_ejection(ejection, &default_ejection));
}

static void read_connect_timeout(struct settings_reading *reading, const cJSON *object,
                                 struct service_settings *settings)
{
    if (cJSON_GetObjectItemCaseSensitive(object, CONNECT))
        settings->has_connect_timeout = settings_read_number(reading, object, "", &connect_timeout, settings);
}

static void read_choice(struct settings_reading *reading, const cJSON *object, const struct choice *choice,
                        bool *is_other)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, choice->name);
    const char *text = cJSON_IsNull(item) ? choice->values[0] : cJSON_GetStringValue(item);

    if (!item)
        return;
    if (!text || (strcmp(text, choice->values[0]) != 0 && strcmp(text, choice->values[1]) != 0))
        settings_refuse(reading, choice->name, text ? text : "(no text)", "%s, %s", choice->values[0],
                        choice->values[1]);
    else
        *is_other = strcmp(text, choice->values[1]) == 0;
}

static void read_members(struct settings_reading *reading, const cJSON *object,
                         struct service_settings *settings)
{
    const cJSON *check = cJSON_GetObjectItemCaseSensitive(object, CHECK);
    const cJSON *ejection = cJSON_GetObjectItemCaseSensitive(object, EJECT);

    if (check)
        health_check_read(reading, check, &settings->check);
    if (ejection)
        settings->has_ejection =
            read_ejection(reading, ejection, settings->has_ejection, &settings->ejection);
    read_connect_timeout(reading, object, settings);
    read_choice(reading, object, &peer_name, &settings->is_peer_alias);
    read_choice(reading, object, &policy, &settings->is_dns_weighted);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        (void)settings_read_number(reading, object, "", &numbers[i], settings);
}

int service_settings_read_all(const cJSON *object, struct settings_rights rights,
                              struct service_settings *settings, service_settings_report report, void *user)
{
    struct settings_reading reading = {.rights = rights, .report = report, .user = user};
    struct service_settings changed;
    int r = service_settings_copy(settings, &changed);

    if (r < 0)
        return r;
    read_members(&reading, object, &changed);
    if (reading.status < 0 || reading.n_bad > 0) {
        service_settings_done(&changed);
        return reading.status < 0 ? reading.status : -EINVAL;
    }
    service_settings_done(settings);
    *settings = changed;
    return 0;
}

/* The first thing that is wrong, unknown members too. */
static void keep_first(enum service_settings_finding finding, const struct error *error, void *user)
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
    struct error first = {0};
    int r = json_check_members(object, service_settings_members, error);

    if (r < 0)
        return r;
    r = service_settings_copy(settings, &changed);
    if (r == 0)
        r = service_settings_read_all(object, rights, &changed, keep_first, &first);
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

int service_settings_read_global(const cJSON *object, struct ejection_policy *ejection,
                                 uint32_t *connect_timeout_ms, struct error *error)
{
    static const char *const known[] = {EJECT, CONNECT, NULL};
    struct service_settings changed = SERVICE_SETTINGS_DEFAULT;
    int r = json_check_members(object, known, error);

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

static void write_ejection(cJSON *object, const struct ejection_policy *ejection)
{
    cJSON *json = cJSON_AddObjectToObject(object, EJECT);

    for (size_t i = 0; i < ARRAY_SIZE(ejection_numbers); i++)
        settings_write_number(json, &ejection_numbers[i], ejection, true);
}

static void write_choice(cJSON *object, const struct choice *choice, bool is_other, bool is_full)
{
    if (is_full || is_other)
        (void)cJSON_AddStringToObject(object, choice->name, choice->values[is_other]);
}

static cJSON *write_settings(const struct service_settings *settings, bool is_full)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *check;

    if (is_full || settings->check.type != HEALTH_CHECK_NONE) {
        check = health_check_write(&settings->check, is_full);
        if (!check || !cJSON_AddItemToObject(object, CHECK, check)) {
            cJSON_Delete(check);
            cJSON_Delete(object);
            return NULL;
        }
    }
    if (is_full || settings->has_ejection)
        write_ejection(object, &settings->ejection);
    if (is_full || settings->has_connect_timeout)
        settings_write_number(object, &connect_timeout, settings, true);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        settings_write_number(object, &numbers[i], settings, is_full);
    write_choice(object, &peer_name, settings->is_peer_alias, is_full);
    write_choice(object, &policy, settings->is_dns_weighted, is_full);
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
    struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    cJSON *object = cJSON_CreateObject();

    settings.connect_timeout_ms = connect_timeout_ms;
    write_ejection(object, ejection);
    settings_write_number(object, &connect_timeout, &settings, true);
    return object;
}
