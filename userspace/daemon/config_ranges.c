/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "awsCheckRanges": "default", or a list; as a flag joined by commas. */
#include "daemon/config_ranges.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static int ranges_from_text(struct config *config, const struct config_setting *setting, const char *field,
                            const char *text, struct error *error)
{
    _cleanup_free_ char *list = strdup(text);
    char *rest = list;
    char *item;
    int r = 0;

    (void)setting;
    if (!list)
        return -ENOMEM;
    config->aws_checks = (struct check_ranges){.are_given = strcmp(text, CHECK_RANGES_DEFAULT) != 0};
    while (r == 0 && config->aws_checks.are_given && strcmp(text, "none") != 0 && (item = strsep(&rest, ",")))
        r = check_ranges_add(&config->aws_checks, field, item, error);
    return r;
}

static int ranges_from_json(struct config *config, const struct config_setting *setting, const cJSON *object,
                            struct error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, setting->member);
    const cJSON *item;
    int r = 0;

    if (cJSON_IsString(list) && strcmp(list->valuestring, CHECK_RANGES_DEFAULT) == 0) {
        config->aws_checks = (struct check_ranges){0};
        return 0;
    }
    if (!cJSON_IsArray(list))
        return error_input(error, setting->member, "(not a list)",
                           "a list of ranges, [] for none, or \"" CHECK_RANGES_DEFAULT "\"");
    config->aws_checks = (struct check_ranges){.are_given = true};
    cJSON_ArrayForEach (item, list) {
        if (r == 0 && !cJSON_IsString(item))
            r = error_input(error, setting->member, "(no text)", "a list of texts");
        else if (r == 0)
            r = check_ranges_add(&config->aws_checks, setting->member, item->valuestring, error);
    }
    return r;
}

static cJSON *ranges_to_json(const struct config *config, const struct config_setting *setting)
{
    char text[CHECK_RANGE_TEXT_SIZE];
    cJSON *list;

    (void)setting;
    if (!config->aws_checks.are_given)
        return cJSON_CreateString(CHECK_RANGES_DEFAULT);
    list = cJSON_CreateArray();
    for (size_t i = 0; i < config->aws_checks.n; i++)
        (void)cJSON_AddItemToArray(list,
                                   cJSON_CreateString(check_ranges_format(&config->aws_checks, i, text)));
    return list;
}

static void ranges_done(struct config *config, const struct config_setting *setting)
{
    (void)setting;
    config->aws_checks = (struct check_ranges){0};
}

const struct config_type config_type_check_ranges = {ranges_from_text, ranges_from_json, ranges_to_json,
                                                     ranges_done};
