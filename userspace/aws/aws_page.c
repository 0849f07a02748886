/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_page.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/sigv4.h"
#include "base/cleanup.h"

#define TOKEN_MARK  "k-"
#define SEAL_HEX    32 /* digits of a seal: 128 bits */
#define LONGEST_KEY 1200

int aws_seal_key(const char *secret, unsigned char ret_key[static AWS_SEAL_SIZE])
{
    static const char purpose[] = "svcconnect tokens of pages";

    return sigv4_hmac(secret, strlen(secret), purpose, strlen(purpose), ret_key);
}

/* What comes before the key in a token, in hexadecimal. */
static int page_seal(const struct aws_seal *seal, const char *last_key, char ret_hex[static SEAL_HEX + 1])
{
    unsigned char digest[AWS_SEAL_SIZE];
    char text[LONGEST_KEY + 128];
    int length = snprintf(text, sizeof(text), "%s/%s/%s", seal->service, seal->operation, last_key);
    int r = length >= (int)sizeof(text)
                ? -EINVAL
                : sigv4_hmac(seal->key, sizeof(seal->key), text, (size_t)length, digest);

    for (int i = 0; r == 0 && i < SEAL_HEX / 2; i++)
        (void)sprintf(ret_hex + 2 * (size_t)i, "%02x", digest[i]);
    return r;
}

static char *page_token(const struct aws_seal *seal, const char *last_key)
{
    size_t length = strlen(last_key);
    char hex[SEAL_HEX + 1] = "";
    char *token = malloc(sizeof(TOKEN_MARK) + SEAL_HEX + 2 * length);

    if (!token || page_seal(seal, last_key, hex) < 0) {
        free(token);
        return NULL;
    }
    strcpy(token, TOKEN_MARK);
    strcat(token, hex);
    for (size_t i = 0; i < length; i++)
        (void)sprintf(token + strlen(TOKEN_MARK) + SEAL_HEX + 2 * i, "%02x", (unsigned char)last_key[i]);
    return token;
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

static int page_read_token(const struct aws_seal *seal, const char *token, char *key, size_t size)
{
    const char *given = token + strlen(TOKEN_MARK);
    char hex[SEAL_HEX + 1] = "";
    size_t n = 0;

    if (strlen(token) < strlen(TOKEN_MARK) + SEAL_HEX || strncmp(token, TOKEN_MARK, strlen(TOKEN_MARK)) != 0)
        return -EINVAL;
    for (token = given + SEAL_HEX; *token; token += 2) {
        int high = hex_value(token[0]);
        int low = high < 0 ? -1 : hex_value(token[1]);

        if (low < 0 || high * 16 + low == 0 || n + 1 >= size)
            return -EINVAL;
        key[n++] = (char)(high * 16 + low);
    }
    key[n] = '\0';
    return n > 0 && page_seal(seal, key, hex) == 0 && CRYPTO_memcmp(hex, given, SEAL_HEX) == 0 ? 0 : -EINVAL;
}

int aws_get_page(const cJSON *object, const char *token_member, const char *size_member, size_t maximum,
                 size_t usual, const struct aws_seal *seal, struct aws_page *ret_page,
                 struct aws_error *error)
{
    const char *token = NULL;
    int64_t size = (int64_t)usual;
    int r = aws_get_text(object, token_member, AWS_OPTIONAL, 0, 4096, &token, error);

    if (r == 0)
        r = aws_get_integer(object, size_member, AWS_OPTIONAL, 1, (int64_t)maximum, &size, error);
    if (r < 0)
        return r;
    *ret_page = (struct aws_page){.seal = seal, .size = (size_t)size};
    if (token && page_read_token(seal, token, ret_page->after, sizeof(ret_page->after)) < 0)
        return aws_invalid(error, "%s: no token that this operation has given to this key.", token_member);
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_backwards(const void *a, const void *b)
{
    return compare_keys(b, a);
}

void aws_page_cut(const struct aws_page *page, const char **keys, size_t n, size_t *ret_begin,
                  size_t *ret_end, cJSON *answer, const char *next_member)
{
    _cleanup_free_ char *token = NULL;
    size_t begin = 0;
    size_t end;

    if (n > 0)
        qsort(keys, n, sizeof(*keys), page->is_descending ? compare_backwards : compare_keys);
    while (begin < n && *page->after &&
           (page->is_descending ? strcmp(page->after, keys[begin]) : strcmp(keys[begin], page->after)) <= 0)
        begin++;
    end = n - begin > page->size ? begin + page->size : n;
    *ret_begin = begin;
    *ret_end = end;
    if (end < n && (token = page_token(page->seal, keys[end - 1])))
        (void)cJSON_AddStringToObject(answer, next_member, token);
}
