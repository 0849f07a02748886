/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * JSON that is written piece by piece, for a list too long to be built as one cJSON tree: the text is what
 * cJSON_PrintUnformatted() prints of that tree. Each piece goes to a function of the user's.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Takes the next bytes of the text; a negative errno ends the stream. */
typedef int (*json_stream_put_fn)(void *user, const char *text, size_t length);

/* Private to json_stream.c. */
struct json_stream {
    json_stream_put_fn put;
    void *user;
    int result;         /* the first failure */
    unsigned depth;     /* of what is open */
    uint64_t is_array;  /* a bit for each depth */
    uint64_t has_items; /* a bit for each depth */
};

void json_stream_begin(struct json_stream *stream, json_stream_put_fn put, void *user);

/*
 * `name` is the member's within an object, NULL within an array and for the outermost value. All return 0 or
 * the first failure of the stream: a caller may write on and look at the result of the last call only.
 * -EINVAL: nested deeper than JSON_MAX_DEPTH, or an end of nothing.
 */
int json_stream_open_object(struct json_stream *stream, const char *name);
int json_stream_open_array(struct json_stream *stream, const char *name);
int json_stream_close(struct json_stream *stream); /* what was opened last */

/* The caller still frees `item`; one that is NULL (out of memory where it was made) is -ENOMEM. */
int json_stream_add(struct json_stream *stream, const char *name, cJSON *item);
/* The same for one that is freed, whatever comes of it: for `json_stream_take(stream, NULL, make_item())`. */
int json_stream_take(struct json_stream *stream, const char *name, cJSON *item);

int json_stream_add_number(struct json_stream *stream, const char *name, double number);
int json_stream_add_string(struct json_stream *stream, const char *name, const char *text);
