/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"

#define WANTED                                                                                               \
    "etcd:URL[,URL...] with http:// or https:// URLs of etcd's members, as etcd:https://a:2379,b:2379"

/* What stands behind the last colon of "a:2379" or "[::1]:2379"; NULL: there is no port. */
static const char *port_of_member(const char *member)
{
    const char *bracket = strrchr(member, ']');

    return strchr(bracket ? bracket : member, ':');
}

static int add_member(struct etcd_settings *settings, const char *scheme, const char *host)
{
    const char *port = port_of_member(host);
    uint64_t number;
    char *member = NULL;

    if (!*host || *host == ':' || strpbrk(host, "/?#@ \t\"\\") || settings->n_members >= ETCD_MOST_MEMBERS)
        return -EINVAL;
    if (port && parse_number(port + 1, 1, 65535, &number) < 0)
        return -EINVAL;
    if (asprintf(&member, "%s%s%s", scheme, host, port ? "" : ":2379") < 0)
        return -ENOMEM;
    settings->members[settings->n_members++] = member;
    return 0;
}

static int read_members(char *list, struct etcd_settings *settings)
{
    const char *scheme = "http://";
    char *next = list;
    int r = 0;

    while (r == 0 && next) {
        char *member = strsep(&next, ",");
        size_t n;

        if (strncmp(member, "http://", 7) == 0)
            scheme = "http://";
        else if (strncmp(member, "https://", 8) == 0)
            scheme = "https://";
        member += strncmp(member, scheme, strlen(scheme)) == 0 ? strlen(scheme) : 0;
        n = strlen(member);
        if (n > 0 && member[n - 1] == '/')
            member[n - 1] = '\0';
        r = add_member(settings, scheme, member);
    }
    return r;
}

int etcd_settings_read(const char *text, struct etcd_settings *settings, struct error *error)
{
    struct etcd_settings read = *settings;
    const char *colon = strchr(text, ':');
    _cleanup_free_ char *list = NULL;
    int r;

    if (!colon || strncmp(text, "etcd:", 5) != 0)
        return error_input(error, "registry", text, WANTED);
    list = strdup(colon + 1);
    read.location = strdup(text);
    read.members = calloc(ETCD_MOST_MEMBERS, sizeof(*read.members));
    read.n_members = 0;
    r = list && read.location && read.members ? read_members(list, &read) : -ENOMEM;
    if (r < 0) {
        etcd_settings_done(&read);
        return r == -EINVAL ? error_input(error, "registry", text, WANTED)
                            : error_errno(error, r, "reading the settings");
    }
    *settings = read;
    return 0;
}

void etcd_settings_done(struct etcd_settings *settings)
{
    for (size_t i = 0; i < settings->n_members; i++)
        free(settings->members[i]);
    free(settings->members);
    free(settings->location);
    settings->members = NULL;
    settings->location = NULL;
    settings->n_members = 0;
}

int etcd_prefix_check(const char *field, const char *prefix, struct error *error)
{
    size_t n = strlen(prefix);
    bool is_good = n > 0 && n <= ETCD_PREFIX_MAX && prefix[0] != '/' && prefix[n - 1] != '/';

    for (size_t i = 0; is_good && i < n; i++)
        is_good = isalnum((unsigned char)prefix[i]) || strchr("-_./", prefix[i]);
    return is_good ? 0
                   : error_input(error, field, prefix,
                                 "1 to %d letters, digits, -, _, . and /, without a slash at either end",
                                 ETCD_PREFIX_MAX);
}
