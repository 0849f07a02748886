/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/error_code.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
    const char *name;
    int status;
    const char *reason;
} rows[ERROR_CODE_MAX] = {
    [ERROR_CODE_INVALID_VALUE] = {"InvalidValue", 400, "Bad Request"},
    [ERROR_CODE_MISSING_VALUE] = {"MissingValue", 400, "Bad Request"},
    [ERROR_CODE_UNKNOWN_MEMBER] = {"UnknownMember", 400, "Bad Request"},
    [ERROR_CODE_INVALID_JSON] = {"InvalidJson", 400, "Bad Request"},
    [ERROR_CODE_PERMISSION_DENIED] = {"PermissionDenied", 403, "Forbidden"},
    [ERROR_CODE_NOT_FOUND] = {"NotFound", 404, "Not Found"},
    [ERROR_CODE_METHOD_NOT_ALLOWED] = {"MethodNotAllowed", 405, "Method Not Allowed"},
    [ERROR_CODE_CONFLICT] = {"Conflict", 409, "Conflict"},
    [ERROR_CODE_TOO_LARGE] = {"TooLarge", 413, "Payload Too Large"},
    [ERROR_CODE_INTERNAL] = {"Internal", 500, "Internal Error"},
    [ERROR_CODE_UNAVAILABLE] = {"Unavailable", 503, "Service Unavailable"},
    [ERROR_CODE_TIMED_OUT] = {"TimedOut", 504, "Gateway Timeout"},
    [ERROR_CODE_LIMIT_EXCEEDED] = {"LimitExceeded", 507, "Insufficient Storage"},
    [ERROR_CODE_USAGE] = {"Usage", 0, ""},
    [ERROR_CODE_UNREACHABLE] = {"Unreachable", 0, ""},
};

static const struct {
    int number;
    enum error_code code;
} numbers[] = {
    {EINVAL, ERROR_CODE_INVALID_VALUE},
    {EACCES, ERROR_CODE_PERMISSION_DENIED},
    {EPERM, ERROR_CODE_PERMISSION_DENIED},
    {ENOENT, ERROR_CODE_NOT_FOUND},
    {ENOTSUP, ERROR_CODE_METHOD_NOT_ALLOWED},
    {EEXIST, ERROR_CODE_CONFLICT},
    {EBUSY, ERROR_CODE_CONFLICT},
    {EFBIG, ERROR_CODE_TOO_LARGE},
    {EAGAIN, ERROR_CODE_UNAVAILABLE},
    {ENOTCONN, ERROR_CODE_UNAVAILABLE},
    {ENOLCK, ERROR_CODE_UNAVAILABLE},
    {ECANCELED, ERROR_CODE_UNAVAILABLE},
    {ETIMEDOUT, ERROR_CODE_TIMED_OUT},
    {ENOSPC, ERROR_CODE_LIMIT_EXCEEDED},
    {E2BIG, ERROR_CODE_LIMIT_EXCEEDED},
};

enum error_code error_code_of(const struct error *error)
{
    if (error->code != ERROR_CODE_BY_NUMBER)
        return error->code;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (numbers[i].number == error->number)
            return numbers[i].code;
    return ERROR_CODE_INTERNAL;
}

const char *error_code_name(enum error_code code)
{
    return code < ERROR_CODE_MAX && rows[code].name ? rows[code].name : rows[ERROR_CODE_INTERNAL].name;
}

int error_code_status(enum error_code code)
{
    return code < ERROR_CODE_MAX ? rows[code].status : rows[ERROR_CODE_INTERNAL].status;
}

const char *error_code_reason(enum error_code code)
{
    return code < ERROR_CODE_MAX && rows[code].reason ? rows[code].reason : rows[ERROR_CODE_INTERNAL].reason;
}
