/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A health check read from JSON, in three spellings: ours (with `type`), that of an ECS container (a
 * `command` without type, ECS's ranges), that of Cloud Map's HealthCheckConfig (`Type`). It is written in the
 * first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/dns_name.h"
#include "base/number.h"
#include "settings/settings_reading.h"

#define CHECK "healthCheck"

#define MAX_RESOURCE_PATH 255 /* Cloud Map */

static bool is_http(const struct health_check *check)
{
    return check->type == HEALTH_CHECK_HTTP || check->type == HEALTH_CHECK_HTTPS;
}

static void forget_http(struct health_check *check)
{
    free(TAKE_PTR(check->path));
    free(TAKE_PTR(check->host));
    check->status_min = HEALTH_CHECK_STATUS_MIN;
    check->status_max = HEALTH_CHECK_STATUS_MAX;
}

static void forget_command(struct health_check *check)
{
    setting_free_command(TAKE_PTR(check->command));
}

/* The member if it is given; a null is NULL as well, which *ret_is_null tells apart. */
static const cJSON *given(const cJSON *object, const char *name, bool *ret_is_null)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    *ret_is_null = cJSON_IsNull(item);
    return *ret_is_null ? NULL : item;
}

static const char *get_text(struct settings_reading *reading, const cJSON *object, const char *name)
{
    struct error error = {0};
    const char *text = NULL;

    if (json_get_string(object, name, true, &text, &error) == 0)
        return text;
    settings_bad(reading, CHECK, &error);
    return NULL;
}

/* What a request line can hold: visible ASCII. */
static void health_check_read_path(struct settings_reading *reading, const cJSON *object, const char *name,
                                   size_t most, struct health_check *check)
{
    const char *text = get_text(reading, object, name);
    bool is_good = text && text[0] == '/' && strlen(text) <= most;

    for (const char *c = text; c && *c; c++)
        is_good = is_good && *c > ' ' && *c <= '~';
    if (!text)
        return;
    if (!is_good) {
        char field[64];

        (void)snprintf(field, sizeof(field), CHECK ".%s", name);
        settings_refuse(reading, field, text,
                        "a path that begins with /, at most %zu visible ASCII characters without space",
                        most);
    } else if (strcmp(text, "/") == 0) {
        free(TAKE_PTR(check->path));
    } else {
        settings_keep_text(reading, text, &check->path);
    }
}

static void health_check_read_host(struct settings_reading *reading, const cJSON *object,
                                   struct health_check *check)
{
    const char *text = get_text(reading, object, "host");
    char name[DNS_NAME_MAX + 1];
    struct ip_address address;
    struct error error = {0};

    if (!text)
        return;
    if (ip_address_parse(text, &address) < 0) {
        if (strlen(text) > DNS_NAME_MAX) {
            settings_refuse(reading, CHECK ".host", text,
                            "a DNS name of at most %d characters, or an IP address", DNS_NAME_MAX);
            return;
        }
        strcpy(name, text);
        if (dns_name_check("host", name, &error) < 0) {
            settings_bad(reading, CHECK, &error);
            return;
        }
        text = name;
    }
    settings_keep_text(reading, text, &check->host);
}

static bool parse_status(const char *text, uint16_t *ret_min, uint16_t *ret_max)
{
    const char *dash = strchr(text, '-');
    char first[4];
    uint64_t low, high;

    if ((dash ? (size_t)(dash - text) : strlen(text)) != sizeof(first) - 1)
        return false;
    memcpy(first, text, sizeof(first) - 1);
    first[sizeof(first) - 1] = '\0';
    if (parse_number(first, 100, 599, &low) < 0 || parse_number(dash ? dash + 1 : first, low, 599, &high) < 0)
        return false;
    *ret_min = (uint16_t)low;
    *ret_max = (uint16_t)high;
    return true;
}

static void read_status(struct settings_reading *reading, const cJSON *item, struct health_check *check)
{
    char number[32];
    const char *text = "(neither)";

    if (cJSON_IsString(item)) {
        text = item->valuestring;
    } else if (cJSON_IsNumber(item)) {
        (void)snprintf(number, sizeof(number), "%.15g", item->valuedouble);
        text = number;
    }
    if (!parse_status(text, &check->status_min, &check->status_max))
        settings_refuse(reading, CHECK ".expectedStatus", text,
                        "a status as 200, or a range as \"200-399\", from 100 to 599");
}

/* ECS: a command that begins with NONE takes a check away. */
static bool is_none(const cJSON *command)
{
    return cJSON_IsArray(command) && cJSON_IsString(command->child) &&
           strcmp(command->child->valuestring, "NONE") == 0;
}

/* Member `name` is for checks of another type. */
static void refuse_member(struct settings_reading *reading, const char *name, const char *types)
{
    char field[64];

    (void)snprintf(field, sizeof(field), CHECK ".%s", name);
    settings_refuse(reading, field, "(set)", "this with a health check of type %s", types);
}

static void read_http(struct settings_reading *reading, const cJSON *object, struct health_check *check)
{
    static const char *const members[] = {"path", "host", "expectedStatus"};
    bool is_null;

    if (!is_http(check)) {
        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
            if (given(object, members[i], &is_null))
                refuse_member(reading, members[i], "http, https");
        return;
    }
    if (given(object, "path", &is_null))
        health_check_read_path(reading, object, "path", HEALTH_CHECK_MAX_PATH, check);
    else if (is_null)
        free(TAKE_PTR(check->path));
    if (given(object, "host", &is_null))
        health_check_read_host(reading, object, check);
    else if (is_null)
        free(TAKE_PTR(check->host));
    if (given(object, "expectedStatus", &is_null)) {
        read_status(reading, given(object, "expectedStatus", &is_null), check);
    } else if (is_null) {
        check->status_min = HEALTH_CHECK_STATUS_MIN;
        check->status_max = HEALTH_CHECK_STATUS_MAX;
    }
}

static void read_exec(struct settings_reading *reading, const cJSON *object, struct health_check *check)
{
    unsigned n_bad = reading->n_bad;
    bool is_null;
    const cJSON *command = given(object, "command", &is_null);

    if (check->type != HEALTH_CHECK_EXEC) {
        if (command)
            refuse_member(reading, "command", "exec");
        return;
    }
    if (is_none(command)) {
        check->type = HEALTH_CHECK_NONE;
        return;
    }
    if (command)
        health_check_read_command(reading, command, check);
    else if (is_null)
        forget_command(check);
    if (!check->command && reading->n_bad == n_bad && reading->status == 0)
        settings_refuse(reading, CHECK ".command", "(missing)",
                        "[\"CMD\", \"PROGRAM\", ...] or [\"CMD-SHELL\", \"TEXT\"]");
}

static bool is_anything_given(const cJSON *object)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, object)
        if (!cJSON_IsNull(item))
            return true;
    return false;
}

static void set_type(struct health_check *check, enum health_check_type type)
{
    check->type = type;
    if (!is_http(check))
        forget_http(check);
    if (type != HEALTH_CHECK_EXEC)
        forget_command(check);
}

/* What the object says about the type: given, from the form, or as it was. False: it is bad. */
static bool read_type(struct settings_reading *reading, const cJSON *object, bool *ret_is_ecs,
                      struct health_check *check)
{
    bool is_null;
    const cJSON *item = given(object, "type", &is_null);
    const char *text;

    *ret_is_ecs = false;
    if (is_null) {
        set_type(check, HEALTH_CHECK_NONE);
        return true;
    }
    if (item) {
        text = get_text(reading, object, "type");
        if (!text)
            return false;
        for (size_t i = 0; i < HEALTH_CHECK_TYPES; i++)
            if (strcmp(text, health_check_type_names[i]) == 0) {
                set_type(check, (enum health_check_type)i);
                return true;
            }
        settings_refuse(reading, CHECK ".type", text, "tcp, http, https, exec, none");
        return false;
    }
    if (given(object, "command", &is_null)) {
        *ret_is_ecs = true;
        set_type(check, HEALTH_CHECK_EXEC);
    } else if (check->type == HEALTH_CHECK_NONE && is_anything_given(object)) {
        settings_refuse(reading, CHECK ".type", "(missing)",
                        "tcp, http, https, exec, none; or a command without type, as ECS has it");
        return false;
    }
    return true;
}

static void read_our_form(struct settings_reading *reading, const cJSON *object, struct health_check *check)
{
    const char *known[SETTING_MEMBERS_MAX + 1];
    bool is_ecs;
    bool has_type;

    setting_names(health_check_rows, known);
    settings_check_members(reading, object, CHECK, known);
    has_type = read_type(reading, object, &is_ecs, check);
    for (const struct setting *row = health_check_rows; row->name; row++) {
        struct setting number = *row;

        if (is_ecs && number.ecs_minimum)
            number.minimum = number.ecs_minimum;
        if (row->kind == SETTING_NUMBER)
            (void)settings_read_number(reading, object, CHECK, &number, check,
                                       &service_settings_default.check);
    }
    if (!has_type)
        return;
    read_http(reading, object, check);
    read_exec(reading, object, check);
    health_check_check_rights(reading, object, check);
}

static void read_cloud_map_form(struct settings_reading *reading, const cJSON *object,
                                struct health_check *check)
{
    static const char *const known[] = {"Type", "ResourcePath", "FailureThreshold", NULL};
    static const struct setting threshold = {"FailureThreshold",
                                             SETTING_NUMBER,
                                             .offset = offsetof(struct health_check, fall),
                                             .size = sizeof(check->fall),
                                             .minimum = 1,
                                             .maximum = 10,
                                             .scale = 1};
    static const struct health_check usual = {.fall = 1};
    const char *type = get_text(reading, object, "Type");
    bool is_null;

    settings_check_members(reading, object, CHECK, known);
    health_check_done(check);
    check->fall = usual.fall;
    (void)settings_read_number(reading, object, CHECK, &threshold, check, &usual);
    if (!type)
        return;
    if (strcmp(type, "TCP") == 0)
        check->type = HEALTH_CHECK_TCP;
    else if (strcmp(type, "HTTP") == 0)
        check->type = HEALTH_CHECK_HTTP;
    else if (strcmp(type, "HTTPS") == 0)
        check->type = HEALTH_CHECK_HTTPS;
    else
        settings_refuse(reading, CHECK ".Type", type, "HTTP, HTTPS, TCP");
    if (given(object, "ResourcePath", &is_null)) {
        if (check->type == HEALTH_CHECK_TCP)
            refuse_member(reading, "ResourcePath", "HTTP, HTTPS");
        else
            health_check_read_path(reading, object, "ResourcePath", MAX_RESOURCE_PATH, check);
    }
}

void health_check_read(struct settings_reading *reading, const cJSON *item, struct health_check *check)
{
    if (cJSON_IsNull(item)) {
        health_check_done(check);
        return;
    }
    if (!cJSON_IsObject(item)) {
        settings_refuse(reading, CHECK, "(no object)", "an object with type");
        return;
    }
    if (cJSON_GetObjectItemCaseSensitive(item, "Type"))
        read_cloud_map_form(reading, item, check);
    else
        read_our_form(reading, item, check);
    /* Values of a check that is not made would come back with the next one. */
    if (check->type == HEALTH_CHECK_NONE)
        health_check_done(check);
}
