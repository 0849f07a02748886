/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* JSON in tests, with ' for ". */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static inline cJSON *json_from(const char *text)
{
    _cleanup_free_ char *quoted = strdup(text);
    cJSON *json;

    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    json = cJSON_Parse(quoted);
    if (!json)
        fail_msg("no JSON: %s", text);
    return json;
}

/* An error as the API gives it, of which the message has `word`; forgets it. */
static inline void expect_aws_error(const char *what, int r, struct aws_error *error, const char *type,
                                    const char *word)
{
    if (r != -EINVAL || !error->type || strcmp(error->type, type) != 0 || !strstr(error->message, word))
        fail_msg("%s: %d, %s: %s", what, r, error->type ? error->type : "no error", error->message);
    aws_error_done(error);
}
