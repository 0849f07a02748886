/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/aws_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "aws_api/call/calls.h"
#include "daemon/daemon.h"

static const struct api {
    const char *prefix;  /* of X-Amz-Target */
    const char *service; /* of the credential scope */
    const char *invalid; /* NULL: InvalidInput */
    const char *message; /* the member of an error */
    const struct aws_operation *operations;
} apis[] = {
    {"Route53AutoNaming_v20170314.", "servicediscovery", NULL, "Message", aws_cloud_map_operations},
    {"AmazonEC2ContainerServiceV20141113.", "ecs", "InvalidParameterException", "message",
     aws_ecs_operations},
};

#define OPERATION(name, is_read)                                                                             \
    {                                                                                                        \
#name, aws_##name, is_read                                                                           \
    }

const struct aws_operation aws_cloud_map_operations[] = {
    OPERATION(CreateHttpNamespace, false),
    OPERATION(CreatePrivateDnsNamespace, false),
    OPERATION(CreatePublicDnsNamespace, false),
    OPERATION(CreateService, false),
    OPERATION(DeleteNamespace, false),
    OPERATION(DeleteService, false),
    OPERATION(DeleteServiceAttributes, false),
    OPERATION(DeregisterInstance, false),
    OPERATION(DiscoverInstances, true),
    OPERATION(DiscoverInstancesRevision, true),
    OPERATION(GetInstance, true),
    OPERATION(GetInstancesHealthStatus, true),
    OPERATION(GetNamespace, true),
    OPERATION(GetOperation, true),
    OPERATION(GetService, true),
    OPERATION(GetServiceAttributes, true),
    OPERATION(ListInstances, true),
    OPERATION(ListNamespaces, true),
    OPERATION(ListOperations, true),
    OPERATION(ListServices, true),
    OPERATION(ListTagsForResource, true),
    OPERATION(RegisterInstance, false),
    OPERATION(TagResource, false),
    OPERATION(UntagResource, false),
    OPERATION(UpdateHttpNamespace, false),
    OPERATION(UpdateInstanceCustomHealthStatus, false),
    OPERATION(UpdatePrivateDnsNamespace, false),
    OPERATION(UpdatePublicDnsNamespace, false),
    OPERATION(UpdateService, false),
    OPERATION(UpdateServiceAttributes, false),
    {NULL, NULL, false},
};

/* ---- one request ---- */

static const struct api *find_api(const char *target)
{
    for (size_t i = 0; i < ARRAY_SIZE(apis); i++)
        if (strncmp(target, apis[i].prefix, strlen(apis[i].prefix)) == 0)
            return &apis[i];
    return NULL;
}

static const struct aws_operation *find_operation(const struct api *api, const char *name)
{
    for (const struct aws_operation *operation = api->operations; operation->name; operation++)
        if (strcmp(operation->name, name) == 0)
            return operation;
    return NULL;
}

static int authenticate(const struct daemon *daemon, const struct api *api,
                        const struct http_request *request, const void *body, size_t length,
                        const struct aws_credential **ret_who, struct sigv4_authorization *authorization,
                        int64_t now_s, struct aws_error *error)
{
    const struct aws_credential *who;
    int r = sigv4_parse(request, authorization, error);

    if (r < 0)
        return r;
    who = aws_credentials_by_key(&daemon->aws.credentials, authorization->access_key_id);
    if (!who)
        return aws_fail(error, "UnrecognizedClientException",
                        "The security token included in the request is invalid: no key pair here has the "
                        "access key id %.32s (svcconnect credentials list).",
                        authorization->access_key_id);
    r = sigv4_verify(request, body, length, authorization, who->secret, api->service, now_s, error);
    if (r == 0)
        *ret_who = who;
    return r;
}

static int parse_body(const void *body, size_t length, cJSON **ret_body, struct aws_error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    struct error ours = {0};

    if (length == 0) {
        *ret_body = cJSON_CreateObject();
        return 0;
    }
    if (json_parse("request body", body, length, &json, &ours) < 0)
        return aws_fail(error, "SerializationException", "%s", ours.message);
    if (!cJSON_IsObject(json))
        return aws_fail(error, "SerializationException", "request body: a JSON object is wanted");
    *ret_body = TAKE_PTR(json);
    return 0;
}

static int run(struct aws_call *call, const struct api *api, const char *name)
{
    const struct aws_operation *operation = find_operation(api, name);

    if (!operation)
        return aws_fail(call->error, "UnknownOperationException",
                        "There is no operation %.100s here, or not in this version.", name);
    if (call->who->is_read_only && !operation->is_read)
        return aws_fail(call->error, AWS_ACCESS_DENIED,
                        "The key %.64s (%.64s) is read-only and may not do %s.", call->who->access_key_id,
                        call->who->name, name);
    return operation->run(call);
}

static int answer_request(struct daemon *daemon, const struct http_request *request, const void *body,
                          size_t length, const struct api **ret_api, struct evbuffer *answer,
                          struct aws_error *error)
{
    const char *target = http_request_header(request, "x-amz-target");
    const struct api *api = target ? find_api(target) : NULL;
    struct sigv4_authorization authorization;
    _cleanup_json_ cJSON *json = NULL;
    _cleanup_json_ cJSON *object = NULL;
    struct timespec now;
    struct aws_call call = {.daemon = daemon, .error = error, .text = answer};
    _cleanup_free_ char *text = NULL;
    int r;

    if (!api || strcmp(request->method, "POST") != 0 || strcmp(request->path, "/") != 0 || *request->query)
        return aws_fail(error, "UnknownOperationException",
                        "A POST of / is wanted whose header X-Amz-Target names an operation of Cloud Map or "
                        "ECS.");
    *ret_api = api;
    error->invalid = api->invalid;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    r = authenticate(daemon, api, request, body, length, &call.who, &authorization, now.tv_sec, error);
    if (r == 0)
        r = parse_body(body, length, &json, error);
    if (r < 0)
        return r;
    object = cJSON_CreateObject();
    call.region = authorization.region;
    call.body = json;
    call.answer = object;
    call.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    r = run(&call, api, target + strlen(api->prefix));
    if (r < 0 || evbuffer_get_length(answer) > 0)
        return r;
    text = cJSON_PrintUnformatted(object);
    return text && evbuffer_add(answer, text, strlen(text)) == 0
               ? 0
               : aws_fail(error, AWS_INTERNAL, "out of memory");
}

static int handle(struct http_call *call, struct evbuffer *answer, void *user)
{
    _cleanup_(aws_error_done) struct aws_error error = {0};
    _cleanup_free_ char *text = NULL;
    const struct api *api = NULL;
    int r = answer_request(user, call->request, call->body, call->length, &api, answer, &error);

    if (r == 0)
        return 200;
    (void)evbuffer_drain(answer, evbuffer_get_length(answer));
    if (!error.type)
        (void)aws_fail(&error, AWS_INTERNAL, "The request failed.");
    text = aws_error_print(&error, api ? api->message : "message");
    if (text)
        (void)evbuffer_add(answer, text, strlen(text));
    if (strcmp(error.type, AWS_INTERNAL) == 0) {
        log_error("AWS API: %s", error.message);
        return 500;
    }
    return 400;
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

static void add_request_id(struct evbuffer *head, void *user)
{
    struct daemon *daemon = user;
    uint64_t *id = daemon->aws.answer_id;

    id[1]++;
    (void)evbuffer_add_printf(
        head,
        "x-amzn-RequestId: %08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64 "\r\n",
        id[0] >> 32, id[0] >> 16 & 0xffff, id[0] & 0xfff, id[1] >> 48 & 0xfff, id[1] & 0xffffffffffff);
}

static const struct http_service aws_service = {
    .name = "AWS API",
    .option = "awsListen",
    .content_type = "application/x-amz-json-1.1",
    .handle = handle,
    .refuse = aws_refuse,
    .add_headers = add_request_id,
};

/* ---- the listener ---- */

static bool is_loopback(const char *text)
{
    return strncmp(text, "127.", 4) == 0 || strncmp(text, "[::1]:", 6) == 0;
}

/* The soft limit is for programs that use select(); connections to us are more. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int aws_api_start(struct daemon *daemon, struct error *error)
{
    const char *listen = daemon->config.aws_listen;
    int r = aws_keys_load(daemon, error);

    if (r < 0)
        return r;
    if (strcmp(listen, "off") == 0)
        return 0;
    if (daemon->aws.credentials.n == 0 && !is_loopback(listen))
        return error_input(error, "awsListen", listen,
                           "a loopback address while there is no key pair (svcconnect credentials add)");
    raise_descriptors();
    if (getrandom(&daemon->aws.answer_id, sizeof(daemon->aws.answer_id), 0) != sizeof(daemon->aws.answer_id))
        daemon->aws.answer_id[0] = clock_monotonic_ns();
    r = http_server_new(daemon->base, listen, &aws_service, daemon, &daemon->aws.server, error);
    if (r == -EADDRINUSE && !daemon->config.is_aws_listen_set) {
        log_warning("%s; the AWS API is off (--aws-listen names another address)", error->message);
        *error = (struct error){0};
        return 0;
    }
    if (r == 0)
        log_info("AWS API on http://%s (svcconnect credentials)", listen);
    return r;
}

void aws_api_done(struct daemon *daemon)
{
    http_server_free(&daemon->aws.server);
    aws_credentials_done(&daemon->aws.credentials);
    free(daemon->aws.path);
    daemon->aws.path = NULL;
}
