/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/hash.h"
#include "apply/name_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name_set_item {
    UT_hash_handle hh;
    char name[];
};

int name_set_add(struct name_set *set, const char *name)
{
    size_t length = strlen(name);
    struct name_set_item *item;

    if (name_set_has(set, name))
        return 0;
    item = malloc(sizeof(*item) + length + 1);
    if (!item)
        return -ENOMEM;
    memcpy(item->name, name, length + 1);
    HASH_ADD_KEYPTR(hh, set->items, item->name, length, item);
    return 0;
}

bool name_set_has(const struct name_set *set, const char *name)
{
    struct name_set_item *item;

    HASH_FIND_STR(set->items, name, item);
    return item != NULL;
}

void name_set_done(struct name_set *set)
{
    struct name_set_item *item, *next;

    HASH_ITER (hh, set->items, item, next) {
        HASH_DEL(set->items, item);
        free(item);
    }
}
