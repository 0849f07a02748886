/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a signed HTTP request to an operation, and from its outcome to a status and a body. Long because each link of that
 * chain is tried by requests that are signed the same way. */
#include "aws_lab.h"

#include <time.h>

#include "aws/sigv4.h"
#include "aws_api/ecs/ecs.h"

struct wire {
    struct aws_credentials credentials;
    struct http_request http;
    char date[SIGV4_DATE_SIZE];
    char authorization[4096];
    const char *body;
    struct aws_request request;
};

static void add_header(struct http_request *http, const char *name, const char *value)
{
    http->headers[http->n_headers++] = (struct http_header){name, value};
}

/* Signed with `secret` for one API's service, now. */
static void sign(struct wire *wire, const char *key_id, const char *secret, const char *service)
{
    struct sigv4_authorization authorization = {.region = "eu-central-1",
                                                .signed_headers = "host;x-amz-date;x-amz-target"};
    time_t now = time(NULL);
    struct tm utc;

    (void)gmtime_r(&now, &utc);
    (void)strftime(wire->date, sizeof(wire->date), "%Y%m%dT%H%M%SZ", &utc);
    add_header(&wire->http, "X-Amz-Date", wire->date);
    (void)snprintf(authorization.access_key_id, sizeof(authorization.access_key_id), "%s", key_id);
    (void)snprintf(authorization.day, sizeof(authorization.day), "%.8s", wire->date);
    (void)snprintf(authorization.service, sizeof(authorization.service), "%s", service);
    (void)snprintf(authorization.date, sizeof(authorization.date), "%s", wire->date);
    assert_int_equal(sigv4_sign(&wire->http, wire->body, strlen(wire->body), &authorization, secret,
                                authorization.signature),
                     0);
    (void)snprintf(wire->authorization, sizeof(wire->authorization),
                   "AWS4-HMAC-SHA256 Credential=%s/%s/eu-central-1/%s/aws4_request, SignedHeaders=%s, "
                   "Signature=%s",
                   key_id, authorization.day, service, authorization.signed_headers, authorization.signature);
    add_header(&wire->http, "Authorization", wire->authorization);
}

static void wire_new(struct wire *wire, const char *target, const char *body, bool is_read_only)
{
    const struct aws_credential *who;
    struct error error = {0};

    *wire = (struct wire){.body = body};
    assert_int_equal(aws_credentials_add(&wire->credentials, "tester", is_read_only, NULL, &error), 0);
    who = aws_credentials_by_name(&wire->credentials, "tester");
    wire->http.method = "POST";
    wire->http.path = "/";
    wire->http.query = "";
    add_header(&wire->http, "Host", "127.0.0.1:4599");
    if (target)
        add_header(&wire->http, "X-Amz-Target", target);
    if (target)
        sign(wire, who->access_key_id, who->secret,
             strncmp(target, ECS, strlen(ECS)) == 0 ? "ecs" : "servicediscovery");
}

static int wire_read(struct aws_lab *lab, struct wire *wire)
{
    return aws_request_read(&wire->request, lab->engine, &wire->credentials, &wire->http, wire->body,
                            strlen(wire->body));
}

static void wire_done(struct wire *wire)
{
    aws_request_done(&wire->request);
    aws_credentials_done(&wire->credentials);
}

static void expect_refused(struct aws_lab *lab, struct wire *wire, const char *type,
                           const char *message_member)
{
    struct evbuffer *text = evbuffer_new();
    struct outcome outcome = {0};

    assert_int_equal(wire_read(lab, wire), -EINVAL);
    lab_send(&outcome, aws_request_finish(&wire->request, -EINVAL, text), text);
    assert_int_equal(outcome.status, 400);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "__type")), type);
    assert_non_null(cJSON_GetObjectItemCaseSensitive(outcome.body, message_member));
    outcome_done(&outcome);
    evbuffer_free(text);
    wire_done(wire);
}

/* ---- what is read ---- */

static void test_read(void **state)
{
    struct wire wire;
    uint64_t seed;

    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{\"MaxResults\":5}", false);
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_string_equal(wire.request.operation->name, "ListNamespaces");
    assert_true(wire.request.operation->is_read);
    assert_string_equal(wire.request.region, "eu-central-1");
    assert_string_equal(wire.request.who.name, "tester");
    assert_int_equal(cJSON_GetObjectItem(wire.request.body, "MaxResults")->valueint, 5);
    assert_true(wire.request.now_ms > INT64_C(1600000000000));
    seed = wire.request.seed;
    aws_request_done(&wire.request);

    /* The next one draws other ids. */
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_true(wire.request.seed != seed);
    wire_done(&wire);
}

/* A request that waits outlives the key pair, and does not carry its secret around. */
static void test_who_is_a_copy(void **state)
{
    static const char nothing[AWS_SECRET_SIZE];
    struct wire wire;
    struct error error = {0};

    wire_new(&wire, CLOUD_MAP "CreateHttpNamespace", "{\"Name\":\"shop\"}", false);
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_int_equal(aws_credentials_remove(&wire.credentials, "tester", &error), 0);
    assert_string_equal(wire.request.who.name, "tester");
    assert_memory_equal(wire.request.who.secret, nothing, sizeof(nothing));
    wire_done(&wire);
}

static void test_empty_body(void **state)
{
    struct wire wire;

    wire_new(&wire, CLOUD_MAP "ListNamespaces", "", false);
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_true(cJSON_IsObject(wire.request.body));
    wire_done(&wire);
}

static void test_same_name_in_both_apis(void **state)
{
    struct wire wire;

    wire_new(&wire, ECS "CreateService", "{\"serviceName\":\"s\"}", false);
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_ptr_equal(wire.request.operation->run, aws_EcsCreateService);
    assert_string_equal(wire.request.error.invalid, "InvalidParameterException");
    wire_done(&wire);
    wire_new(&wire, CLOUD_MAP "CreateService", "{\"Name\":\"s\"}", false);
    assert_int_equal(wire_read(*state, &wire), 0);
    assert_ptr_equal(wire.request.operation->run, aws_CreateService);
    assert_null(wire.request.error.invalid);
    wire_done(&wire);
}

/* ---- what is refused ---- */

static void test_every_operation_has_its_input(void **state)
{
    static const char *const targets[] = {CLOUD_MAP, ECS};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        const struct aws_dialect *dialect = aws_dialect_of(targets[i]);

        for (const struct aws_operation *operation = dialect->operations; operation->name; operation++)
            if (!aws_input_of(dialect->inputs, operation->name))
                fail_msg("%s: what %s takes is in no table", dialect->service, operation->name);
    }
}

static void test_what_the_model_refuses(void **state)
{
    struct wire wire;

    wire_new(&wire, CLOUD_MAP "GetService", "{}", false);
    expect_refused(*state, &wire, "InvalidInput", "Message");
    wire_new(&wire, ECS "DeleteService", "{}", false);
    expect_refused(*state, &wire, "InvalidParameterException", "message");
    wire_new(&wire, ECS "RegisterTaskDefinition", "{}", false);
    expect_refused(*state, &wire, "ClientException", "message");
    wire_new(&wire, ECS "DeleteService", "{\"service\":1}", false);
    expect_refused(*state, &wire, "SerializationException", "message");
}

static void test_what_is_no_request(void **state)
{
    struct wire wire;

    wire_new(&wire, NULL, "{}", false);
    expect_refused(*state, &wire, "UnknownOperationException", "message");
    wire_new(&wire, "Elsewhere.DoIt", "{}", false);
    expect_refused(*state, &wire, "UnknownOperationException", "message");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.method = "GET";
    expect_refused(*state, &wire, "UnknownOperationException", "message");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.path = "/else";
    expect_refused(*state, &wire, "UnknownOperationException", "message");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.query = "a=b";
    expect_refused(*state, &wire, "UnknownOperationException", "message");
}

static void test_unknown_operations(void **state)
{
    struct wire wire;

    wire_new(&wire, CLOUD_MAP "DoMagic", "{}", false);
    expect_refused(*state, &wire, "UnknownOperationException", "Message");
    wire_new(&wire, ECS "RunTask", "{}", false);
    expect_refused(*state, &wire, "UnknownOperationException", "message");
    wire_new(&wire, CLOUD_MAP, "{}", false);
    expect_refused(*state, &wire, "UnknownOperationException", "Message");
}

static void test_signatures(void **state)
{
    struct wire wire;

    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.body = "{ }"; /* another than was signed */
    expect_refused(*state, &wire, "InvalidSignatureException", "Message");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.n_headers--; /* no Authorization */
    expect_refused(*state, &wire, "MissingAuthenticationTokenException", "Message");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    aws_credentials_done(&wire.credentials); /* the key is gone */
    expect_refused(*state, &wire, "UnrecognizedClientException", "Message");
}

static void expect_head(struct wire *wire, const char *type)
{
    struct aws_request request;
    int r = aws_request_judge_head(&request, &wire->credentials, &wire->http);

    assert_int_equal(r, type ? -EINVAL : 0);
    if (type)
        assert_string_equal(request.error.type, type);
    aws_request_done(&request);
    wire_done(wire);
}

/* All that can be told without the body; the signature cannot. */
static void test_heads(void **state)
{
    struct wire wire;

    (void)state;
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    expect_head(&wire, NULL);
    wire_new(&wire, CLOUD_MAP "DoMagic", "{}", false);
    expect_head(&wire, NULL);
    wire_new(&wire, "Elsewhere.DoIt", "{}", false);
    expect_head(&wire, "UnknownOperationException");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.n_headers--; /* no Authorization */
    expect_head(&wire, "MissingAuthenticationTokenException");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    aws_credentials_done(&wire.credentials); /* the key is gone */
    expect_head(&wire, "UnrecognizedClientException");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.date[3] = '0'; /* years ago, and not the day of the scope */
    expect_head(&wire, "InvalidSignatureException");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    add_header(&wire.http, "X-Amz-Unsigned", "added on the way");
    expect_head(&wire, "InvalidSignatureException");
    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", false);
    wire.http.headers[1].value = ECS "ListClusters"; /* signed for the other API */
    expect_head(&wire, "InvalidSignatureException");
}

static void test_bodies(void **state)
{
    static const char *const bodies[] = {"{", "[]", "5", "{} {}", "\"text\""};
    struct wire wire;

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        wire_new(&wire, CLOUD_MAP "ListNamespaces", bodies[i], false);
        expect_refused(*state, &wire, "SerializationException", "Message");
    }
}

static void test_read_only_keys(void **state)
{
    struct wire wire;

    wire_new(&wire, CLOUD_MAP "ListNamespaces", "{}", true);
    assert_int_equal(wire_read(*state, &wire), 0);
    wire_done(&wire);
    wire_new(&wire, CLOUD_MAP "CreateHttpNamespace", "{}", true);
    expect_refused(*state, &wire, "AccessDeniedException", "Message");
    wire_new(&wire, ECS "CreateCluster", "{}", true);
    expect_refused(*state, &wire, "AccessDeniedException", "message");
}

/* ---- running and answering ---- */

static void test_run_begins_afresh(void **state)
{
    struct aws_request request = lab_request(*state, CLOUD_MAP "GetNamespace", "{'Id':'ns-none'}");
    struct evbuffer *text = evbuffer_new();

    (void)evbuffer_add(text, "left over", 9);
    assert_int_equal(aws_request_run(&request, NULL, text), -EINVAL);
    assert_string_equal(request.error.type, "NamespaceNotFound");
    assert_int_equal(evbuffer_get_length(text), 0);
    cJSON_Delete(request.body);
    request.body = json_from("{}");
    assert_int_equal(aws_request_run(&request, NULL, text), -EINVAL);
    assert_string_equal(request.error.type, "InvalidInput");
    aws_request_done(&request);
    evbuffer_free(text);
}

static void test_statuses(void **state)
{
    static const struct {
        int number;
        const char *type;
        int status;
    } cases[] = {
        {ENOSPC, "ResourceLimitExceeded", 400}, {E2BIG, "ResourceLimitExceeded", 400},
        {EBUSY, "ResourceInUse", 400},          {EEXIST, "ResourceInUse", 400},
        {EINVAL, "InvalidInput", 400},          {EAGAIN, "ServiceUnavailable", 503},
        {ECANCELED, "ServiceUnavailable", 503}, {ENOLCK, "ServiceUnavailable", 503},
        {EIO, "InternalFailure", 500},          {ENOMEM, "InternalFailure", 500},
        {ENOTCONN, "InternalFailure", 500},
    };
    struct evbuffer *text = evbuffer_new();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct aws_request request = lab_request(*state, CLOUD_MAP "ListNamespaces", "{}");
        const struct error none = {0};
        struct outcome outcome = {0};

        assert_int_equal(aws_fail_as(&request.error, -cases[i].number, &none), -EINVAL);
        lab_send(&outcome, aws_request_finish(&request, -EINVAL, text), text);
        assert_int_equal(outcome.status, cases[i].status);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "__type")), cases[i].type);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "Message")),
                            strerror(cases[i].number));
        outcome_done(&outcome);
        aws_request_done(&request);
    }
    evbuffer_free(text);
}

/* The same in ECS's words. */
static void test_statuses_of_ecs(void **state)
{
    struct aws_request request = lab_request(*state, ECS "CreateCluster", "{}");
    struct error error = {0};

    request.error.invalid = request.dialect->invalid;
    (void)error_set(&error, ENOSPC, "the disk is full");
    (void)aws_fail_as(&request.error, -ENOSPC, &error);
    expect_aws_error("full", -EINVAL, &request.error, "LimitExceededException", "the disk is full");
    request.error.invalid = request.dialect->invalid;
    (void)aws_fail_as(&request.error, -EBUSY, &error);
    expect_aws_error("its own number goes first", -EINVAL, &request.error, "LimitExceededException", "full");
    error.number = EBUSY;
    request.error.invalid = request.dialect->invalid;
    (void)aws_fail_as(&request.error, -EBUSY, &error);
    expect_aws_error("busy", -EINVAL, &request.error, "InvalidParameterException", "full");
    aws_request_done(&request);
}

/* Ids do not repeat within a run, and do in the next one. */
static void test_ids(void **state)
{
    struct aws_call call = {.drawn = 7};
    char ids[100][AWS_NEW_ID_SIZE];
    char again[AWS_NEW_ID_SIZE];

    (void)state;
    for (int i = 0; i < 100; i++) {
        aws_new_id(&call, "srv-", ids[i]);
        assert_int_equal(strlen(ids[i]), 20);
        assert_int_equal(strspn(ids[i] + 4, "abcdefghijklmnopqrstuvwxyz234567"), 16);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
    call.drawn = 7;
    aws_new_id(&call, "srv-", again);
    assert_string_equal(again, ids[0]);
    call.drawn = 8;
    aws_new_id(&call, "srv-", again);
    assert_string_not_equal(again, ids[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_read),
        AWS_TEST(test_who_is_a_copy),
        AWS_TEST(test_empty_body),
        AWS_TEST(test_same_name_in_both_apis),
        AWS_TEST(test_every_operation_has_its_input),
        AWS_TEST(test_what_the_model_refuses),
        AWS_TEST(test_what_is_no_request),
        AWS_TEST(test_unknown_operations),
        AWS_TEST(test_signatures),
        AWS_TEST(test_heads),
        AWS_TEST(test_bodies),
        AWS_TEST(test_read_only_keys),
        AWS_TEST(test_run_begins_afresh),
        AWS_TEST(test_statuses),
        AWS_TEST(test_statuses_of_ecs),
        AWS_TEST(test_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
