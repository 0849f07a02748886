/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rule for names that DNS clients ask for: letters, digits, _ and -, in labels. */
#include "base/dns_name.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"

bool dns_name_is_labels(const char *name, const char *allowed, bool may_dash_stand_last)
{
    size_t label = 0;

    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label < 1 || label > 63 || (!may_dash_stand_last && c[-1] == '-'))
                return false;
            if (*c == '\0')
                return true;
            label = 0;
        } else if (strchr(allowed, *c) && (label > 0 || *c != '-')) {
            label++;
        } else {
            return false;
        }
    }
}

void dns_name_fold(char *name)
{
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

int dns_name_check(const char *field, char *name, struct error *error)
{
    struct ip_address address;

    dns_name_fold(name);
    if (strlen(name) > DNS_NAME_MAX || ip_address_parse(name, &address) == 0 ||
        !dns_name_is_labels(name, "abcdefghijklmnopqrstuvwxyz0123456789_-", true))
        return error_input(error, field, name,
                           "a DNS name of at most %d characters: labels of 1 to 63 lower-case letters, "
                           "digits, _ and - (not first)",
                           DNS_NAME_MAX);
    return 0;
}
