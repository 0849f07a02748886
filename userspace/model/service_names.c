/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/service_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/dns_name.h"

#define LETTERS     "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define SUFFIX_SIZE 254

/* ---- suffixes ---- */

/* Copies the next suffix with its labels filled in; false where it grows too long. */
static bool expand(const char *suffix, size_t length, const char *region, const char *namespace_name,
                   char expanded[static SUFFIX_SIZE])
{
    const char *end = suffix + length;
    size_t used = 0;

    if (length > 0 && end[-1] == '.')
        return false;
    while (suffix < end) {
        size_t label = strcspn(suffix, ".,");
        const char *text = suffix;
        int n = (int)label;

        if (label == strlen("NAMESPACE") && strncmp(suffix, "NAMESPACE", label) == 0) {
            text = namespace_name;
            n = (int)strlen(text);
        } else if (label == strlen("REGION") && strncmp(suffix, "REGION", label) == 0) {
            text = region;
            n = (int)strlen(text);
        }
        used += (size_t)snprintf(expanded + used, SUFFIX_SIZE - used, "%s%.*s", used ? "." : "", n, text);
        if (used >= SUFFIX_SIZE)
            return false;
        suffix += label + (suffix + label < end);
    }
    dns_name_fold(expanded);
    return used > 0 && dns_name_is_labels(expanded, LETTERS, true);
}

int name_suffixes_make(const char *suffixes, const char *region, const char *namespace_name,
                       char ***ret_suffixes)
{
    char **list = calloc(1, (NAME_SUFFIXES_MAX + 1) * sizeof(*list) + NAME_SUFFIXES_MAX * SUFFIX_SIZE);
    char *text = list ? (char *)(list + NAME_SUFFIXES_MAX + 1) : NULL;
    size_t n = 0;

    if (!list)
        return -ENOMEM;
    while (*suffixes && n < NAME_SUFFIXES_MAX) {
        size_t length = strcspn(suffixes, ",");

        if (expand(suffixes, length, region, namespace_name, text)) {
            list[n++] = text;
            text += SUFFIX_SIZE;
        }
        suffixes += length + (suffixes[length] == ',');
    }
    *ret_suffixes = list;
    return 0;
}

int name_suffixes_check(const char *field, const char *suffixes, struct error *error)
{
    const char *rest = suffixes;
    char expanded[SUFFIX_SIZE];
    size_t n = 0;

    for (bool is_last = !*rest; !is_last; n++) {
        size_t length = strcspn(rest, ",");

        if (n == NAME_SUFFIXES_MAX || !expand(rest, length, "r", "n", expanded))
            return error_input(error, field, suffixes,
                               "at most %d suffixes joined by commas, each a DNS name in which the labels "
                               "NAMESPACE and REGION stand for those",
                               NAME_SUFFIXES_MAX);
        is_last = rest[length] == '\0';
        rest += length + 1;
    }
    return 0;
}

int name_region_check(const char *field, const char *region, struct error *error)
{
    if (strlen(region) > 63 || strchr(region, '.') || !dns_name_is_labels(region, LETTERS, false))
        return error_input(error, field, region, "1 to 63 lower-case letters, digits and -, as us-east-1");
    return 0;
}

/* ---- services ---- */

static int service_names_by_name(const void *a, const void *b)
{
    return strcmp(((const struct service_name *)a)->name, ((const struct service_name *)b)->name);
}

const struct client_alias *service_names_alias(const struct service *service)
{
    char identity[ALIAS_IDENTITY_SIZE];

    for (size_t i = 0; i < service->n_aliases; i++) {
        const struct alias_owner *owner =
            catalog_alias_owner(service->parent, alias_identity(&service->aliases[i], identity));

        if (owner && owner->service == service)
            return &service->aliases[i];
    }
    return NULL;
}

int service_names_list(const struct model_namespace *parent, struct service_name **ret_names, size_t *ret_n)
{
    const struct service *service = parent ? parent->services : NULL;
    size_t n_all = parent ? HASH_COUNT(parent->services) : 0;
    struct service_name *names;
    size_t room = 1;
    size_t kept = 0;
    size_t n = 0;
    char *text;

    for (; service; service = service->hh.next)
        room += strlen(service->name) + 1;
    names = calloc(1, n_all * sizeof(*names) + room);
    if (!names)
        return -ENOMEM;
    text = (char *)(names + n_all);
    for (service = parent ? parent->services : NULL; service; service = service->hh.next) {
        if (!service->is_declared)
            continue;
        names[n++] = (struct service_name){strcpy(text, service->name), service_names_alias(service)};
        dns_name_fold(text);
        text += strlen(text) + 1;
    }
    qsort(names, n, sizeof(*names), service_names_by_name);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(names[kept - 1].name, names[i].name) != 0)
            names[kept++] = names[i];
    *ret_names = names;
    *ret_n = kept;
    return 0;
}
