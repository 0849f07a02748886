/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* An error as AWS's JSON protocol has it: a type that clients turn into an exception, a sentence, and the
 * members that some types carry besides. */
#pragma once

#include <cjson/cJSON.h>

#define AWS_INVALID_INPUT "InvalidInput"
#define AWS_ACCESS_DENIED "AccessDeniedException"
#define AWS_INTERNAL      "InternalFailure"    /* with status 500 */
#define AWS_UNAVAILABLE   "ServiceUnavailable" /* with status 503: clients try again by themselves */

struct aws_error {
    const char *invalid; /* the API's type for bad input, set by whoever begins; NULL: InvalidInput */
    const char *type;    /* static; NULL: nothing has gone wrong */
    char message[768];
    cJSON *members; /* owned; NULL without */
};

/* Returns -EINVAL, so that `return aws_fail(...)` forwards it. The first error stays. */
int aws_fail(struct aws_error *error, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As aws_fail() with the API's type for bad input. */
int aws_invalid(struct aws_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text that the type carries besides its message. */
void aws_error_member(struct aws_error *error, const char *name, const char *value);

void aws_error_done(struct aws_error *error);

/* The body; `message_member` is "Message" or "message". The caller frees it; NULL: no memory. */
char *aws_error_print(const struct aws_error *error, const char *message_member);
