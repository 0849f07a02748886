/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define FORM_TYPE   "application/x-www-form-urlencoded"
#define XMLNS       "https://sts.amazonaws.com/doc/2011-06-15/"
#define MAX_FORM    4096 /* bytes: what is served takes two short members */
#define MAX_MEMBERS 16

bool aws_query_is(const struct http_request *http)
{
    const char *type = http_request_header(http, "content-type");

    return type && strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE)) == 0;
}

/* ---- forms ---- */

static int form_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 'a' ^ 'A';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* In place. A byte 0 would end the text early, and is no text. */
static int form_decode(char *text)
{
    char *to = text;

    for (; *text; text++) {
        int high, low;

        if (*text != '%') {
            *to++ = *text == '+' ? ' ' : *text;
            continue;
        }
        high = form_digit(text[1]);
        low = high < 0 ? -1 : form_digit(text[2]);
        if (low < 0 || high * 16 + low == 0)
            return -EINVAL;
        *to++ = (char)(high * 16 + low);
        text += 2;
    }
    *to = '\0';
    return 0;
}

int aws_query_parse(const void *body, size_t length, cJSON **ret_form, struct aws_error *error)
{
    char text[MAX_FORM + 1];
    char *rest = text;
    char *member;
    cJSON *form;
    int n = 0;

    if (length > MAX_FORM || memchr(body, '\0', length))
        return aws_fail(error, "MalformedQueryString", "A form of at most %d bytes is wanted.", MAX_FORM);
    memcpy(text, body, length);
    text[length] = '\0';
    form = cJSON_CreateObject();
    while (form && (member = strsep(&rest, "&"))) {
        char *value = strchr(member, '=');

        if (value)
            *value++ = '\0';
        if (++n > MAX_MEMBERS || form_decode(member) < 0 || (value && form_decode(value) < 0)) {
            cJSON_Delete(form);
            return aws_fail(error, "MalformedQueryString",
                            "A form of at most %d members NAME=VALUE is wanted.", MAX_MEMBERS);
        }
        if (*member && !cJSON_GetObjectItemCaseSensitive(form, member))
            (void)cJSON_AddStringToObject(form, member, value ? value : "");
    }
    if (!form)
        return aws_fail(error, AWS_INTERNAL, "out of memory");
    *ret_form = form;
    return 0;
}

/* ---- XML ---- */

static void query_escape(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        default: /* other control characters than these are in no XML */
            (void)fputc((unsigned char)*text >= ' ' || strchr("\t\n", *text) ? *text : '?', out);
        }
}

static void query_element(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, "<%s>", name);
    query_escape(out, text);
    (void)fprintf(out, "</%s>", name);
}

static char *query_close(FILE *out, char **text)
{
    bool is_whole = !ferror(out);

    if (fclose(out) == 0 && is_whole)
        return *text;
    free(*text);
    return NULL;
}

char *aws_query_print(const char *operation, const cJSON *answer)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const cJSON *item;

    if (!out)
        return NULL;
    (void)fprintf(out, "<%sResponse xmlns=\"" XMLNS "\"><%sResult>", operation, operation);
    cJSON_ArrayForEach (item, answer)
        query_element(out, item->string, item->valuestring);
    (void)fprintf(out, "</%sResult></%sResponse>", operation, operation);
    return query_close(out, &text);
}

char *aws_query_error(const struct aws_error *error)
{
    bool is_ours =
        error->type && (strcmp(error->type, AWS_INTERNAL) == 0 || strcmp(error->type, AWS_UNAVAILABLE) == 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    (void)fputs("<ErrorResponse xmlns=\"" XMLNS "\"><Error>", out);
    query_element(out, "Type", is_ours ? "Receiver" : "Sender");
    query_element(out, "Code", error->type ? error->type : AWS_INTERNAL);
    query_element(out, "Message", error->message);
    (void)fputs("</Error></ErrorResponse>", out);
    return query_close(out, &text);
}
