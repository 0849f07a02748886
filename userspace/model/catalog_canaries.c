/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The canaries of a namespace, by client and alias. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/catalog.h"

/* As rows name it. A client's name is checked before it comes here; one that does not fit is no canary's. */
static const char *catalog_canaries_key_of(const char *client, const char *identity,
                                           char key[static CATALOG_CANARY_KEY_SIZE])
{
    int length = snprintf(key, CATALOG_CANARY_KEY_SIZE, "%s/%s", client, identity);

    return length < 0 || length >= CATALOG_CANARY_KEY_SIZE ? NULL : key;
}

struct catalog_canary *catalog_canary(const struct model_namespace *parent, const char *client,
                                      const char *identity)
{
    char key[CATALOG_CANARY_KEY_SIZE];
    struct catalog_canary *found = NULL;

    if (parent->canaries && catalog_canaries_key_of(client, identity, key))
        HASH_FIND_STR(parent->canaries, key, found);
    return found;
}

int catalog_set_canary(struct model_namespace *parent, const char *client, const struct client_alias *alias,
                       const struct canary *canary)
{
    char identity[ALIAS_IDENTITY_SIZE];
    struct catalog_canary *entry = catalog_canary(parent, client, alias_identity(alias, identity));

    if (entry) {
        entry->canary = *canary;
        return 0;
    }
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return -ENOMEM;
    if (!catalog_canaries_key_of(client, identity, entry->key)) {
        free(entry);
        return -EINVAL;
    }
    entry->alias = *alias;
    memcpy(entry->client, entry->key, strlen(client));
    memcpy(entry->identity, identity, sizeof(identity));
    entry->canary = *canary;
    HASH_ADD_STR(parent->canaries, key, entry);
    return 0;
}

void catalog_remove_canary(struct model_namespace *parent, struct catalog_canary *entry)
{
    HASH_DEL(parent->canaries, entry);
    free(entry);
}

void catalog_free_canaries(struct model_namespace *parent)
{
    struct catalog_canary *entry, *next;

    HASH_ITER (hh, parent->canaries, entry, next) {
        catalog_remove_canary(parent, entry);
    }
}
