/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "http/request.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"

size_t http_request_head_length(const char *bytes, size_t length)
{
    const char *end = length >= 4 ? memmem(bytes, length, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - bytes) + 4 : 0;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static bool is_token(const char *text)
{
    static const char letters[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return *text && text[strspn(text, letters)] == '\0';
}

/* Ends the line at its CRLF and returns what follows; NULL: a bare CR or LF, or a control character. */
static char *end_line(char *line)
{
    for (; *line; line++) {
        unsigned char c = (unsigned char)*line;

        if (c == '\r') {
            if (line[1] != '\n')
                return NULL;
            *line = '\0';
            return line + 2;
        }
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return NULL;
    }
    return NULL;
}

/* "http://host:port/path?query", as a proxy gets it, or "/path?query". */
static int request_parse_target(char *target, struct http_request *request)
{
    char *query;

    if (strncasecmp(target, "http://", 7) == 0) {
        target += 7;
        if (!*target || strchr("/?#", *target))
            return 400;
        target += strcspn(target, "/?#");
    } else if (*target != '/') {
        return 400;
    }
    if (strchr(target, '#'))
        return 400;
    query = strchr(target, '?');
    request->query = query ? query + 1 : "";
    if (query)
        *query = '\0';
    request->path = *target ? target : "/";
    return 0;
}

static int parse_request_line(char *line, struct http_request *request)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    if (!is_token(line))
        return 400;
    request->method = line;
    if (strcmp(version, "HTTP/1.1") == 0)
        request->keeps_alive = request->takes_chunks = true;
    else if (strcmp(version, "HTTP/1.0") != 0)
        return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
    return request_parse_target(target, request);
}

static int parse_header(char *line, struct http_request *request)
{
    char *colon = strchr(line, ':');
    char *value;
    size_t length;

    if (!colon)
        return 400;
    *colon = '\0';
    if (!is_token(line))
        return 400;
    if (request->n_headers == HTTP_MAX_HEADERS)
        return 431;
    value = colon + 1 + strspn(colon + 1, " \t");
    length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        value[--length] = '\0';
    request->headers[request->n_headers++] = (struct http_header){line, value};
    return 0;
}

/* What the fields say about the message itself. */
static int request_judge(struct http_request *request)
{
    bool has_length = false;

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];

        if (strcasecmp(header->name, "content-length") == 0) {
            uint64_t length;

            if (has_length || parse_number(header->value, 0, (uint64_t)1 << 40, &length) < 0)
                return 400;
            has_length = true;
            request->content_length = (size_t)length;
        } else if (strcasecmp(header->name, "transfer-encoding") == 0) {
            return 501;
        } else if (strcasecmp(header->name, "connection") == 0) {
            if (strcasecmp(header->value, "close") == 0)
                request->keeps_alive = false;
            else if (strcasecmp(header->value, "keep-alive") == 0)
                request->keeps_alive = true;
        } else if (strcasecmp(header->name, "expect") == 0) {
            request->expects_continue = strcasecmp(header->value, "100-continue") == 0;
        }
    }
    return !has_length && strcmp(request->method, "POST") == 0 ? 411 : 0;
}

int http_request_parse(char *head, size_t length, struct http_request *ret_request)
{
    char *line = head;
    char *next;
    int status;

    *ret_request = (struct http_request){0};
    head[length] = '\0';
    if (strlen(head) != length)
        return 400;
    next = end_line(line);
    status = next ? parse_request_line(line, ret_request) : 400;
    while (status == 0) {
        line = next;
        next = end_line(line);
        if (!next)
            return 400;
        if (!*line)
            return *next ? 400 : request_judge(ret_request);
        status = parse_header(line, ret_request);
    }
    return status;
}
