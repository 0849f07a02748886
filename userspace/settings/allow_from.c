/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "settings/allow_from.h"

#include <string.h>

#define NAME_MAX_SERVICE   255 /* what a task's service goes by */
#define NAME_MAX_NAMESPACE 1024

static const char service_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* As model_check_namespace(), but for the comma, which ends it here. */
static bool is_namespace_character(char c)
{
    return c > ' ' && c < 0x7f && c != ',';
}

static bool is_caller_name(const char *name, size_t length)
{
    size_t i = 0;

    while (i < length && strchr(service_characters, name[i]))
        i++;
    return length > 0 && length <= NAME_MAX_SERVICE && i == length;
}

static bool is_any_caller(const char *name, size_t length)
{
    return length == 1 && *name == '*';
}

static bool is_caller_pattern(const char *text, size_t length)
{
    const char *slash = memrchr(text, '/', length); /* a namespace's name may have some of its own */
    size_t before = slash ? (size_t)(slash - text) : 0;
    const char *name = slash ? slash + 1 : text;
    size_t name_length = slash ? length - before - 1 : length;

    if (slash && (before == 0 || before > NAME_MAX_NAMESPACE))
        return false;
    for (size_t i = 0; i < before; i++)
        if (!is_namespace_character(text[i]))
            return false;
    return is_any_caller(name, name_length) || is_caller_name(name, name_length);
}

bool allow_from_is_good(const char *text)
{
    if (strcmp(text, "none") == 0)
        return true;
    if (strlen(text) >= ALLOW_FROM_SIZE)
        return false;
    for (size_t n = 0;; n++) {
        size_t length = strcspn(text, ",");

        if (n == ALLOW_FROM_CLIENTS || !is_caller_pattern(text, length) ||
            (length == 4 && memcmp(text, "none", 4) == 0))
            return false;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

static bool is_same_name(const char *name, const char *text, size_t length)
{
    return strncmp(name, text, length) == 0 && !name[length];
}

static bool admits_one(const char *text, size_t length, const char *namespace_name,
                       const struct caller *caller)
{
    const char *slash = memrchr(text, '/', length);
    const char *name = slash ? slash + 1 : text;
    size_t name_length = length - (size_t)(name - text);
    bool is_there = slash ? is_same_name(caller->namespace_name, text, (size_t)(slash - text))
                          : strcmp(caller->namespace_name, namespace_name) == 0;

    return is_there && (is_any_caller(name, name_length) ||
                        (*caller->service && is_same_name(caller->service, name, name_length)));
}

bool allow_from_admits(const char *text, const char *namespace_name, const struct caller *caller)
{
    if (!text)
        return true;
    if (strcmp(text, "none") == 0)
        return false;
    for (;;) {
        size_t length = strcspn(text, ",");

        if (admits_one(text, length, namespace_name, caller))
            return true;
        if (!text[length])
            return false;
        text += length + 1;
    }
}

enum svc_policy_verdict caller_verdict(const struct caller_rule *rules, size_t n, bool is_any,
                                       const struct caller *caller)
{
    size_t n_admit = 0;
    size_t n_audit = 0; /* of those that do not */

    for (size_t i = 0; i < n; i++) {
        if (allow_from_admits(rules[i].allow_from, rules[i].namespace_name, caller))
            n_admit++;
        else
            n_audit += rules[i].is_audit;
    }
    if (is_any ? n_admit > 0 || n == 0 : n_admit == n)
        return POLICY_ALLOWED;
    return (is_any ? n_audit > 0 : n_admit + n_audit == n) ? POLICY_AUDITED : POLICY_REFUSED;
}
