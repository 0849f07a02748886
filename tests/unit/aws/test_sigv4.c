/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/cleanup.h"
#include "sigv4_vectors.h"

/* A request and everything that it points into. */
struct signed_request {
    char *head;
    char *body;
    size_t length;
    struct http_request http;
    struct sigv4_authorization authorization;
};

static void request_done(struct signed_request *request)
{
    free(request->head);
    free(request->body);
}

static void request_from(const struct vector *vector, const char *head, struct signed_request *request)
{
    size_t piece = strlen(vector->body);
    struct aws_error error = {0};

    request->head = strdup(head);
    request->length = piece * vector->repeat;
    request->body = malloc(request->length + 1);
    for (unsigned i = 0; i < vector->repeat; i++)
        memcpy(request->body + i * piece, vector->body, piece);
    assert_int_equal(http_request_parse(request->head, strlen(head), &request->http), 0);
    assert_int_equal(request->http.content_length, request->length);
    assert_int_equal(sigv4_parse(&request->http, &request->authorization, &error), 0);
}

static int verify(const struct signed_request *request, const char *secret, const char *service,
                  int64_t later, struct aws_error *error)
{
    return sigv4_verify(&request->http, request->body, request->length, &request->authorization, secret,
                        service, request->authorization.time + later, error);
}

static void expect_refusal(int r, struct aws_error *error, const char *type, const char *words)
{
    assert_int_equal(r, -EINVAL);
    assert_string_equal(error->type, type);
    assert_non_null(strstr(error->message, words));
    *error = (struct aws_error){0};
}

static void test_signs_as_botocore(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        _cleanup_(request_done) struct signed_request request = {0};
        struct aws_error error = {0};
        char signature[SIGV4_HEX_SIZE];

        request_from(&vectors[i], vectors[i].head, &request);
        assert_int_equal(sigv4_sign(&request.http, request.body, request.length, &request.authorization,
                                    VECTOR_SECRET, signature),
                         0);
        assert_string_equal(signature, request.authorization.signature);
        assert_int_equal(verify(&request, VECTOR_SECRET, vectors[i].service, 0, &error), 0);
    }
}

static void test_refuses_what_was_changed(void **state)
{
    _cleanup_(request_done) struct signed_request request = {0};
    struct aws_error error = {0};

    (void)state;
    request_from(&vectors[0], vectors[0].head, &request);
    expect_refusal(verify(&request, "other", "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "does not match");
    expect_refusal(verify(&request, VECTOR_SECRET, "ecs", 0, &error), &error, "InvalidSignatureException",
                   "correct service");
    request.body[2]++;
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "does not match");
    request.body[2]--;
    request.length--;
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "does not match");
    request.length++;
    request.http.path = "/x";
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "does not match");
}

static void test_every_signed_header_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        for (size_t h = 0;; h++) {
            _cleanup_(request_done) struct signed_request request = {0};
            struct aws_error error = {0};
            const char *name;

            request_from(&vectors[i], vectors[i].head, &request);
            if (h >= request.http.n_headers)
                break;
            name = request.http.headers[h].name;
            if (strcmp(name, "Authorization") == 0 || strcmp(name, "Content-Length") == 0)
                continue;
            request.http.headers[h].value = "other";
            assert_int_equal(verify(&request, VECTOR_SECRET, vectors[i].service, 0, &error), -EINVAL);
        }
    }
}

static void test_time(void **state)
{
    _cleanup_(request_done) struct signed_request request = {0};
    struct aws_error error = {0};

    (void)state;
    request_from(&vectors[0], vectors[0].head, &request);
    assert_int_equal(verify(&request, VECTOR_SECRET, "servicediscovery", 900, &error), 0);
    assert_int_equal(verify(&request, VECTOR_SECRET, "servicediscovery", -900, &error), 0);
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 901, &error), &error,
                   "InvalidSignatureException", "expired");
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", -901, &error), &error,
                   "InvalidSignatureException", "not yet current");
    strcpy(request.authorization.day, "20251231");
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "Credential scope");
}

static void test_what_must_be_signed(void **state)
{
    _cleanup_(request_done) struct signed_request request = {0};
    struct aws_error error = {0};

    (void)state;
    request_from(&vectors[0], vectors[0].head, &request);
    strcpy(request.authorization.signed_headers, "host;x-amz-date");
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "X-Amz-Target");
    strcpy(request.authorization.signed_headers, "x-amz-date;x-amz-target");
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "Host");
}

static int parse_with(const char *authorization, const char *date, struct aws_error *error)
{
    struct http_request request = {
        .headers = {{"authorization", authorization}, {"x-amz-date", date}},
        .n_headers = 2,
    };
    struct sigv4_authorization result;

    return sigv4_parse(&request, &result, error);
}

#define SIGNATURE_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SCOPE        "K/20260101/us-east-1/ecs/aws4_request"
#define NOW          "20260101T000000Z"

static void test_header_forms(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } bad[] = {
        {"Basic abc", "algorithm"},
        {"AWS4-HMAC-SHA256", "Credential"},
        {"AWS4-HMAC-SHA256x Credential=" SCOPE, "algorithm"},
        {"AWS4-HMAC-SHA256 Credential=K/2026/us-east-1/ecs/aws4_request", "Credential"},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/US/ecs/aws4_request", "Credential"},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/ecs/aws5_request", "Credential"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE, "SignedHeaders"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=Host", "SignedHeaders"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host", "Signature"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=12", "Signature"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=" SIGNATURE_64 ", Other=1",
         "no other"},
    };
    static const char good[] =
        "AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host,Signature=" SIGNATURE_64;
    static const char *const dates[] = {
        "", "20260101", "20260101T000000", "20260230T000000Z", "20260101T250000Z", "2026-101T000000Z"};
    struct aws_error error = {0};

    (void)state;
    assert_int_equal(parse_with(good, NOW, &error), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_refusal(parse_with(bad[i].text, NOW, &error), &error, "IncompleteSignatureException",
                       bad[i].words);
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++)
        expect_refusal(parse_with(good, dates[i], &error), &error, "IncompleteSignatureException",
                       "X-Amz-Date");
    expect_refusal(parse_with("", NOW, &error), &error, "MissingAuthenticationTokenException", "not signed");
}

static void test_payload_hash(void **state)
{
    _cleanup_(request_done) struct signed_request request = {0};
    struct aws_error error = {0};

    (void)state;
    request_from(&vectors[0], vectors[0].head, &request);
    request.http.headers[request.http.n_headers++] =
        (struct http_header){"X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"};
    strcat(request.authorization.signed_headers, ";x-amz-content-sha256");
    expect_refusal(verify(&request, VECTOR_SECRET, "servicediscovery", 0, &error), &error,
                   "InvalidSignatureException", "not the hash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_as_botocore),
        cmocka_unit_test(test_refuses_what_was_changed),
        cmocka_unit_test(test_every_signed_header_counts),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_what_must_be_signed),
        cmocka_unit_test(test_header_forms),
        cmocka_unit_test(test_payload_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
