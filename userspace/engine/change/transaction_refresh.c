/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tables of a transaction that was replayed, built once more with what was found since they were
 * reserved. */
#include "engine/change/transaction_internal.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/plan/tables.h"

#define TABLES_A_STEP 32

/* The tables of one alias as the catalog has it now. */
static int rebuild(struct transaction *transaction, struct publication *publication, size_t i,
                   struct error *error)
{
    struct engine *engine = transaction->engine;
    const struct wanted_alias *wanted = publication_wanted(publication, i);
    const struct model_namespace *parent =
        wanted ? catalog_namespace(engine->catalog, wanted->namespace_name) : NULL;
    const struct client *client = parent && *wanted->client ? catalog_client(parent, wanted->client) : NULL;
    _cleanup_(wanted_alias_done) struct wanted_alias fresh = {0};
    bool is_dropped = false;
    int r;

    if (!parent || (*wanted->client && !client))
        return 0;
    fresh.namespace_name = wanted->namespace_name;
    fresh.client = wanted->client;
    fresh.alias = wanted->alias;
    fresh.exists = wanted->exists;
    r = wanted_tables_build(parent, client, &fresh);
    if (r < 0)
        return error_errno(error, r, "building the table of %s", wanted->alias.dns_name);
    if (wanted->is_kept && (r = kept_merge(transaction, wanted->scope, &fresh, &is_dropped, error)) < 0)
        return r;
    return publisher_rewrite(engine->publisher, publication, i, &fresh, error);
}

/* at.part counts publications, and at.index the tables of one. */
int transaction_refresh(struct transaction *transaction, struct error *error)
{
    struct error why = {0};
    int result = 0;

    (void)error;
    for (unsigned i = 0; i < TABLES_A_STEP && transaction->at.part < transaction->n_publications; i++) {
        struct publication *publication = transaction->publications[transaction->at.part];

        if (transaction->at.index == publication_tables(publication)) {
            transaction->at.part++;
            transaction->at.index = 0;
        } else if (rebuild(transaction, publication, transaction->at.index++, &why) < 0) {
            result = -1;
        }
    }
    if (result < 0)
        log_warning("publishing what was found during a commit a moment later: %s", why.message);
    if (transaction->at.part < transaction->n_publications)
        return STEP_MORE;
    transaction->at = (struct step_cursor){0};
    return 0;
}
