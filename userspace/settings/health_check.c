/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A health check as data, and written as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings_reading.h"

const char *const health_check_type_names[HEALTH_CHECK_TYPES] = {
    [HEALTH_CHECK_NONE] = "none",   [HEALTH_CHECK_TCP] = "tcp",   [HEALTH_CHECK_HTTP] = "http",
    [HEALTH_CHECK_HTTPS] = "https", [HEALTH_CHECK_EXEC] = "exec",
};

const struct settings_number health_check_numbers[HEALTH_CHECK_NUMBERS] = {
    {"interval", offsetof(struct health_check, interval_ms), 1, 300, 1000, HEALTH_CHECK_INTERVAL_MS},
    {"timeout", offsetof(struct health_check, timeout_ms), 1, 60, 1000, HEALTH_CHECK_TIMEOUT_MS},
    {"retries", offsetof(struct health_check, fall), 1, 10, 1, HEALTH_CHECK_FALL},
    {"healthyRetries", offsetof(struct health_check, rise), 1, 10, 1, HEALTH_CHECK_RISE},
    {"startPeriod", offsetof(struct health_check, start_period_ms), 0, 300, 1000, 0},
};

/* ---- as data ---- */

void health_check_free_command(char **command)
{
    for (size_t i = 0; command && command[i]; i++)
        free(command[i]);
    free(command);
}

void health_check_done(struct health_check *check)
{
    free(check->path);
    free(check->host);
    health_check_free_command(check->command);
    *check = (struct health_check)HEALTH_CHECK_DEFAULT;
}

static char **copy_command(char *const *command)
{
    char **copy;
    size_t n = 0;

    while (command[n])
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(command[i]);
        if (!copy[i]) {
            health_check_free_command(copy);
            return NULL;
        }
    }
    return copy;
}

int health_check_copy(const struct health_check *check, struct health_check *ret)
{
    struct health_check copy = *check;

    copy.path = check->path ? strdup(check->path) : NULL;
    copy.host = check->host ? strdup(check->host) : NULL;
    copy.command = check->command ? copy_command(check->command) : NULL;
    if ((check->path && !copy.path) || (check->host && !copy.host) || (check->command && !copy.command)) {
        health_check_done(&copy);
        return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

static bool equal_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool equal_command(char *const *a, char *const *b)
{
    size_t i = 0;

    if (!a || !b)
        return !a && !b;
    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return !a[i] && !b[i];
}

bool health_check_equal(const struct health_check *a, const struct health_check *b)
{
    return a->type == b->type && a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
           a->start_period_ms == b->start_period_ms && a->rise == b->rise && a->fall == b->fall &&
           a->port == b->port && a->status_min == b->status_min && a->status_max == b->status_max &&
           equal_text(a->path, b->path) && equal_text(a->host, b->host) &&
           equal_command(a->command, b->command);
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
    for (size_t i = 0; i < HEALTH_CHECK_NUMBERS; i++)
        settings_write_number(object, &health_check_numbers[i], check, is_full);
    if (check->port)
        (void)cJSON_AddNumberToObject(object, "port", check->port);
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
