/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What kind of thing has gone wrong, by a name that programs may rely on: sentences get better, codes stay.
 * The one place that declares them; docs/api.md has the same list, which a test compares.
 */
#pragma once

enum error_code {
    ERROR_CODE_BY_NUMBER, /* what the error's number stands for */
    ERROR_CODE_INVALID_VALUE,
    ERROR_CODE_MISSING_VALUE,
    ERROR_CODE_UNKNOWN_MEMBER,
    ERROR_CODE_INVALID_JSON,
    ERROR_CODE_PERMISSION_DENIED,
    ERROR_CODE_NOT_FOUND,
    ERROR_CODE_METHOD_NOT_ALLOWED,
    ERROR_CODE_CONFLICT,
    ERROR_CODE_TOO_LARGE,
    ERROR_CODE_INTERNAL,
    ERROR_CODE_UNAVAILABLE,
    ERROR_CODE_TIMED_OUT,
    ERROR_CODE_LIMIT_EXCEEDED,
    ERROR_CODE_USAGE,       /* of the command line alone */
    ERROR_CODE_UNREACHABLE, /* of the command line alone */
    ERROR_CODE_MAX,
};

struct error;

/* Of an error whose number is set: its own, or that of its number. Never ERROR_CODE_BY_NUMBER. */
enum error_code error_code_of(const struct error *error);

/* "NotFound". */
const char *error_code_name(enum error_code code);

/* The status of HTTP that an answer with it has, and that status in words; 0: no answer has it. */
int error_code_status(enum error_code code);
const char *error_code_reason(enum error_code code);
