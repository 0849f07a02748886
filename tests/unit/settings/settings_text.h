/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings read from and written to texts in which ' stands for ". Included after cmocka.h. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "settings/service_settings.h"

/* The caller frees it. */
static inline cJSON *parse_json(const char *text)
{
    _cleanup_free_ char *copy = strdup(text);
    struct error error = {0};
    cJSON *json = NULL;

    assert_non_null(copy);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    if (json_parse("test", copy, strlen(copy), &json, &error) < 0)
        fail_msg("%s: %s", text, error.message);
    return json;
}

static inline void read_good(struct service_settings *settings, const char *text)
{
    _cleanup_json_ cJSON *json = parse_json(text);
    struct error error = {0};

    if (service_settings_read(json, SETTINGS_RIGHTS_STORED, settings, &error) < 0)
        fail_msg("%s: %s", text, error.message);
}

/* Refused, with that path and a sentence that has the part. */
static inline void read_bad(struct service_settings *settings, const char *text, const char *path,
                            const char *part)
{
    _cleanup_json_ cJSON *json = parse_json(text);
    struct error error = {0};
    int r = service_settings_read(json, SETTINGS_RIGHTS_STORED, settings, &error);

    if (r != -EINVAL || strcmp(error.field, path) != 0 || !strstr(error.message, part))
        fail_msg("%s: %d, \"%s\", \"%s\"", text, r, error.field, error.message);
}

static inline void expect_refused(const char *text, const char *path, const char *part)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    read_bad(&settings, text, path, part);
}

static inline void expect_json(const cJSON *json, const char *expected)
{
    _cleanup_json_ cJSON *wanted = parse_json(expected);
    char *text = cJSON_PrintUnformatted(json);
    char *wanted_text = cJSON_PrintUnformatted(wanted);

    assert_string_equal(text, wanted_text);
    cJSON_free(text);
    cJSON_free(wanted_text);
}

/* Written so, and the same again when that is read. */
static inline void expect_written(const struct service_settings *settings, const char *expected)
{
    _cleanup_(service_settings_done) struct service_settings again = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = service_settings_write(settings);
    struct error error = {0};

    expect_json(json, expected);
    if (service_settings_read(json, SETTINGS_RIGHTS_STORED, &again, &error) < 0)
        fail_msg("what was written is refused: %s", error.message);
    assert_true(service_settings_equal(settings, &again));
}

/* Read into the defaults, written so. */
static inline void expect_reads_as(const char *text, const char *expected)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

    read_good(&settings, text);
    expect_written(&settings, expected);
}

/* `format` with one %d: low and high are good, what is beyond is refused at `path`. */
static inline void expect_range(const char *format, const char *path, int low, int high)
{
    const int bad[] = {low - 1, high + 1};
    const int good[] = {low, high};
    char text[512];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        /* gcc takes the sanitizer's check of the format for one that is NULL. */
#pragma GCC diagnostic ignored "-Wformat-truncation"
        (void)snprintf(text, sizeof(text), format, bad[i]);
        expect_refused(text, path, "whole number");
        (void)snprintf(text, sizeof(text), format, good[i]);
#pragma GCC diagnostic pop
        read_good(&settings, text);
    }
}
