/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * AWS Signature Version 4 in the Authorization header: taken apart, judged against the time, and compared
 * with the signature that the secret gives. Pure: the time is passed in.
 *
 * What must be signed: host, and every x-amz-* field that is there. Path and query are taken as they came;
 * the APIs served here have "/" and none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "aws/aws_error.h"
#include "http/request.h"

#define SIGV4_SKEW_S    900
#define SIGV4_HEX_SIZE  65
#define SIGV4_DATE_SIZE 17 /* "20260101T000000Z" */

/* The Authorization header, and the time the request was signed at. */
struct sigv4_authorization {
    char access_key_id[129];
    char day[9]; /* of the credential scope */
    char region[65];
    char service[65];
    char signed_headers[2048]; /* as they were written: lower case, sorted, joined by ; */
    char signature[SIGV4_HEX_SIZE];
    char date[SIGV4_DATE_SIZE]; /* X-Amz-Date */
    int64_t time;               /* the same, in seconds since the epoch */
};

/* HMAC-SHA256, of which signatures are made. -ENOMEM. */
#define SIGV4_DIGEST_SIZE 32
int sigv4_hmac(const void *key, size_t key_length, const char *text, size_t length,
               unsigned char ret_digest[static SIGV4_DIGEST_SIZE]);

/* Fails with MissingAuthenticationTokenException or IncompleteSignatureException. */
int sigv4_parse(const struct http_request *request, struct sigv4_authorization *ret, struct aws_error *error);

/* The signature the request should have, in hexadecimal. -E2BIG: the canonical request is too long. */
int sigv4_sign(const struct http_request *request, const void *body, size_t length,
               const struct sigv4_authorization *authorization, const char *secret,
               char ret_signature[static SIGV4_HEX_SIZE]);

/*
 * Checks scope, what is signed and time, in that order: all that can be told without the body. `service`:
 * whose requests these are; `now`: wall clock, seconds. Fails with InvalidSignatureException.
 */
int sigv4_check_head(const struct http_request *request, const struct sigv4_authorization *authorization,
                     const char *service, int64_t now, struct aws_error *error);

/*
 * Checks the head as above, then the signature. Fails with InvalidSignatureException; the time of comparing tells nothing about
 * the signature.
 */
int sigv4_verify(const struct http_request *request, const void *body, size_t length,
                 const struct sigv4_authorization *authorization, const char *secret, const char *service,
                 int64_t now, struct aws_error *error);
