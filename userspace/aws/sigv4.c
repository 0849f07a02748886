/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Signature version 4: canonical request, string to sign, signature. Compared in constant time.
 * One algorithm from the header to the comparison, which is easier to check in one place. */
#include "aws/sigv4.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"

#define ALGORITHM    "AWS4-HMAC-SHA256"
#define TERMINATOR   "aws4_request"
#define CANONICAL    (40u << 10) /* above all that limits on heads let through */
#define DIGEST_BYTES 32

/* ---- text that grows up to a bound ---- */

struct text {
    char bytes[CANONICAL];
    size_t n;
    bool is_full;
};

static void add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (length > sizeof(text->bytes) - text->n) {
        text->is_full = true;
        return;
    }
    memcpy(text->bytes + text->n, bytes, length);
    text->n += length;
}

static void sigv4_add(struct text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

/* ---- digests ---- */

static void to_hex(const unsigned char digest[static DIGEST_BYTES], char hex[static SIGV4_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < DIGEST_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * DIGEST_BYTES] = '\0';
}

static int hash_hex(const void *data, size_t length, char hex[static SIGV4_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    to_hex(digest, hex);
    return 0;
}

static int hmac(const void *key, size_t key_length, const char *text, size_t length,
                unsigned char digest[static EVP_MAX_MD_SIZE])
{
    return HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, length, digest, NULL)
               ? 0
               : -ENOMEM;
}

int sigv4_hmac(const void *key, size_t key_length, const char *text, size_t length,
               unsigned char ret_digest[static SIGV4_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int r = hmac(key, key_length, text, length, digest);

    if (r == 0)
        memcpy(ret_digest, digest, SIGV4_DIGEST_SIZE);
    return r;
}

static int signing_key(const struct sigv4_authorization *authorization, const char *secret,
                       unsigned char key[static EVP_MAX_MD_SIZE])
{
    const char *const steps[] = {authorization->day, authorization->region, authorization->service,
                                 TERMINATOR};
    char first[256];
    int length = snprintf(first, sizeof(first), "AWS4%s", secret);
    int r = length < (int)sizeof(first) ? 0 : -E2BIG;

    for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++) {
        unsigned char next[EVP_MAX_MD_SIZE];

        r = hmac(i ? (const void *)key : first, i ? DIGEST_BYTES : (size_t)length, steps[i], strlen(steps[i]),
                 next);
        memcpy(key, next, DIGEST_BYTES);
    }
    OPENSSL_cleanse(first, sizeof(first));
    return r;
}

/* ---- the canonical request ---- */

/* Runs of spaces are one, as the signer has it. */
static void sigv4_add_value(struct text *text, const char *value)
{
    while (*value) {
        size_t length = strcspn(value, " \t");

        add_bytes(text, value, length);
        value += length;
        value += strspn(value, " \t");
        if (*value)
            sigv4_add(text, " ");
    }
}

/* "name:value\n", values of one name joined in their order. */
static void add_header(struct text *text, const struct http_request *request, const char *name, size_t length)
{
    bool is_first = true;

    add_bytes(text, name, length);
    sigv4_add(text, ":");
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strncasecmp(request->headers[i].name, name, length) != 0 || request->headers[i].name[length])
            continue;
        if (!is_first)
            sigv4_add(text, ",");
        sigv4_add_value(text, request->headers[i].value);
        is_first = false;
    }
    sigv4_add(text, "\n");
}

static int canonical_request(const struct http_request *request, const void *body, size_t length,
                             const char *signed_headers, struct text *text)
{
    char hash[SIGV4_HEX_SIZE];
    const char *name = signed_headers;
    int r = hash_hex(body, length, hash);

    text->n = 0;
    text->is_full = false;
    sigv4_add(text, request->method);
    sigv4_add(text, "\n");
    sigv4_add(text, request->path);
    sigv4_add(text, "\n");
    sigv4_add(text, request->query);
    sigv4_add(text, "\n");
    while (*name) {
        size_t n = strcspn(name, ";");

        add_header(text, request, name, n);
        name += n;
        name += *name == ';';
    }
    sigv4_add(text, "\n");
    sigv4_add(text, signed_headers);
    sigv4_add(text, "\n");
    sigv4_add(text, hash);
    return text->is_full ? -E2BIG : r;
}

int sigv4_sign(const struct http_request *request, const void *body, size_t length,
               const struct sigv4_authorization *authorization, const char *secret,
               char ret_signature[static SIGV4_HEX_SIZE])
{
    struct text text;
    char hash[SIGV4_HEX_SIZE];
    char to_sign[512];
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned char digest[EVP_MAX_MD_SIZE];
    int n;
    int r = canonical_request(request, body, length, authorization->signed_headers, &text);

    if (r == 0)
        r = hash_hex(text.bytes, text.n, hash);
    if (r < 0)
        return r;
    n = snprintf(to_sign, sizeof(to_sign), ALGORITHM "\n%s\n%s/%s/%s/" TERMINATOR "\n%s", authorization->date,
                 authorization->day, authorization->region, authorization->service, hash);
    if (n >= (int)sizeof(to_sign))
        return -E2BIG;
    r = signing_key(authorization, secret, key);
    if (r == 0)
        r = hmac(key, DIGEST_BYTES, to_sign, (size_t)n, digest);
    OPENSSL_cleanse(key, sizeof(key));
    if (r == 0)
        to_hex(digest, ret_signature);
    return r;
}

/* ---- the header ---- */

static bool is_digits(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

static int number_at(const char *text, int n)
{
    int number = 0;

    for (int i = 0; i < n; i++)
        number = number * 10 + (text[i] - '0');
    return number;
}

/* YYYYMMDDTHHMMSSZ; whether there is such a time is told by its coming back the same. */
static int parse_date(const char *text, int64_t *ret_time)
{
    struct tm parts;
    struct tm back;
    time_t seconds;

    if (strlen(text) != SIGV4_DATE_SIZE - 1 || !is_digits(text, 8) || text[8] != 'T' ||
        !is_digits(text + 9, 6) || text[15] != 'Z')
        return -EINVAL;
    parts = (struct tm){.tm_year = number_at(text, 4) - 1900,
                        .tm_mon = number_at(text + 4, 2) - 1,
                        .tm_mday = number_at(text + 6, 2),
                        .tm_hour = number_at(text + 9, 2),
                        .tm_min = number_at(text + 11, 2),
                        .tm_sec = number_at(text + 13, 2)};
    back = parts;
    seconds = timegm(&back);
    if (back.tm_mon != parts.tm_mon || back.tm_mday != parts.tm_mday || back.tm_hour != parts.tm_hour ||
        back.tm_min != parts.tm_min || back.tm_sec != parts.tm_sec)
        return -EINVAL;
    *ret_time = seconds;
    return 0;
}

/* The next part of a scope, up to '/'; returns what follows, NULL: it is missing or too long. */
static const char *take_part(const char *text, char *part, size_t size)
{
    size_t n = strcspn(text, "/");

    if (n == 0 || n >= size || text[n] != '/')
        return NULL;
    memcpy(part, text, n);
    part[n] = '\0';
    return text + n + 1;
}

/* KEY/DAY/REGION/SERVICE/aws4_request */
static bool parse_credential(const char *text, struct sigv4_authorization *ret)
{
    text = take_part(text, ret->access_key_id, sizeof(ret->access_key_id));
    text = text ? take_part(text, ret->day, sizeof(ret->day)) : NULL;
    text = text ? take_part(text, ret->region, sizeof(ret->region)) : NULL;
    text = text ? take_part(text, ret->service, sizeof(ret->service)) : NULL;
    return text && strcmp(text, TERMINATOR) == 0 && strlen(ret->day) == 8 && is_digits(ret->day, 8) &&
           ret->region[strspn(ret->region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool is_header_list(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.;")] == '\0';
}

static bool is_signature(const char *text)
{
    return strlen(text) == SIGV4_HEX_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0';
}

/* One "Name=value" of the header, a NUL-terminated word. */
static void take_word(const char *word, struct sigv4_authorization *ret, unsigned *found)
{
    if (strncmp(word, "Credential=", 11) == 0 && parse_credential(word + 11, ret)) {
        *found |= 1;
    } else if (strncmp(word, "SignedHeaders=", 14) == 0 && is_header_list(word + 14) &&
               strlen(word + 14) < sizeof(ret->signed_headers)) {
        strcpy(ret->signed_headers, word + 14);
        *found |= 2;
    } else if (strncmp(word, "Signature=", 10) == 0 && is_signature(word + 10)) {
        strcpy(ret->signature, word + 10);
        *found |= 4;
    } else {
        *found |= 8;
    }
}

static int parse_words(const char *text, struct sigv4_authorization *ret, struct aws_error *error)
{
    char word[2304];
    unsigned found = 0;

    while (*text) {
        size_t n;

        text += strspn(text, ", \t");
        n = strcspn(text, ", \t");
        if (n >= sizeof(word))
            return aws_fail(error, "IncompleteSignatureException", "Authorization header: too long.");
        memcpy(word, text, n);
        word[n] = '\0';
        if (n > 0)
            take_word(word, ret, &found);
        text += n;
    }
    if (found == 7)
        return 0;
    return aws_fail(error, "IncompleteSignatureException",
                    "Authorization header requires a valid '%s' parameter.",
                    !(found & 1)   ? "Credential"
                    : !(found & 2) ? "SignedHeaders"
                    : !(found & 4) ? "Signature"
                                   : "Credential, SignedHeaders and Signature and no other");
}

int sigv4_parse(const struct http_request *request, struct sigv4_authorization *ret, struct aws_error *error)
{
    const char *text = http_request_header(request, "authorization");
    const char *date = http_request_header(request, "x-amz-date");
    int r;

    *ret = (struct sigv4_authorization){0};
    if (!text || !*text)
        return aws_fail(error, "MissingAuthenticationTokenException",
                        "Missing Authentication Token: the request is not signed; svcconnect credentials "
                        "prints a key pair.");
    if (strncmp(text, ALGORITHM, strlen(ALGORITHM)) != 0 || !strchr(" \t", text[strlen(ALGORITHM)]))
        return aws_fail(error, "IncompleteSignatureException",
                        "Authorization header requires the algorithm " ALGORITHM ".");
    r = parse_words(text + strlen(ALGORITHM), ret, error);
    if (r < 0)
        return r;
    if (!date || parse_date(date, &ret->time) < 0)
        return aws_fail(error, "IncompleteSignatureException",
                        "The request needs a header X-Amz-Date of the form YYYYMMDDTHHMMSSZ.");
    strcpy(ret->date, date);
    return 0;
}

/* ---- judging ---- */

static bool is_signed(const char *signed_headers, const char *name)
{
    size_t length = strlen(name);
    const char *at = signed_headers;

    while (*at) {
        size_t n = strcspn(at, ";");

        if (n == length && strncasecmp(at, name, n) == 0)
            return true;
        at += n;
        at += *at == ';';
    }
    return false;
}

static int check_signed(const struct http_request *request, const char *signed_headers,
                        struct aws_error *error)
{
    if (!is_signed(signed_headers, "host") || !http_request_header(request, "host"))
        return aws_fail(error, "InvalidSignatureException",
                        "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    for (size_t i = 0; i < request->n_headers; i++)
        if (strncasecmp(request->headers[i].name, "x-amz-", 6) == 0 &&
            !is_signed(signed_headers, request->headers[i].name))
            return aws_fail(error, "InvalidSignatureException",
                            "'%.100s' must be a 'SignedHeader' in the AWS Authorization.",
                            request->headers[i].name);
    return 0;
}

static int check_time(const struct sigv4_authorization *authorization, int64_t now, struct aws_error *error)
{
    if (strncmp(authorization->day, authorization->date, 8) != 0)
        return aws_fail(error, "InvalidSignatureException",
                        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
                        "HTTP: '%s' != '%.8s'.",
                        authorization->day, authorization->date);
    if (authorization->time < now - SIGV4_SKEW_S)
        return aws_fail(error, "InvalidSignatureException",
                        "Signature expired: %s is more than 15 minutes ago.", authorization->date);
    if (authorization->time > now + SIGV4_SKEW_S)
        return aws_fail(error, "InvalidSignatureException",
                        "Signature not yet current: %s is more than 15 minutes from now.",
                        authorization->date);
    return 0;
}

/* A hash that was sent along is signed, so it has to be that of the body. */
static int check_payload(const struct http_request *request, const void *body, size_t length,
                         struct aws_error *error)
{
    const char *sent = http_request_header(request, "x-amz-content-sha256");
    char hash[SIGV4_HEX_SIZE];

    if (!sent || (hash_hex(body, length, hash) == 0 && strcmp(sent, hash) == 0))
        return 0;
    return aws_fail(error, "InvalidSignatureException",
                    "The header X-Amz-Content-SHA256 is not the hash of the request's body.");
}

int sigv4_check_head(const struct http_request *request, const struct sigv4_authorization *authorization,
                     const char *service, int64_t now, struct aws_error *error)
{
    int r;

    if (strcmp(authorization->service, service) != 0)
        return aws_fail(error, "InvalidSignatureException",
                        "Credential should be scoped to correct service: '%s'.", service);
    r = check_signed(request, authorization->signed_headers, error);
    return r < 0 ? r : check_time(authorization, now, error);
}

int sigv4_verify(const struct http_request *request, const void *body, size_t length,
                 const struct sigv4_authorization *authorization, const char *secret, const char *service,
                 int64_t now, struct aws_error *error)
{
    char expected[SIGV4_HEX_SIZE];
    int r = sigv4_check_head(request, authorization, service, now, error);

    if (r == 0)
        r = check_payload(request, body, length, error);
    if (r < 0)
        return r;
    r = sigv4_sign(request, body, length, authorization, secret, expected);
    if (r < 0)
        return aws_fail(error, "InvalidSignatureException", "The signature cannot be computed: %s.",
                        strerror(-r));
    if (CRYPTO_memcmp(expected, authorization->signature, sizeof(expected) - 1) != 0)
        return aws_fail(error, "InvalidSignatureException",
                        "The request signature we calculated does not match the signature you provided. "
                        "Check your AWS Secret Access Key and signing method.");
    return 0;
}
