/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/web_guard.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/number.h"

#define MOST_HOST        260
#define MOST_CREDENTIALS 512

/* ---- whom it was sent to ---- */

/* The only value of a field; NULL: there is none, or there are several. */
static const char *only_value(const struct http_request *request, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        if (value)
            return NULL;
        value = request->headers[i].value;
    }
    return value;
}

/* "127.0.0.1:9466", "[::1]", "localhost:80" */
static bool is_nobodys_name(const char *host)
{
    char text[MOST_HOST];
    struct ip_address address;
    char *name = text;
    char *port;
    uint64_t number;

    if (snprintf(text, sizeof(text), "%s", host) >= (int)sizeof(text))
        return false;
    if (*text == '[') {
        char *end = strchr(text, ']');

        if (!end || (end[1] && end[1] != ':'))
            return false;
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
        name = text + 1;
    } else {
        port = strchr(text, ':');
        if (port)
            *port++ = '\0';
    }
    if (port && parse_number(port, 1, 65535, &number) < 0)
        return false;
    if (*text != '[' && strcasecmp(name, "localhost") == 0)
        return true;
    return ip_address_parse(name, &address) == 0 && (strchr(name, ':') != NULL) == (*text == '[');
}

/* Browsers say so of what they ask for; whoever says nothing is none. */
static bool is_of_another_site(const struct http_request *request)
{
    const char *site = http_request_header(request, "Sec-Fetch-Site");
    const char *mode = http_request_header(request, "Sec-Fetch-Mode");

    if (!site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
        return false;
    return !mode || strcmp(mode, "navigate") != 0; /* somebody followed a link */
}

/* ---- who has sent it ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* At most `size` - 1 bytes, ending in NUL; what is no digit ends it. */
static void decode_base64(const char *text, char *out, size_t size)
{
    unsigned bits = 0, n_bits = 0;
    size_t n = 0;

    for (int digit; (digit = base64_digit(*text)) >= 0 && n + 1 < size; text++) {
        bits = (bits << 6 | (unsigned)digit) & 0xffff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (char)(bits >> n_bits & 0xff);
        }
    }
    out[n] = '\0';
}

/* In a time that says nothing about where they differ. */
static bool is_same_token(const char *given, const char *token)
{
    size_t length = strlen(token);
    size_t n = strlen(given);
    unsigned difference = n != length;

    for (size_t i = 0; i < length; i++)
        difference |= (unsigned)((unsigned char)token[i] ^ (unsigned char)(i < n ? given[i] : 0));
    return difference == 0;
}

/* As a browser sends a password (whatever the user's name), or as a program does. */
static bool has_token(const struct http_request *request, const char *token)
{
    const char *given = only_value(request, "Authorization");
    char pair[MOST_CREDENTIALS];
    const char *password;

    if (!given)
        return false;
    if (strncasecmp(given, "Bearer ", 7) == 0)
        return is_same_token(given + 7, token);
    if (strncasecmp(given, "Basic ", 6) != 0)
        return false;
    decode_base64(given + 6, pair, sizeof(pair));
    password = strchr(pair, ':');
    return password && is_same_token(password + 1, token);
}

int web_guard_judge(const struct http_request *request, const char *token, const char **ret_sentence)
{
    const char *host = only_value(request, "Host");

    if (!host) {
        *ret_sentence = "one Host must be named";
        return 400;
    }
    if (!*token && !is_nobodys_name(host)) {
        *ret_sentence = "by this name nothing is served here: ask by an address or as localhost, or set a "
                        "token (webTokenFile)";
        return 403;
    }
    if (is_of_another_site(request)) {
        *ret_sentence = "other sites' pages read nothing here";
        return 403;
    }
    if (*token && !has_token(request, token)) {
        *ret_sentence = "the token is missing or another one: it is the password, whatever the user's name";
        return 401;
    }
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        *ret_sentence = "this is only read: GET or HEAD";
        return 405;
    }
    if (request->content_length > 0) {
        *ret_sentence = "what reads has no body";
        return 400;
    }
    return 0;
}
