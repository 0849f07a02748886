/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* JSON written piece by piece; cJSON prints the items and the names, the commas and brackets are ours. */
#include "base/json_stream.h"

#include <errno.h>
#include <string.h>

_Static_assert(JSON_MAX_DEPTH <= 64, "a bit for each depth");

void json_stream_begin(struct json_stream *stream, json_stream_put_fn put, void *user)
{
    *stream = (struct json_stream){.put = put, .user = user};
}

static int stream_fail(struct json_stream *stream, int r)
{
    if (stream->result == 0)
        stream->result = r;
    return stream->result;
}

static int stream_put(struct json_stream *stream, const char *text, size_t length)
{
    int r = stream->result < 0 ? stream->result : stream->put(stream->user, text, length);

    return r < 0 ? stream_fail(stream, r) : 0;
}

static int stream_print(struct json_stream *stream, cJSON *item)
{
    char *text = item ? json_print(item) : NULL;
    int r = text ? stream_put(stream, text, strlen(text)) : stream_fail(stream, -ENOMEM);

    cJSON_free(text);
    return r;
}

/* The comma and the name that stand before a value. */
static int stream_lead_in(struct json_stream *stream, const char *name)
{
    uint64_t bit = stream->depth > 0 ? (uint64_t)1 << (stream->depth - 1) : 0;
    bool has_items = (stream->has_items & bit) != 0;
    cJSON *text;

    stream->has_items |= bit;
    if (has_items)
        (void)stream_put(stream, ",", 1);
    if (!name)
        return stream->result;
    text = cJSON_CreateString(name);
    (void)stream_print(stream, text);
    cJSON_Delete(text);
    return stream_put(stream, ":", 1);
}

static int stream_open(struct json_stream *stream, const char *name, bool is_array)
{
    uint64_t bit;

    if (stream->depth == JSON_MAX_DEPTH)
        return stream_fail(stream, -EINVAL);
    (void)stream_lead_in(stream, name);
    bit = (uint64_t)1 << stream->depth++;
    stream->has_items &= ~bit;
    stream->is_array = is_array ? stream->is_array | bit : stream->is_array & ~bit;
    return stream_put(stream, is_array ? "[" : "{", 1);
}

int json_stream_open_object(struct json_stream *stream, const char *name)
{
    return stream_open(stream, name, false);
}

int json_stream_open_array(struct json_stream *stream, const char *name)
{
    return stream_open(stream, name, true);
}

int json_stream_close(struct json_stream *stream)
{
    if (stream->depth == 0)
        return stream_fail(stream, -EINVAL);
    stream->depth--;
    return stream_put(stream, stream->is_array >> stream->depth & 1 ? "]" : "}", 1);
}

int json_stream_add(struct json_stream *stream, const char *name, cJSON *item)
{
    (void)stream_lead_in(stream, name);
    return stream_print(stream, item);
}

int json_stream_take(struct json_stream *stream, const char *name, cJSON *item)
{
    int r = json_stream_add(stream, name, item);

    cJSON_Delete(item);
    return r;
}

int json_stream_add_number(struct json_stream *stream, const char *name, double number)
{
    return json_stream_take(stream, name, cJSON_CreateNumber(number));
}

int json_stream_add_string(struct json_stream *stream, const char *name, const char *text)
{
    return json_stream_take(stream, name, cJSON_CreateString(text));
}
