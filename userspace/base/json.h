/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading members out of a parsed JSON object with errors that name the member, and bounded parsing.
 * cJSON does the work; the checks it leaves out (depth, NUL, size) are here.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"

static inline void cleanup_json(cJSON **json)
{
    cJSON_Delete(*json);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

#define JSON_MAX_DEPTH 64

/*
 * Parses exactly `length` bytes as one JSON value with nothing after it. The caller owns *ret_json
 * (cJSON_Delete). -EINVAL: not JSON, nested deeper than JSON_MAX_DEPTH, or holding a NUL character; `what`
 * names the input in the message.
 */
int json_parse(const char *what, const char *text, size_t length, cJSON **ret_json, struct error *error);

/*
 * Members of an object. A missing member is an error if `required`, else the output stays as it is and 0 is
 * returned. Strings stay owned by the object. Integers must be whole and within [minimum, maximum].
 */
int json_get_string(const cJSON *object, const char *name, bool required, const char **ret_text,
                    struct error *error);
int json_get_integer(const cJSON *object, const char *name, bool required, uint64_t minimum, uint64_t maximum,
                     uint64_t *ret_number, struct error *error);
/* Seconds: a whole number, or a duration as text ("90s", "2m", "1h"; base/duration.h). */
int json_get_seconds(const cJSON *object, const char *name, bool required, uint64_t minimum, uint64_t maximum,
                     uint64_t *ret_seconds, struct error *error);
int json_get_bool(const cJSON *object, const char *name, bool required, bool *ret_value, struct error *error);

/* Refuses members that are not among the NULL-terminated `names`: -EINVAL naming the first stranger. */
int json_check_members(const cJSON *object, const char *const names[], struct error *error);

/*
 * Compact text of the value, free()'d by the caller; NULL: no memory. Whole numbers are written as such, which
 * cJSON does not do from 1e15 on where 15 digits are enough for one.
 */
char *json_print(cJSON *json);

/* Adds a time of the wall clock in UTC as text. */
void json_add_time(cJSON *object, const char *name, time_t seconds);
