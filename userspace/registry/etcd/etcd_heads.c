/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_heads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void etcd_heads_done(struct etcd_heads *heads)
{
    struct etcd_known_head *head, *next;

    HASH_ITER (hh, heads->all, head, next) {
        HASH_DEL(heads->all, head);
        free(head->key);
        free(head);
    }
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

size_t etcd_heads_count(const struct etcd_heads *heads)
{
    size_t n = 0;

    for (const struct etcd_known_head *head = heads->all; head; head = head->hh.next)
        n += head->mod_revision != 0;
    return n;
}
