/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int store(struct error *error, int number, const char *text)
{
    number = abs(number);
    if (error) {
        *error = (struct error){.number = number};
        (void)snprintf(error->message, sizeof(error->message), "%s", text);
    }
    return -number;
}

int error_set(struct error *error, int number, const char *format, ...)
{
    char text[sizeof(error->message)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return store(error, number, text);
}

int error_errno(struct error *error, int number, const char *format, ...)
{
    char text[sizeof(error->message) / 2];
    char whole[sizeof(error->message)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(whole, sizeof(whole), "%s: %s", text, strerror(abs(number)));
    return store(error, number, whole);
}

static void build_message(struct error *error)
{
    (void)snprintf(error->message, sizeof(error->message), "%s%s\"%s\" is not allowed; allowed: %s",
                   error->field, error->field[0] ? ": " : "", error->value, error->allowed);
}

__attribute__((format(printf, 5, 0))) static int store_input(struct error *error, int number,
                                                             const char *field, const char *value,
                                                             const char *format, va_list arguments)
{
    number = abs(number);
    if (!error)
        return -number;
    *error = (struct error){.number = number};
    (void)snprintf(error->field, sizeof(error->field), "%s", field);
    (void)snprintf(error->value, sizeof(error->value), "%s", value ? value : "");
    (void)vsnprintf(error->allowed, sizeof(error->allowed), format, arguments);
    /* What is echoed to a terminal and into logs stays one printable line. */
    for (char *c = error->value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    build_message(error);
    return -number;
}

int error_input(struct error *error, const char *field, const char *value, const char *format, ...)
{
    va_list arguments;
    int r;

    va_start(arguments, format);
    r = store_input(error, EINVAL, field, value, format, arguments);
    va_end(arguments);
    return r;
}

int error_refused(struct error *error, int number, const char *field, const char *value, const char *format,
                  ...)
{
    va_list arguments;
    int r;

    va_start(arguments, format);
    r = store_input(error, number, field, value, format, arguments);
    va_end(arguments);
    return r;
}

void error_prefix_field(struct error *error, const char *prefix)
{
    char field[sizeof(error->field)];

    if (!error || !error->allowed[0])
        return;
    (void)snprintf(field, sizeof(field), "%s%s%.100s", prefix, error->field[0] ? "." : "", error->field);
    memcpy(error->field, field, sizeof(field));
    build_message(error);
}
