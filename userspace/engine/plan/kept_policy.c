/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call an alias whose table has endpoints that the registry does not account for. */
#include <string.h>

#include "engine/change/transaction_internal.h"
#include "engine/plan/kept.h"
#include "model/aliases.h"
#include "registry/rows.h"
#include <svcconnect/policy.h>

/* Somebody says anew what holds for a service that the alias leads to. */
static bool names_target(const struct transaction *transaction, const struct wanted_alias *wanted)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction->engine->catalog, wanted->namespace_name);
    const struct client *client = parent && *wanted->client ? catalog_client(parent, wanted->client) : NULL;
    const struct route_target *targets = NULL;
    char identity[ALIAS_IDENTITY_SIZE];
    struct route_target single;
    size_t n = 0;

    if (parent && !transaction->is_own)
        targets =
            catalog_alias_targets(parent, client, alias_identity(&wanted->alias, identity), &single, &n);
    for (size_t i = 0; i < transaction->n_rows && n > 0; i++) {
        struct row_name name;

        if (row_parse_key(transaction->rows[i].key, &name) < 0 || name.kind != ROW_SERVICE ||
            strcmp(name.namespace_name, wanted->namespace_name) != 0)
            continue;
        for (size_t t = 0; t < n; t++)
            if (strcmp(targets[t].service->name, name.service) == 0)
                return true;
    }
    return false;
}

/* Endpoints that are kept were not open to everybody: nor is the table that has them now, until somebody says so. */
void kept_keep_policy(const struct transaction *transaction, const struct kept_alias *kept,
                      struct wanted_alias *wanted)
{
    uint32_t policy = svc_policy_of(kept->service->flags);

    if (policy && !svc_policy_of(wanted->flags) && !names_target(transaction, wanted))
        wanted->flags |= policy << SVC_POLICY_SHIFT;
}
