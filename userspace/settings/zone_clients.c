/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "settings/zone_clients.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

static const char zone_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/";

bool zone_name_is_good(const char *name, size_t length)
{
    size_t i = 0;

    while (i < length && name[i] && strchr(zone_characters, name[i]))
        i++;
    return length > 0 && length <= ZONE_NAME_MAX && i == length;
}

static bool is_named_before(const struct zone_clients *zones, size_t n, const char *name, size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (zones[i].length == length && memcmp(zones[i].name, name, length) == 0)
            return true;
    return false;
}

/* "NAME=NUMBER" of so many characters. */
static int zone_clients_parse_one(const char *text, size_t length, struct zone_clients *ret_zone)
{
    const char *mark = memchr(text, '=', length);
    char digits[16];
    uint64_t number;
    size_t n;

    if (!mark || !zone_name_is_good(text, (size_t)(mark - text)))
        return -EINVAL;
    n = length - (size_t)(mark + 1 - text);
    if (n >= sizeof(digits))
        return -EINVAL;
    memcpy(digits, mark + 1, n);
    digits[n] = '\0';
    if (parse_number(digits, 0, ZONE_CLIENTS_NUMBER, &number) < 0)
        return -EINVAL;
    *ret_zone = (struct zone_clients){text, (size_t)(mark - text), (uint32_t)number};
    return 0;
}

int zone_clients_parse(const char *text, struct zone_clients ret_zones[static ZONE_CLIENTS_ZONES],
                       size_t *ret_n)
{
    uint64_t all = 0;
    size_t n = 0;

    for (;;) {
        size_t length = strcspn(text, ",");

        if (n == ZONE_CLIENTS_ZONES || zone_clients_parse_one(text, length, &ret_zones[n]) < 0 ||
            is_named_before(ret_zones, n, ret_zones[n].name, ret_zones[n].length))
            return -EINVAL;
        all += ret_zones[n++].number;
        if (!text[length])
            break;
        text += length + 1;
    }
    if (all == 0)
        return -EINVAL;
    *ret_n = n;
    return 0;
}
