/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is published, by identity and by name. DNS answers from here: a name is there from the moment its table
 * is, whatever the catalog is at just then, and nobody has to make a list of all names for that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/publish/publisher_internal.h"

/* "SCOPE NAME": how an identity begins. */
static size_t key_length(const struct published *published)
{
    return strcspn(published->identity, ":");
}

static struct published *first_of_name(const struct publisher *publisher, const struct published *like)
{
    struct published *first;

    HASH_FIND(hh_name, publisher->names, like->identity, key_length(like), first);
    return first;
}

/* Behind the first one, however many there are. */
void publisher_enter(struct publisher *publisher, struct published *published)
{
    struct published *first = first_of_name(publisher, published);

    HASH_ADD_STR(publisher->all, identity, published);
    published->prev_of_name = first;
    published->next_of_name = first ? first->next_of_name : NULL;
    if (published->next_of_name)
        published->next_of_name->prev_of_name = published;
    if (first)
        first->next_of_name = published;
    else
        HASH_ADD_KEYPTR(hh_name, publisher->names, published->identity, key_length(published), published);
}

void publisher_leave(struct publisher *publisher, struct published *published)
{
    struct published *next = published->next_of_name;

    HASH_DEL(publisher->all, published);
    if (next)
        next->prev_of_name = published->prev_of_name;
    if (published->prev_of_name) {
        published->prev_of_name->next_of_name = next;
        return;
    }
    HASH_DELETE(hh_name, publisher->names, published);
    if (next)
        HASH_ADD_KEYPTR(hh_name, publisher->names, next->identity, key_length(next), next);
}

int publisher_find_name(const struct publisher *publisher, uint32_t scope, const char *name, size_t length,
                        struct published_name *ret_name)
{
    const struct published *first;
    char key[PUBLISHED_IDENTITY];
    int size = snprintf(key, sizeof(key), "%u %.*s", scope, (int)length, name);

    if (size < 0 || (size_t)size >= sizeof(key) || memchr(name, ':', length))
        return -ENOENT;
    HASH_FIND(hh_name, publisher->names, key, (size_t)size, first);
    if (!first)
        return -ENOENT;
    *ret_name = (struct published_name){first->alias.dns_name, first->address, first->address6, first};
    return 0;
}

const struct client_alias *publisher_next_of_name(const struct published **next)
{
    const struct published *published = *next;

    if (!published)
        return NULL;
    *next = published->next_of_name;
    return &published->alias;
}
