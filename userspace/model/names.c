/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/dns_name.h"
#include "base/number.h"

int model_check_namespace(const char *field, const char *name, struct error *error)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (name[i] <= ' ' || name[i] > '~')
            length = 0;
    if (length < 1 || length > MODEL_NAMESPACE_MAX)
        return error_input(error, field, name, "1 to %d printable characters without space",
                           MODEL_NAMESPACE_MAX);
    return 0;
}

int model_check_ecs_namespace(const char *field, const char *name, struct error *error)
{
    if (model_check_namespace("", name, NULL) < 0 || strpbrk(name, "<>\"/"))
        return error_input(error, field, name, "1 to %d printable characters without space and < > \" /",
                           MODEL_NAMESPACE_MAX);
    return 0;
}

const char *model_namespace_part(const char *name, char part[static MODEL_NAMESPACE_MAX + 1])
{
    if (!strchr(name, '/'))
        return name;
    (void)snprintf(part, MODEL_NAMESPACE_MAX + 1, "%s", name);
    for (char *at = part; (at = strchr(at, '/'));)
        *at = ' ';
    return part;
}

void model_namespace_from_part(char *part)
{
    while ((part = strchr(part, ' ')))
        *part = '/';
}

int model_check_service(const char *field, const char *name, struct error *error)
{
    if (strlen(name) > MODEL_SERVICE_MAX || !dns_name_is_labels(name, DNS_NAME_LETTERS_DIGITS "_-", false))
        return error_input(
            error, field, name,
            "at most %d characters: labels of 1 to 63 letters, digits, _ and - (not at either end), "
            "joined by dots",
            MODEL_SERVICE_MAX);
    return 0;
}

int model_check_document(const char *field, const char *name, struct error *error)
{
    size_t length = strlen(name);

    if (length < 1 || length > 255 || strspn(name, DNS_NAME_LETTERS_DIGITS "_-.") != length)
        return error_input(error, field, name, "1 to 255 letters, digits, _ - and .");
    return 0;
}

int model_check_instance_id(const char *field, const char *id, struct error *error)
{
    size_t length = strlen(id);

    if (length < 1 || length > MODEL_INSTANCE_MAX || strspn(id, DNS_NAME_LETTERS_DIGITS "_/:.@-") != length)
        return error_input(error, field, id, "1 to %d letters, digits and _ / : . @ -", MODEL_INSTANCE_MAX);
    return 0;
}

bool model_plain_instance_id(const char *id, char ret_id[static MODEL_INSTANCE_MAX + 1])
{
    char text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address address;
    const char *end = strchr(id, ']');
    char endpoint[MODEL_INSTANCE_MAX + 3];
    const char *rest;
    uint16_t port;

    if (id[0] != '[' || !end || strlen(id) >= sizeof(endpoint))
        return false;
    rest = strchr(end, '/');
    (void)snprintf(endpoint, sizeof(endpoint), "%.*s", (int)(rest ? rest - id : (ptrdiff_t)strlen(id)), id);
    if (ip_endpoint_parse(endpoint, &address, &port) < 0)
        return false;
    return snprintf(ret_id, MODEL_INSTANCE_MAX + 1, "%s:%u%s", ip_address_format(&address, text), port,
                    rest ? rest : "") <= MODEL_INSTANCE_MAX;
}

/* A name that every resolver answers by itself (RFC 6761): a task would reach its own host. */
static bool is_localhost(const char *name)
{
    size_t length = strlen(name);

    return strcmp(name, "localhost") == 0 || (length > 10 && strcmp(name + length - 10, ".localhost") == 0);
}

int model_check_dns_name(const char *field, char *name, struct error *error)
{
    int r = dns_name_check(field, name, error);

    if (r == 0 && is_localhost(name))
        r = error_input(error, field, name,
                        "another name: localhost is every task's own host, whatever is published");
    return r;
}

int model_check_stored_dns_name(const char *field, char *name, struct error *error)
{
    return dns_name_is_stored_form(name) ? 0 : dns_name_check(field, name, error);
}

static bool is_host_name(const char *name)
{
    const char *last = strrchr(name, '.');

    last = last ? last + 1 : name;
    return strlen(name) <= MODEL_HOST_NAME_MAX &&
           dns_name_is_labels(name, DNS_NAME_LETTERS_DIGITS "-", false) &&
           strspn(last, "0123456789") != strlen(last);
}

int model_check_host_name(const char *field, char *name, struct error *error)
{
    size_t length = strlen(name);

    dns_name_fold(name);
    if (length > 1 && name[length - 1] == '.')
        name[length - 1] = '\0';
    if (!is_host_name(name))
        return error_input(
            error, field, name,
            "a host name of at most %d characters: labels of 1 to 63 letters, digits and - (not "
            "at either end), joined by dots, the last not of digits alone",
            MODEL_HOST_NAME_MAX);
    return 0;
}

int model_parse_host_port(const char *text, char ret_host[static MODEL_HOST_NAME_MAX + 1], uint16_t *ret_port)
{
    char host[MODEL_HOST_NAME_MAX + 2]; /* a dot may stand last */
    const char *colon = strchr(text, ':');
    uint64_t port;

    if (!colon || (size_t)(colon - text) >= sizeof(host) || parse_number(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (model_check_host_name("", host, NULL) < 0)
        return -EINVAL;
    strcpy(ret_host, host);
    *ret_port = (uint16_t)port;
    return 0;
}
