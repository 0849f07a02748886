/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/call/request.h"
#include "aws_api/call/quota.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "aws/aws_query.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

static const struct aws_dialect dialects[] = {
    {"Route53AutoNaming_v20170314.", "servicediscovery", NULL, "Message", aws_cloud_map_operations,
     cloud_map_inputs, false},
    {"AmazonEC2ContainerServiceV20141113.", "ecs", "InvalidParameterException", "message", aws_ecs_operations,
     ecs_inputs, false},
    {"AWSSecurityTokenServiceV20110615.", "sts", "ValidationError", "Message", aws_sts_operations, NULL,
     true},
};

#define STS (&dialects[ARRAY_SIZE(dialects) - 1])

const struct aws_dialect *aws_dialect_of(const char *target)
{
    for (size_t i = 0; target && i < ARRAY_SIZE(dialects); i++)
        if (strncmp(target, dialects[i].prefix, strlen(dialects[i].prefix)) == 0)
            return &dialects[i];
    return NULL;
}

/* ---- reading ---- */

static int identify(struct aws_request *request, const struct aws_credentials *credentials,
                    const struct http_request *http, struct sigv4_authorization *ret_authorization,
                    const struct aws_credential **ret_who)
{
    struct aws_error *error = &request->error;
    int r = sigv4_parse(http, ret_authorization, error);

    if (r < 0)
        return r;
    *ret_who = aws_credentials_by_key(credentials, ret_authorization->access_key_id);
    if (!*ret_who)
        return aws_fail(error, "UnrecognizedClientException",
                        "The security token included in the request is invalid: no key pair here has the "
                        "access key id %.32s (svcconnect credentials list).",
                        ret_authorization->access_key_id);
    return 0;
}

static int authenticate(struct aws_request *request, const struct aws_credentials *credentials,
                        const struct http_request *http, const void *body, size_t length)
{
    struct sigv4_authorization authorization;
    const struct aws_credential *who;
    int r = identify(request, credentials, http, &authorization, &who);

    if (r < 0)
        return r;
    r = sigv4_verify(http, body, length, &authorization, who->secret, request->dialect->service,
                     request->now_ms / 1000, &request->error);
    if (r < 0)
        return r;
    request->who = *who;
    if (aws_seal_key(who->secret, request->seal.key) < 0)
        return aws_fail(&request->error, AWS_INTERNAL, "out of memory");
    explicit_bzero(request->who.secret, sizeof(request->who.secret)); /* nobody needs it any more */
    memcpy(request->region, authorization.region, sizeof(request->region));
    return 0;
}

_Static_assert(sizeof(((struct aws_request *)0)->region) == sizeof(((struct sigv4_authorization *)0)->region),
               "a request keeps the region as it was signed");

static int request_parse_body(struct aws_request *request, const void *body, size_t length)
{
    _cleanup_json_ cJSON *json = NULL;
    struct error ours = {0};

    if (request->dialect->is_query)
        return aws_query_parse(body, length, &request->body, &request->error);
    if (length == 0) {
        request->body = cJSON_CreateObject();
        return request->body ? 0 : aws_fail(&request->error, AWS_INTERNAL, "out of memory");
    }
    if (json_parse("request body", body, length, &json, &ours) < 0)
        return aws_fail(&request->error, "SerializationException", "%s", ours.message);
    if (!cJSON_IsObject(json))
        return aws_fail(&request->error, "SerializationException", "request body: a JSON object is wanted");
    request->body = TAKE_PTR(json);
    return 0;
}

static const struct aws_operation *operation_of(const struct aws_dialect *dialect, const char *name)
{
    for (const struct aws_operation *operation = dialect->operations; operation->name; operation++)
        if (strcmp(operation->name, name) == 0)
            return operation;
    return NULL;
}

static int find_operation(struct aws_request *request, const char *name)
{
    const struct aws_operation *operation = operation_of(request->dialect, name);

    if (!operation)
        return aws_fail(&request->error,
                        request->dialect->is_query ? "InvalidAction" : "UnknownOperationException",
                        "There is no operation %.100s here, or not in this version.", name);
    if (request->who.is_read_only && !operation->is_read)
        return aws_fail(&request->error, AWS_ACCESS_DENIED,
                        "The key %.64s (%.64s) is read-only and may not do %s.", request->who.access_key_id,
                        request->who.name, name);
    request->operation = operation;
    return 0;
}

static int check_body(struct aws_request *request)
{
    const struct aws_input *input = aws_input_of(request->dialect->inputs, request->operation->name);

    return input ? aws_shape_check(request->body, input, &request->error) : 0;
}

static uint64_t new_seed(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = clock_monotonic_ns();
    return seed;
}

/* Which API is spoken, and when. */
static int read_dialect(struct aws_request *request, const struct http_request *http, const char *target)
{
    request->dialect = target ? aws_dialect_of(target) : aws_query_is(http) ? STS : NULL;
    if (!request->dialect || request->dialect->is_query != !target || strcmp(http->method, "POST") != 0 ||
        strcmp(http->path, "/") != 0 || *http->query) {
        request->dialect = NULL;
        return aws_fail(&request->error, "UnknownOperationException",
                        "A POST of / is wanted whose header X-Amz-Target names an operation of Cloud Map or "
                        "ECS, or a form of STS.");
    }
    request->error.invalid = request->dialect->invalid;
    request->now_ms = clock_wall_ms();
    request->run_ms = clock_run_ms();
    return 0;
}

int aws_request_judge_head(struct aws_request *request, const struct aws_credentials *credentials,
                           const struct http_request *http)
{
    const char *target = http_request_header(http, "x-amz-target");
    struct sigv4_authorization authorization = {0};
    const struct aws_credential *who = NULL;
    int r;

    *request = (struct aws_request){0};
    r = read_dialect(request, http, target);
    if (r == 0)
        r = identify(request, credentials, http, &authorization, &who);
    return r < 0 ? r
                 : sigv4_check_head(http, &authorization, request->dialect->service, request->now_ms / 1000,
                                    &request->error);
}

int aws_request_read(struct aws_request *request, struct engine *engine,
                     const struct aws_credentials *credentials, const struct http_request *http,
                     const void *body, size_t length)
{
    const char *target = http_request_header(http, "x-amz-target");
    int r;

    *request = (struct aws_request){.engine = engine, .seed = new_seed()};
    r = read_dialect(request, http, target);
    if (r < 0)
        return r;
    r = authenticate(request, credentials, http, body, length);
    if (r == 0)
        r = request_parse_body(request, body, length);
    if (r < 0)
        return r;
    if (!request->dialect->is_query) {
        r = find_operation(request, target + strlen(request->dialect->prefix));
        return r < 0 ? r : check_body(request);
    }
    target = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request->body, "Action"));
    return target ? find_operation(request, target)
                  : aws_fail(&request->error, "MissingAction", "Action: required, and missing.");
}

void aws_request_done(struct aws_request *request)
{
    cJSON_Delete(request->body);
    cJSON_Delete(request->answer);
    aws_error_done(&request->error);
    *request = (struct aws_request){0};
}

/* ---- running ---- */

int aws_request_run(struct aws_request *request, struct transaction *transaction, struct evbuffer *text)
{
    struct aws_call call = {
        .engine = request->engine,
        .happenings = request->happenings,
        .transaction = transaction,
        .who = &request->who,
        .region = request->region,
        .seal = &request->seal,
        .body = request->body,
        .now_ms = request->now_ms,
        .run_ms = request->run_ms,
        .drawn = request->seed,
        .error = &request->error,
        .text = text,
    };
    struct aws_usage before;
    int r;

    request->seal.service = request->dialect->service;
    request->seal.operation = request->operation->name;
    aws_error_done(&request->error);
    request->error.invalid = request->dialect->invalid;
    (void)evbuffer_drain(text, evbuffer_get_length(text));
    cJSON_Delete(request->answer);
    call.answer = request->answer = cJSON_CreateObject();
    if (!call.answer)
        return aws_fail(&request->error, AWS_INTERNAL, "out of memory");
    before = transaction && request->quotas ? aws_usage_of(&call) : (struct aws_usage){0};
    call.entered = 0; /* that was not the operation's looking */
    r = request->operation->run(&call);
    if (r == 0 && (request->operation->scope & ~call.entered))
        r = aws_fail(&request->error, AWS_INTERNAL, "%s has not looked at whose it is.",
                     request->operation->name);
    if (r == 0 && transaction && request->quotas && aws_is_bound(&call))
        r = aws_check_quotas(&call, request->quotas, &before, request->dialect->invalid != NULL);
    return r;
}

/* ---- answering ---- */

static int status_of(const struct aws_error *error)
{
    if (strcmp(error->type, AWS_INTERNAL) == 0)
        return 500;
    return strcmp(error->type, AWS_UNAVAILABLE) == 0 ? 503 : 400;
}

static int request_finish_answer(struct aws_request *request, struct evbuffer *text)
{
    _cleanup_free_ char *printed = NULL;

    if (evbuffer_get_length(text) > 0)
        return 0;
    printed = request->dialect->is_query ? aws_query_print(request->operation->name, request->answer)
                                         : json_print(request->answer);
    return printed && evbuffer_add(text, printed, strlen(printed)) == 0
               ? 0
               : aws_fail(&request->error, AWS_INTERNAL, "out of memory");
}

int aws_request_finish(struct aws_request *request, int r, struct evbuffer *text)
{
    struct aws_error *error = &request->error;
    _cleanup_free_ char *printed = NULL;

    if (r == 0 && request_finish_answer(request, text) == 0)
        return 200;
    (void)evbuffer_drain(text, evbuffer_get_length(text));
    if (!error->type)
        (void)aws_fail(error, AWS_INTERNAL, "The request failed.");
    printed = request->dialect && request->dialect->is_query
                  ? aws_query_error(error)
                  : aws_error_print(error, request->dialect ? request->dialect->message : "message");
    if (printed)
        (void)evbuffer_add(text, printed, strlen(printed));
    if (status_of(error) == 500)
        log_error("AWS API: %s", error->message);
    return status_of(error);
}
