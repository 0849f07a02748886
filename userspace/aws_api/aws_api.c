/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/aws_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "aws/aws_query.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/change/job.h"

/* ---- one request ---- */

static void send_reply(void *reply, int status, struct evbuffer *body)
{
    http_reply_send(reply, status, body);
}

/* Only whoever has shown a key pair can make us hold something for him. */
static int answer_later(struct aws_api *api, struct http_call *http, struct aws_request *request,
                        struct evbuffer *body)
{
    struct http_reply *reply = http_call_defer(http);

    if (!reply)
        return HTTP_TOO_MANY;
    if (aws_later(&api->waiting, request, reply) < 0)
        http_reply_send(reply, aws_request_finish(request, -EBUSY, body), body);
    return HTTP_LATER;
}

/* Strangers are told so before they are let send anything that would have to be kept. */
static int admit(const struct http_request *http, struct evbuffer *body, void *user)
{
    const struct aws_api *api = user;
    struct aws_request request;
    int r = aws_request_judge_head(&request, &api->credentials, http);
    int status = r < 0 ? aws_request_finish(&request, r, body) : 0;

    aws_request_done(&request);
    return status;
}

/* What only reads is answered at once, except while a change is being put together. */
static int take_write(struct aws_api *api, struct aws_request *request)
{
    struct aws_credential *who = NULL;

    for (size_t i = 0; i < api->credentials.n; i++)
        if (strcmp(api->credentials.items[i].access_key_id, request->who.access_key_id) == 0)
            who = &api->credentials.items[i];
    if (!who || aws_take_write(who, &api->settings.quotas, clock_monotonic_ms()))
        return 0;
    return aws_fail(
        &request->error, "ThrottlingException",
        "Rate exceeded: the key %.64s may make %u changes a second (quotas.writesPerSecond of svcconnectd).",
        who->name, api->settings.quotas.writes_per_second);
}

static int aws_api_handle(struct http_call *http, struct evbuffer *body, void *user)
{
    struct aws_api *api = user;
    struct aws_request request;
    int r =
        aws_request_read(&request, api->engine, &api->credentials, http->request, http->body, http->length);
    int status;

    request.happenings = api->settings.happenings;
    request.quotas = &api->settings.quotas;
    if (r == 0 && !request.operation->is_read)
        r = take_write(api, &request);
    if (r == 0 && !(request.operation->is_read && engine_is_steady(api->engine))) {
        status = answer_later(api, http, &request, body);
    } else {
        if (r == 0)
            r = aws_request_run(&request, NULL, body);
        status = aws_request_finish(&request, r, body);
    }
    aws_request_done(&request);
    return status;
}

/* ---- how answers look ---- */

/* As the AWS client libraries expect it of what failed before, or without, an operation. */
static void aws_refuse(int status, const char *sentence, struct evbuffer *body)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {413, "RequestEntityTooLargeException"},
        {503, "ServiceUnavailable"},
        {504, "RequestTimeoutException"},
    };
    const char *type = "SerializationException";

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].status == status)
            type = types[i].type;
    (void)evbuffer_add_printf(body, "{\"__type\":\"%s\",\"message\":\"HTTP %d: %s\"}", type, status,
                              sentence);
}

static void add_request_id(struct evbuffer *head, int status, void *user)
{
    struct aws_api *api = user;
    uint64_t *id = api->answer_id;

    (void)status;
    id[1]++;
    (void)evbuffer_add_printf(
        head,
        "x-amzn-RequestId: %08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64 "\r\n",
        id[0] >> 32, id[0] >> 16 & 0xffff, id[0] & 0xfff, id[1] >> 48 & 0xfff, id[1] & 0xffffffffffff);
}

static const char *type_of_answer(const struct http_request *http)
{
    return aws_query_is(http) ? AWS_QUERY_TYPE : NULL;
}

static const struct http_service aws_service = {
    .name = "AWS API",
    .option = "awsListen",
    .content_type = "application/x-amz-json-1.1",
    .content_type_of = type_of_answer,
    .handle = aws_api_handle,
    .admit = admit,
    .refuse = aws_refuse,
    .add_headers = add_request_id,
    .limits = {.replies = HTTP_MAX_CONNECTIONS}, /* each may have a change on its way */
};

/* ---- the listener ---- */

static bool is_loopback(const char *text)
{
    return strncmp(text, "127.", 4) == 0 || strncmp(text, "[::1]:", 6) == 0;
}

static int aws_listen(struct aws_api *api, struct error *error)
{
    int r = http_server_new(api->base, api->settings.listen, &aws_service, api, &api->server, error);

    if (r == 0)
        log_info("AWS API on http://%s (svcconnect credentials)", api->settings.listen);
    return r;
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct aws_api *api = user;

    (void)fd;
    (void)what;
    if (aws_listen(api, &api->trouble) < 0)
        return;
    api->trouble = (struct error){0};
    event_free(api->retry);
    api->retry = NULL;
}

static int retry_later(struct aws_api *api, const struct error *why)
{
    static const struct timeval second = {.tv_sec = 1};

    api->trouble = *why;
    api->retry = event_new(api->base, -1, EV_PERSIST, on_retry, api);
    if (!api->retry || event_add(api->retry, &second) < 0)
        return -ENOMEM;
    log_error("%s: nobody reaches the AWS API until that changes; it is tried again every second "
              "(--aws-listen names another address)",
              why->message);
    return 0;
}

int aws_api_start(struct aws_api *api, struct engine *engine, struct event_base *base,
                  const struct aws_api_settings *settings, struct error *error)
{
    const char *listen = settings->listen;
    struct error why = {0};
    int r;

    *api =
        (struct aws_api){.engine = engine, .base = base, .settings = *settings, .waiting.send = send_reply};
    r = aws_keys_load(api, error);
    if (r < 0)
        return r;
    if (strcmp(listen, "off") == 0)
        return 0;
    if (api->credentials.n == 0 && !is_loopback(listen))
        return error_input(error, "awsListen", listen,
                           "a loopback address while there is no key pair (svcconnect credentials add)");
    if (getrandom(&api->answer_id, sizeof(api->answer_id), 0) != sizeof(api->answer_id))
        api->answer_id[0] = clock_monotonic_ns();
    r = aws_listen(api, &why);
    if (r == -EADDRINUSE || r == -EADDRNOTAVAIL)
        r = retry_later(api, &why);
    if (r < 0 && error)
        *error = why;
    return r;
}

bool aws_api_trouble(const void *user, char *text, size_t size)
{
    const struct aws_api *api = user;

    if (api->trouble.number == 0)
        return false;
    (void)snprintf(
        text, size,
        "%.600s: nobody reaches the AWS API; it is tried again every second. End what has the address, or "
        "name another one (awsListen)",
        api->trouble.message);
    return true;
}

void aws_api_done(struct aws_api *api)
{
    if (api->retry)
        event_free(api->retry);
    api->retry = NULL;
    http_server_free(&api->server);
    aws_later_end(&api->waiting);
    aws_credentials_done(&api->credentials);
    free(api->path);
    api->path = NULL;
}
