/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_heads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define HEADS "heads/"

void etcd_heads_done(struct etcd_heads *heads)
{
    struct etcd_known_head *head, *next;

    HASH_ITER (hh, heads->all, head, next) {
        HASH_DEL(heads->all, head);
        free(head->key);
        free(head);
    }
}

/* "services/NS/SERVICE": the namespace stands second in the rows of a namespace. */
static const char *namespace_of_row(const char *row, size_t *ret_n)
{
    static const char *const kinds[] = {"namespaces/", "services/",  "instances/",
                                        "routes/",     "documents/", "canaries/"};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strncmp(row, kinds[i], strlen(kinds[i])) != 0)
            continue;
        row += strlen(kinds[i]);
        *ret_n = strcspn(row, "/");
        return row;
    }
    *ret_n = 0;
    return row;
}

char *etcd_head_of_row(const char *fleet, const char *row)
{
    size_t n;
    const char *name = namespace_of_row(row, &n);
    char *key = NULL;

    return asprintf(&key, "%s" HEADS "%.*s", fleet, (int)n, name) < 0 ? NULL : key;
}

bool etcd_is_head(const char *fleet, const char *key)
{
    size_t n = strlen(fleet);

    return strncmp(key, fleet, n) == 0 && strncmp(key + n, HEADS, strlen(HEADS)) == 0;
}

int etcd_heads_learn(struct etcd_heads *heads, const char *key, uint64_t at, bool is_there)
{
    struct etcd_known_head *head;

    HASH_FIND_STR(heads->all, key, head);
    if (!head) {
        head = calloc(1, sizeof(*head));
        if (!head || !(head->key = strdup(key))) {
            free(head);
            return -ENOMEM;
        }
        HASH_ADD_KEYPTR(hh, heads->all, head->key, strlen(head->key), head);
    }
    if (at < head->at)
        return 0;
    head->at = at;
    head->mod_revision = is_there ? at : 0;
    return 0;
}

uint64_t etcd_heads_revision(const struct etcd_heads *heads, const char *key)
{
    struct etcd_known_head *head;

    HASH_FIND_STR(heads->all, key, head);
    return head ? head->mod_revision : 0;
}
