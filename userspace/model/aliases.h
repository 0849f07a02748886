/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which client aliases there are, as a client's tasks see them. */
#pragma once

#include "model/catalog.h"

/* The client aliases of a namespace as the client's tasks see them (NULL: others), each once. -ENOMEM. The
 * caller frees the array. */
int alias_list_build(const struct model_namespace *parent, const struct client *client,
                     struct client_alias **ret_aliases, size_t *ret_n);
