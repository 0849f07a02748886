/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/names.h"

#include <ctype.h>
#include <string.h>

#include "base/address.h"

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int model_check_namespace(const char *field, const char *name, struct error *error)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (name[i] <= ' ' || name[i] > '~' || strchr("<>\"/", name[i]))
            length = 0;
    if (length < 1 || length > MODEL_NAMESPACE_MAX)
        return error_input(error, field, name, "1 to %d printable characters without space and < > \" /",
                           MODEL_NAMESPACE_MAX);
    return 0;
}

int model_check_service(const char *field, const char *name, struct error *error)
{
    size_t length = strlen(name);

    if (length < 1 || length > MODEL_SERVICE_MAX || name[0] == '-' || name[0] == '.' ||
        strspn(name, LETTERS_DIGITS "_-.") != length)
        return error_input(error, field, name,
                           "1 to %d letters, digits, _ - and . beginning with a letter, a digit or _",
                           MODEL_SERVICE_MAX);
    return 0;
}

int model_check_instance_id(const char *field, const char *id, struct error *error)
{
    size_t length = strlen(id);

    if (length < 1 || length > MODEL_INSTANCE_MAX || strspn(id, LETTERS_DIGITS "_/:.@-") != length)
        return error_input(error, field, id, "1 to %d letters, digits and _ / : . @ -", MODEL_INSTANCE_MAX);
    return 0;
}

static int is_dns_name(const char *name)
{
    struct ip_address address;
    size_t label = 0;

    if (strlen(name) > MODEL_DNS_NAME_MAX || name[0] == '-' || ip_address_parse(name, &address) == 0)
        return 0;
    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label < 1 || label > 63)
                return 0;
            if (*c == '\0')
                return 1;
            label = 0;
        } else if (islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_' || *c == '-') {
            label++;
        } else {
            return 0;
        }
    }
}

int model_check_dns_name(const char *field, char *name, struct error *error)
{
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    if (!is_dns_name(name))
        return error_input(error, field, name,
                           "a DNS name of at most %d characters: labels of 1 to 63 lower-case letters, digits, _ and -",
                           MODEL_DNS_NAME_MAX);
    return 0;
}
