/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a client has asked, from its HTTP request to the text of the answer. A request holds all that its
 * operation needs, so that it can wait: the key pair may be removed meanwhile, and the connection may end.
 */
#pragma once

#include <event2/buffer.h>

#include "aws/aws_credentials.h"
#include "aws/aws_shape.h"
#include "aws_api/call/calls.h"
#include "http/request.h"

#define AWS_REGION_SIZE 65

/* One of the APIs, and how it is spoken. */
struct aws_dialect {
    const char *prefix;  /* of X-Amz-Target */
    const char *service; /* of the credential scope */
    const char *invalid; /* the type for bad input; NULL: InvalidInput */
    const char *message; /* the member of an error */
    const struct aws_operation *operations;
    const struct aws_input *inputs; /* what each of them takes; NULL: that is not written down */
    bool is_query;                  /* a form that names the operation, and XML (aws/aws_query.h) */
};

struct aws_quotas;

struct aws_request {
    struct engine *engine;
    const struct ecs_happenings *happenings; /* whoever has them puts them in; may be NULL */
    const struct aws_dialect *dialect;       /* NULL: what was asked cannot be told */
    const struct aws_operation *operation;   /* NULL: refused before there was one */
    struct aws_credential who;               /* as the key pair was, without its secret */
    struct aws_seal seal;                    /* what is left of it: seals tokens of pages */
    char region[AWS_REGION_SIZE];
    cJSON *body;                     /* owned */
    int64_t now_ms;                  /* wall clock, when it came */
    int64_t run_ms;                  /* clock_run_ms(), the same */
    uint64_t seed;                   /* of random numbers and ids */
    const struct aws_quotas *quotas; /* NULL: none */
    struct aws_error error;
    cJSON *answer; /* owned: of the last run */
};

/* By the header X-Amz-Target; NULL: none. The rest of it is the operation's name. The API that is asked by
 * forms has a prefix too, which no client sends. */
const struct aws_dialect *aws_dialect_of(const char *target);

/*
 * Whether it can become a request at all, by its head alone: who sends the key of nobody, or of another time,
 * need not send a body. 0, or -EINVAL with the request's error; aws_request_finish() and _done() as below.
 */
int aws_request_judge_head(struct aws_request *request, const struct aws_credentials *credentials,
                           const struct http_request *http);

/*
 * Who asks and what: signature, key pair, body, operation, whether the key may do that, and whether the body
 * is what the API's model says. 0, or -EINVAL
 * with the request's error. The caller ends with aws_request_done() in any case.
 */
int aws_request_read(struct aws_request *request, struct engine *engine,
                     const struct aws_credentials *credentials, const struct http_request *http,
                     const void *body, size_t length);
void aws_request_done(struct aws_request *request);

/*
 * Runs the operation, as if it never had before: within the transaction of a job, or with NULL for one that
 * only reads. 0, or a negative errno with the request's error. An operation may write its answer into `text`
 * instead of request->answer.
 */
int aws_request_run(struct aws_request *request, struct transaction *transaction, struct evbuffer *text);

/* The HTTP status, and the body of the answer in `text`: what the last run has made if `r` is 0. */
int aws_request_finish(struct aws_request *request, int r, struct evbuffer *text);
