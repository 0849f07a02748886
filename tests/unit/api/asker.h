/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A client of the control socket who never blocks, and a look into the answers. Included after cmocka.h. */
#pragma once

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

/* Somebody at the other end, who never blocks. */
struct asker {
    int fd;
    struct event_base *base; /* of the server, which is turned while it takes in what is sent */
    char text[65536];        /* what came and was not taken yet, ending in NUL */
    size_t length;
};

static inline void asker_leave(struct asker *asker)
{
    (void)close(asker->fd);
    free(asker);
}

/* A body as it is sent: of ' is made ", and of ` what is a " within a text. */
static inline char *body_from(const char *text)
{
    char *body = malloc(2 * strlen(text) + 1);
    char *to = body;

    assert_non_null(body);
    for (; *text; text++) {
        if (*text == '`')
            *to++ = '\\';
        *to++ = *text == '`' || *text == '\'' ? '"' : *text;
    }
    *to = '\0';
    return body;
}

/* `what`: "POST /v1/instances"; `text`: the body, "" for none. */
static inline void asker_send(struct asker *asker, const char *what, const char *text)
{
    _cleanup_free_ char *body = body_from(text);
    char *request = NULL;
    int length = asprintf(&request, "%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", what,
                          strlen(body), body);

    assert_true(length > 0);
    for (int sent = 0; sent < length;) {
        ssize_t n = send(asker->fd, request + sent, (size_t)(length - sent), MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (int)n : 0;
        if (n < 0)
            (void)event_base_loop(asker->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    free(request);
}

static inline void asker_receive(struct asker *asker)
{
    size_t room = sizeof(asker->text) - 1 - asker->length;
    ssize_t n = recv(asker->fd, asker->text + asker->length, room, 0);

    assert_true(room > 0);
    if (n > 0)
        asker->length += (size_t)n;
    asker->text[asker->length] = '\0';
}

static inline bool asker_has_any(struct asker *asker)
{
    asker_receive(asker);
    return asker->length > 0;
}

static inline bool asker_hears(struct asker *asker, const char *part)
{
    asker_receive(asker);
    return strstr(asker->text, part);
}

/* Of a body in chunks: its end, with the text put together at its beginning; NULL: not all of it is there. */
static inline char *join_chunks(char *body, const char *end, bool is_kept, size_t *ret_length)
{
    char *at = body;

    *ret_length = 0;
    for (;;) {
        char *line = strstr(at, "\r\n");
        size_t length = line ? strtoul(at, NULL, 16) : 0;

        if (!line || (size_t)(end - line) < length + 4)
            return NULL;
        if (is_kept)
            memmove(body + *ret_length, line + 2, length);
        *ret_length += length;
        at = line + 2 + length + 2;
        if (length == 0)
            return at;
    }
}

/* Where the body of the first answer ends; NULL: it is not there yet. */
static inline char *body_end(struct asker *asker, char *body, bool is_kept, size_t *ret_length)
{
    const char *length = strcasestr(asker->text, "\r\nContent-Length:");

    if (length && length < body) {
        *ret_length = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        return body + *ret_length <= asker->text + asker->length ? body + *ret_length : NULL;
    }
    return join_chunks(body, asker->text + asker->length, is_kept, ret_length);
}

static inline bool asker_has_answer(struct asker *asker)
{
    char *body;
    size_t length;

    asker_receive(asker);
    body = strstr(asker->text, "\r\n\r\n");
    return body && body_end(asker, body + 4, false, &length);
}

/* The first answer, which is there: its status, and its body where it is JSON; the caller's. */
static inline cJSON *asker_take(struct asker *asker, int *ret_status)
{
    char *body = strstr(asker->text, "\r\n\r\n") + 4;
    size_t length = 0;
    char *end = body_end(asker, body, true, &length);
    cJSON *json = cJSON_ParseWithLength(body, length);

    assert_int_equal(sscanf(asker->text, "HTTP/1.1 %d", ret_status), 1);
    asker->length -= (size_t)(end - asker->text);
    memmove(asker->text, end, asker->length + 1);
    return json;
}

/* ---- looking into answers ---- */

/* "targets.0.service"; NULL. */
static inline const cJSON *json_at(const cJSON *json, const char *path)
{
    char parts[128];
    char *rest = NULL;

    (void)snprintf(parts, sizeof(parts), "%s", path);
    for (char *part = strtok_r(parts, ".", &rest); part && json; part = strtok_r(NULL, ".", &rest))
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(part))
                                   : cJSON_GetObjectItemCaseSensitive(json, part);
    return json;
}

/* Of a list, the first item of which `member` is the text; NULL. */
static inline const cJSON *json_item(const cJSON *list, const char *member, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        const char *found = cJSON_GetStringValue(json_at(item, member));

        if (found && strcmp(found, text) == 0)
            return item;
    }
    return NULL;
}

/* `wanted`: JSON with ' for "; "" for nothing there. */
static inline void json_expect(const cJSON *json, const char *path, const char *wanted)
{
    const cJSON *item = json_at(json, path);
    char *found = item ? cJSON_PrintUnformatted(item) : strdup("");

    for (char *c = found; *c; c++)
        if (*c == '"')
            *c = '\'';
    if (strcmp(found, wanted) != 0)
        fail_msg("%s is %s, not %s", path, found, wanted);
    free(found);
}

/* The refusal names this member, and its sentence has this part, or this is the value. */
static inline void json_expect_error(const char *what, const cJSON *answer, const char *field,
                                     const char *part)
{
    const char *found = cJSON_GetStringValue(json_at(answer, "error.field"));
    const char *message = cJSON_GetStringValue(json_at(answer, "error.message"));
    const char *value = cJSON_GetStringValue(json_at(answer, "error.value"));

    if (!message || (field && (!found || strcmp(found, field) != 0)) || (!field && found) ||
        (!strstr(message, part) && (!value || strcmp(value, part) != 0)))
        fail_msg("%s: field \"%s\", not \"%s\": %s (wanted: %s)", what, found ? found : "(none)",
                 field ? field : "(none)", message ? message : "(no error)", part);
}
