/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ECS documents into the registry: what each publishes (services with their client aliases, routes) against
 * what its earlier version did, as one transaction.
 */
#pragma once

#include <cjson/cJSON.h>

#include "engine/change/transaction.h"
#include "documents/documents.h"

/* How the source of a document begins that came by the ECS API: "ecs:CLUSTER/SERVICE". */
#define APPLY_SOURCE_OF_ECS CATALOG_SOURCE_OF_ECS

struct apply_request {
    const struct document_list *documents;
    const char *owned_source; /* stored documents of this source that are not among them go; NULL: none do */
    bool is_dry_run;
};

/*
 * Applies all or none. Findings are added for what only the namespace can tell: names that are taken, targets
 * nobody has registered. *ret_changes (may be NULL) describes what changed, as docs/api.md has it. -EINVAL:
 * errors among the findings.
 */
int apply_documents(struct engine *engine, const struct apply_request *request, struct findings *findings,
                    cJSON **ret_changes, uint64_t *ret_revision, struct error *error);

/*
 * The same within a change of the caller's, who also says what becomes of it: `is_dry_run` is not looked at.
 * Findings come on top of those that are there: a job whose run is called again begins with new ones.
 */
int apply_in(struct transaction *transaction, const struct apply_request *request, struct findings *findings,
             cJSON **ret_changes, struct error *error);

/* Puts the removal of a stored document and of what it published into a transaction. */
int apply_removal(struct transaction *transaction, const struct model_namespace *parent,
                  const struct stored_document *document, struct error *error);

/* The options documents are parsed with; `default_namespace` and what `rights` point to stay the caller's. */
struct documents_options apply_options(const char *default_namespace, struct settings_rights rights);
