/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The answer of GET /v1/explain: at once, or slice by slice where an alias has many endpoints. */
#include <errno.h>
#include <stdlib.h>

#include "api/read/explain.h"
#include "api/read/steady_writer.h"
#include "base/clock.h"
#include "base/json_stream.h"

#define AT_ONCE         32
#define EXPLAIN_TURN_NS 1000000

struct explain_stream {
    cJSON *head;
    struct explain_rest *rest;
    bool has_begun;
    struct json_stream json;
    struct evbuffer *out; /* of the slice that is being written */
};

static int explain_put(void *user, const char *text, size_t length)
{
    const struct explain_stream *stream = user;

    return evbuffer_add(stream->out, text, length) < 0 ? -ENOMEM : 0;
}

static void explain_begin(struct explain_stream *stream)
{
    const cJSON *member;

    stream->has_begun = true;
    json_stream_begin(&stream->json, explain_put, stream);
    (void)json_stream_open_object(&stream->json, NULL);
    cJSON_ArrayForEach (member, stream->head)
        (void)json_stream_add(&stream->json, member->string, (cJSON *)member);
    (void)json_stream_open_array(&stream->json, "endpoints");
}

static int explain_write(void *user, struct evbuffer *out, size_t room)
{
    struct explain_stream *stream = user;
    uint64_t until = clock_monotonic_ns() + EXPLAIN_TURN_NS;

    stream->out = out;
    if (!stream->has_begun)
        explain_begin(stream);
    while (explain_rest_left(stream->rest) > 0) {
        cJSON *item = explain_rest_next(stream->rest);

        if (item)
            (void)json_stream_take(&stream->json, NULL, item);
        if (stream->json.result < 0)
            return stream->json.result;
        if (evbuffer_get_length(out) >= room || clock_monotonic_ns() >= until)
            return 1;
    }
    (void)json_stream_close(&stream->json);
    return json_stream_close(&stream->json);
}

static void explain_stream_free(void *user)
{
    struct explain_stream *stream = user;

    cJSON_Delete(stream->head);
    explain_rest_free(stream->rest);
    free(stream);
}

static void answer_at_once(cJSON *answer, struct explain_rest *rest)
{
    cJSON *endpoints = cJSON_AddArrayToObject(answer, "endpoints");

    while (explain_rest_left(rest) > 0) {
        cJSON *item = explain_rest_next(rest);

        if (item)
            (void)cJSON_AddItemToArray(endpoints, item);
    }
}

int explain_answer(const struct control_call *call, struct api *api, cJSON *answer, struct explain_rest *rest,
                   cJSON **ret_answer, struct error *error)
{
    struct explain_stream *stream;
    struct http_writer writer;

    if (!rest || explain_rest_left(rest) <= AT_ONCE) {
        if (rest)
            answer_at_once(answer, rest);
        explain_rest_free(rest);
        *ret_answer = answer;
        return 0;
    }
    stream = calloc(1, sizeof(*stream));
    if (!stream) {
        cJSON_Delete(answer);
        explain_rest_free(rest);
        return error_set(error, ENOMEM, "out of memory");
    }
    *stream = (struct explain_stream){.head = answer, .rest = rest};
    writer = (struct http_writer){.write = explain_write, .done = explain_stream_free, .user = stream};
    if (steady_writer_new(api, &writer, &writer) < 0)
        return error_set(error, ENOMEM, "out of memory");
    return control_call_stream(call, CONTROL_JSON, &writer, error);
}
