/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A health check as data, and written as JSON. */
#include <stdio.h>

#include "settings/settings_reading.h"

const char *const health_check_type_names[HEALTH_CHECK_TYPES] = {
    [HEALTH_CHECK_NONE] = "none",   [HEALTH_CHECK_TCP] = "tcp",   [HEALTH_CHECK_HTTP] = "http",
    [HEALTH_CHECK_HTTPS] = "https", [HEALTH_CHECK_EXEC] = "exec",
};

/* ---- as data ---- */

void health_check_done(struct health_check *check)
{
    settings_disown(health_check_rows, check);
    *check = service_settings_default.check;
}

int health_check_copy(const struct health_check *check, struct health_check *ret)
{
    struct health_check copy = *check;
    int r = settings_own(health_check_rows, check, &copy);

    if (r == 0)
        *ret = copy;
    return r;
}

bool health_check_equal(const struct health_check *a, const struct health_check *b)
{
    return settings_equal(health_check_rows, a, b);
}

/* ---- writing ---- */

static void write_http(cJSON *object, const struct health_check *check, bool is_full)
{
    char range[16];

    if (check->path || is_full)
        (void)cJSON_AddStringToObject(object, "path", check->path ? check->path : "/");
    if (check->host)
        (void)cJSON_AddStringToObject(object, "host", check->host);
    if (!is_full && check->status_min == HEALTH_CHECK_STATUS_MIN &&
        check->status_max == HEALTH_CHECK_STATUS_MAX)
        return;
    (void)snprintf(range, sizeof(range), "%u-%u", check->status_min, check->status_max);
    if (check->status_min == check->status_max)
        (void)cJSON_AddNumberToObject(object, "expectedStatus", check->status_min);
    else
        (void)cJSON_AddStringToObject(object, "expectedStatus", range);
}

cJSON *health_check_write(const struct health_check *check, bool is_full)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *command;

    (void)cJSON_AddStringToObject(object, "type", health_check_type_names[check->type]);
    if (check->type == HEALTH_CHECK_NONE)
        return object;
    for (const struct setting *row = health_check_rows; row->name; row++)
        if (row->kind == SETTING_NUMBER)
            settings_write_number(object, row, check, &service_settings_default.check, is_full);
    if (check->type == HEALTH_CHECK_HTTP || check->type == HEALTH_CHECK_HTTPS)
        write_http(object, check, is_full);
    if (check->type != HEALTH_CHECK_EXEC)
        return object;
    /* With CMD always: a program may be called NONE. */
    command = cJSON_AddArrayToObject(object, "command");
    (void)cJSON_AddItemToArray(command, cJSON_CreateString("CMD"));
    for (size_t i = 0; check->command && check->command[i]; i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(check->command[i]));
    return object;
}
