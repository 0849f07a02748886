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

/* Digits, or what begins as a hexadecimal number does. */
static bool is_number(const char *label, size_t length)
{
    if (length >= 2 && label[0] == '0' && label[1] == 'x')
        return strspn(label + 2, "0123456789abcdef") >= length - 2;
    return strspn(label, "0123456789") >= length;
}

bool dns_name_is_number(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, ".");

        if (!is_number(name, length))
            return false;
        if (name[length] == '\0')
            return true;
        name += length + 1;
    }
}

bool dns_name_is_stored_form(char *name)
{
    struct ip_address address;

    dns_name_fold(name);
    return strlen(name) <= DNS_NAME_MAX && ip_address_parse(name, &address) < 0 &&
           dns_name_is_labels(name, "abcdefghijklmnopqrstuvwxyz0123456789_-", true);
}

int dns_name_check(const char *field, char *name, struct error *error)
{
    if (!dns_name_is_stored_form(name) || dns_name_is_number(name))
        return error_input(
            error, field, name,
            "a DNS name of at most %d characters: labels of 1 to 63 lower-case letters, "
            "digits, _ and - (not first), joined by dots; no IP address in any form (10, 127.1, "
            "0x7f.1)",
            DNS_NAME_MAX);
    return 0;
}
