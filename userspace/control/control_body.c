/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Bodies of requests: parsed at once if they are short, and else, as freed again, on a thread. */
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "control/control_internal.h"

/* Up to here it takes about as long as the rest of a request. */
#define SHORT_BODY (32u << 10)

static int control_body_parse_body(struct evbuffer *text, cJSON **ret_body, struct error *error)
{
    _cleanup_json_ cJSON *body = NULL;
    size_t length = evbuffer_get_length(text);
    const unsigned char *bytes;
    int r;

    if (length == 0) {
        *ret_body = cJSON_CreateObject();
        return *ret_body ? 0 : -ENOMEM;
    }
    bytes = evbuffer_pullup(text, -1);
    if (!bytes)
        return -ENOMEM;
    r = json_parse("request body", (const char *)bytes, length, &body, error);
    if (r < 0)
        return r;
    if (!cJSON_IsObject(body))
        return error_set(error, EINVAL, "request body: a JSON object is wanted");
    *ret_body = TAKE_PTR(body);
    return 0;
}

/* ---- on a thread ---- */

/* The text is the thread's until it has ended; of the reply it knows nothing. */
struct body_work {
    struct control_reply *reply;
    struct evbuffer *text;
    cJSON *body;
    int result;
    struct error error;
    control_body_fn done;
};

static void free_work(struct body_work *work)
{
    if (work->text)
        evbuffer_free(work->text);
    cJSON_Delete(work->body);
    free(work);
}

static void parse_on_thread(void *user)
{
    struct body_work *work = user;

    work->result = control_body_parse_body(work->text, &work->body, &work->error);
    evbuffer_free(work->text);
    work->text = NULL;
}

/* As if the request had come only now, with its body. */
static void control_body_on_parsed(int result, void *user)
{
    struct body_work *work = user;
    struct control_reply *reply = work->reply;

    if (result < 0)
        work->result = error_set(&work->error, -result, "svcconnectd is ending");
    reply->body = TAKE_PTR(work->body);
    reply->is_long = true;
    if (control_reply_take_back(reply))
        work->done(reply, work->result, &work->error);
    free_work(work);
}

static int parse_later(struct control_reply *reply, control_body_fn done, struct error *error)
{
    struct body_work *work = calloc(1, sizeof(*work));
    const struct work submitted = {.run = parse_on_thread, .done = control_body_on_parsed, .user = work};
    struct control_reply *taken = reply;
    struct control_server *server = reply->server;
    int r;

    if (!work)
        return -ENOMEM;
    work->done = done;
    work->text = evbuffer_new();
    r = work->text && evbuffer_add_buffer(work->text, evhttp_request_get_input_buffer(reply->http)) == 0
            ? 0
            : -ENOMEM;
    reply->call.reply = &taken;
    if (r == 0)
        r = control_call_defer(&reply->call, &work->reply, error);
    if (r < 0) {
        free_work(work);
        return r;
    }
    r = worker_submit(server->worker, &submitted);
    if (r < 0) {
        /* The thread cannot be had: nobody else may have the request meanwhile, so it is there still. */
        (void)control_reply_take_back(reply);
        free_work(work);
        return r == -EBUSY ? error_set(error, EAGAIN, "too many requests are read; try again in a moment")
                           : error_errno(error, r, "the request cannot be read");
    }
    return CONTROL_LATER;
}

int control_read_body(struct control_reply *reply, size_t limit, control_body_fn done, struct error *error)
{
    struct evbuffer *text = evhttp_request_get_input_buffer(reply->http);
    size_t length = evbuffer_get_length(text);

    if (length > limit)
        return error_set(error, EFBIG, "request body: %zu bytes; at most %zu are accepted", length, limit);
    return length > SHORT_BODY ? parse_later(reply, done, error)
                               : control_body_parse_body(text, &reply->body, error);
}

/* ---- freeing ---- */

static void delete_on_thread(void *user)
{
    cJSON_Delete(user);
}

static void on_deleted(int result, void *user)
{
    if (result < 0)
        cJSON_Delete(user);
}

void control_free_body(struct control_reply *reply)
{
    const struct work work = {.run = delete_on_thread, .done = on_deleted, .user = reply->body};

    if (!reply->is_long || !reply->body || !reply->server || worker_submit(reply->server->worker, &work) < 0)
        cJSON_Delete(reply->body);
    reply->body = NULL;
}
