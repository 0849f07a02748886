/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where rows lie. What is of a namespace lies below its name, so that one range has all of it and nothing else; the
 * registry's own keys have the kind in front of the name, and the table below says of which they do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "registry/etcd/etcd_heads.h"
#include "registry/etcd/etcd_text.h"
#include "registry/rows.h"

#define IN     "in/"
#define COMMON "common/"
#define ROWS   "rows/"

/* In these the namespace comes next. Its own row is none of them: who has a namespace is to be known on all hosts. */
static const char *const kinds_in_namespaces[] = {"services/",  "instances/", "routes/",
                                                  "documents/", "canaries/",  "aws/left-out/"};

bool etcd_is_of_host(const char *key)
{
    return row_is_of_host(key) || strncmp(key, "history/", strlen("history/")) == 0;
}

char *etcd_key_of_fleet(const char *prefix)
{
    char *key = NULL;

    return asprintf(&key, "%s/fleet/", prefix) < 0 ? NULL : key;
}

char *etcd_key_of_head(const char *prefix)
{
    char *key = NULL;

    return asprintf(&key, "%s/fleet/head", prefix) < 0 ? NULL : key;
}

char *etcd_key_of_host(const char *prefix, const char *host)
{
    char *key = NULL;

    return asprintf(&key, "%s/hosts/%s/", prefix, host) < 0 ? NULL : key;
}

/* How long the kind is with which this begins; 0: it is none of a namespace. */
static size_t length_of_kind(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds_in_namespaces); i++)
        if (strncmp(text, kinds_in_namespaces[i], strlen(kinds_in_namespaces[i])) == 0)
            return strlen(kinds_in_namespaces[i]);
    return 0;
}

/* How long the name of the namespace behind that kind is; 0: the row is of none. */
static size_t length_of_name(const char *row, size_t kind)
{
    size_t name = kind ? strcspn(row + kind, "/") : 0;

    return name && row[kind + name] ? name : 0;
}

char *etcd_key_in_fleet(const char *fleet, const char *row)
{
    size_t kind = length_of_kind(row);
    size_t name = length_of_name(row, kind);
    char *key = NULL;
    int n;

    if (name)
        n = asprintf(&key, "%s" IN "%.*s/" ROWS "%.*s%s", fleet, (int)name, row + kind, (int)kind, row,
                     row + kind + name + 1);
    else
        n = asprintf(&key, "%s" COMMON ROWS "%s", fleet, row);
    return n < 0 ? NULL : key;
}

char *etcd_key_of_row(const char *prefix, const char *host, const char *key)
{
    _cleanup_free_ char *fleet = etcd_key_of_fleet(prefix);
    char *text = NULL;

    if (!etcd_is_of_host(key))
        return fleet ? etcd_key_in_fleet(fleet, key) : NULL;
    return asprintf(&text, "%s/hosts/%s/%s", prefix, host, key) < 0 ? NULL : text;
}

/* What follows `part`; NULL: it does not begin with that. */
static const char *key_behind(const char *text, const char *part)
{
    size_t n = strlen(part);

    return text && strncmp(text, part, n) == 0 ? text + n : NULL;
}

/* What follows the name of a namespace and the slash behind it; NULL: this is in none. */
static const char *in_namespace(const char *fleet, const char *key, const char **ret_name)
{
    const char *name = key_behind(key_behind(key, fleet), IN);
    size_t n = name ? strcspn(name, "/") : 0;

    *ret_name = name;
    return n && name[n] ? name + n + 1 : NULL;
}

bool etcd_row_in_fleet(const char *fleet, const char *key, char ret_row[static ETCD_ROW_SIZE])
{
    const char *row = key_behind(key_behind(key, fleet), COMMON ROWS), *name = NULL;
    size_t kind, length;

    if (row) {
        /* Each has one place. */
        if (!*row || strlen(row) >= ETCD_ROW_SIZE || length_of_name(row, length_of_kind(row)))
            return false;
        strcpy(ret_row, row);
        return true;
    }
    row = key_behind(in_namespace(fleet, key, &name), ROWS);
    if (!row)
        return false;
    /* A newer version may have kinds that this one does not know, of one part. */
    kind = length_of_kind(row);
    if (kind == 0 && strchr(row, '/'))
        kind = strcspn(row, "/") + 1;
    length = strcspn(name, "/");
    if (kind == 0 || strlen(row) + length + 1 >= ETCD_ROW_SIZE)
        return false;
    (void)snprintf(ret_row, ETCD_ROW_SIZE, "%.*s%.*s/%s", (int)kind, row, (int)length, name, row + kind);
    return true;
}

/* ---- heads ---- */

char *etcd_head_of_row(const char *fleet, const char *row)
{
    size_t kind = length_of_kind(row);
    size_t n = length_of_name(row, kind);
    const char *name = n ? row + kind : key_behind(row, "namespaces/");
    char *key = NULL;

    if (name && n == 0)
        n = strcspn(name, "/");
    if (n == 0)
        return etcd_head_of_common(fleet);
    return asprintf(&key, "%s" IN "%.*s/head", fleet, (int)n, name) < 0 ? NULL : key;
}

char *etcd_head_of_common(const char *fleet)
{
    char *key = NULL;

    return asprintf(&key, "%s" COMMON "head", fleet) < 0 ? NULL : key;
}

bool etcd_is_head(const char *fleet, const char *key)
{
    const char *name, *common = key_behind(key_behind(key, fleet), COMMON),
                      *rest = in_namespace(fleet, key, &name);

    return (common && strcmp(common, "head") == 0) || (rest && strcmp(rest, "head") == 0);
}
