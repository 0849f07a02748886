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

/* One sentence for each kind of refusal: what is wrong, and what would be right. */
static void build_message(struct error *error)
{
    const char *field = error->field, *between = error->field[0] ? ": " : "";
    const enum error_code code = error_code_of(error);
    char question[sizeof(error->meant) + 24] = "";

    if (error->meant[0])
        (void)snprintf(question, sizeof(question), " (did you mean \"%s\"?)", error->meant);
    if (code == ERROR_CODE_MISSING_VALUE)
        (void)snprintf(error->message, sizeof(error->message), "%s is missing; wanted: %s", field,
                       error->allowed);
    else if (code == ERROR_CODE_UNKNOWN_MEMBER)
        (void)snprintf(error->message, sizeof(error->message),
                       "\"%s\" is no member that is known here%s; known: %s", field, question,
                       error->allowed);
    else if (code == ERROR_CODE_NOT_FOUND)
        (void)snprintf(error->message, sizeof(error->message), "%s%sthere is no \"%s\"%s; wanted: %s", field,
                       between, error->value, question, error->allowed);
    else if (code == ERROR_CODE_CONFLICT)
        (void)snprintf(error->message, sizeof(error->message),
                       "%s%s\"%s\" is in conflict with what is there; wanted: %s", field, between,
                       error->value, error->allowed);
    else
        (void)snprintf(error->message, sizeof(error->message), "%s%s\"%s\" is not allowed%s; allowed: %s",
                       field, between, error->value, question, error->allowed);
}

static void error_make_printable(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

__attribute__((format(printf, 5, 0))) static int store_input(struct error *error, int number,
                                                             const char *field, const char *value,
                                                             const char *format, va_list arguments)
{
    number = abs(number);
    if (!error)
        return -number;
    *error = (struct error){.number = number};
    if (number == EINVAL && value && *field && strcmp(value, ERROR_MISSING) == 0)
        error->code = ERROR_CODE_MISSING_VALUE;
    (void)snprintf(error->field, sizeof(error->field), "%s", field);
    (void)snprintf(error->value, sizeof(error->value), "%s", value ? value : "");
    (void)vsnprintf(error->allowed, sizeof(error->allowed), format, arguments);
    /* What is echoed to a terminal and into logs stays one printable line. */
    error_make_printable(error->field);
    error_make_printable(error->value);
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

int error_unknown_member(struct error *error, const char *field, const char *allowed)
{
    (void)error_input(error, field, "(unknown member)", "%s", *allowed ? allowed : "none");
    if (error) {
        error->code = ERROR_CODE_UNKNOWN_MEMBER;
        build_message(error);
    }
    return -EINVAL;
}

int error_meant(struct error *error, const char *meant)
{
    if (error && meant && error->allowed[0]) {
        (void)snprintf(error->meant, sizeof(error->meant), "%s", meant);
        error_make_printable(error->meant);
        build_message(error);
    }
    return error ? -error->number : -EINVAL;
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
