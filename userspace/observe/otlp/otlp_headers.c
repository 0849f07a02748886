/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp_headers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "observe/secret_file.h"

#define HEADERS_BYTES 8192

static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

/* Those that say how the request is sent are not for others to set. */
static bool is_name_free(const char *line, size_t length)
{
    static const char *const taken[] = {"Host",   "Content-Type", "Content-Length",   "Content-Encoding",
                                        "Expect", "Connection",   "Transfer-Encoding"};

    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        if (strlen(taken[i]) == length && strncasecmp(taken[i], line, length) == 0)
            return false;
    return true;
}

static bool is_header(const char *line)
{
    size_t length = strspn(line, token);
    const char *value = line + length;

    if (length == 0 || *value++ != ':' || !is_name_free(line, length))
        return false;
    for (const char *next = value; *next; next++)
        if ((*next < ' ' || *next > '~') && *next != '\t')
            return false;
    return value[strspn(value, " \t")] != '\0';
}

int otlp_headers_parse(char *text, const char *path, struct otlp_headers *ret_headers, struct error *error)
{
    struct otlp_headers headers = {.text = text};
    unsigned number = 0;
    char *rest = text, *line;

    while ((line = strsep(&rest, "\n"))) {
        size_t length = strlen(line);

        number++;
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        if (!is_header(line) || headers.n == OTLP_HEADERS_MOST) {
            otlp_headers_done(&headers);
            return error_set(error, EINVAL,
                             "otlp.headersFile: line %u of %s must be \"Name: value\" in visible ASCII, of a "
                             "header that does not say how the request is sent; at most %d of them",
                             number, path, OTLP_HEADERS_MOST);
        }
        headers.lines[headers.n++] = line;
    }
    *ret_headers = headers;
    return 0;
}

int otlp_headers_read(const char *path, struct otlp_headers *ret_headers, struct error *error)
{
    char *text = NULL;
    int r = secret_file_read("otlp.headersFile", path, HEADERS_BYTES, &text, error);

    return r < 0 ? r : otlp_headers_parse(text, path, ret_headers, error);
}

void otlp_headers_done(struct otlp_headers *headers)
{
    free(headers->text);
    *headers = (struct otlp_headers){0};
}
