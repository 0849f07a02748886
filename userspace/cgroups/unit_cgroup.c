/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/unit_cgroup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Of unit names, by systemd.unit(5). */
#define UNIT_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"
#define UNIT_MAX        255

static bool has_suffix(const char *unit)
{
    static const char *const suffixes[] = {".service", ".scope", ".slice"};
    size_t length = strlen(unit);

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        size_t n = strlen(suffixes[i]);

        if (length > n && strcmp(unit + length - n, suffixes[i]) == 0)
            return true;
    }
    return false;
}

/* The template's name as a part of a slice's, where "-" has a meaning of its own. */
static int write_template_slice(const char *unit, size_t length, char *ret_text, size_t size)
{
    size_t n = (size_t)snprintf(ret_text, size, "system-");

    for (size_t i = 0; i < length; i++) {
        int more = snprintf(ret_text + n, size - n, "%s%.*s", unit[i] == '-' ? "\\x2d" : "", unit[i] != '-',
                            unit + i);

        n += (size_t)more;
        if (n >= size)
            return -ENAMETOOLONG;
    }
    return snprintf(ret_text + n, size - n, ".slice/") < (int)(size - n) ? 0 : -ENAMETOOLONG;
}

int unit_cgroup(const char *unit, char *ret_path, size_t size)
{
    const char *at = strchr(unit, '@');
    char slice[UNIT_MAX * 4 + 32] = "";
    int length;

    if (!*unit || *unit == '.' || *unit == '@' || strlen(unit) > UNIT_MAX ||
        strspn(unit, UNIT_CHARACTERS) != strlen(unit))
        return -EINVAL;
    if (at && write_template_slice(unit, (size_t)(at - unit), slice, sizeof(slice)) < 0)
        return -ENAMETOOLONG;
    length =
        snprintf(ret_path, size, "/system.slice/%s%s%s", slice, unit, has_suffix(unit) ? "" : ".service");
    return length >= 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}
