/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The list of a namespace's client aliases. */
#include "model/aliases.h"

#include <errno.h>
#include <stdlib.h>

int alias_list_build(const struct model_namespace *parent, const struct client *client,
                     struct client_alias **ret_aliases, size_t *ret_n)
{
    struct client_alias *aliases = calloc(HASH_COUNT(parent->owners) + HASH_COUNT(parent->routes) +
                                              (client ? HASH_COUNT(client->routes) : 0) + 1,
                                          sizeof(*aliases));
    struct alias_owner *owner, *next_owner;
    struct route *route, *next_route;
    size_t n = 0;

    if (!aliases)
        return -ENOMEM;
    HASH_ITER (hh, parent->owners, owner, next_owner) {
        aliases[n++] = owner->alias;
    }
    HASH_ITER (hh, parent->routes, route, next_route) {
        if (!catalog_alias_owner(parent, route->identity))
            aliases[n++] = route->alias;
    }
    for (route = client ? client->routes : NULL; route; route = route->hh.next)
        if (!catalog_alias_owner(parent, route->identity) && !catalog_route(parent, NULL, route->identity))
            aliases[n++] = route->alias;
    *ret_aliases = aliases;
    *ret_n = n;
    return 0;
}
