/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ECS documents into the registry: what each publishes (services with their client aliases, routes) against
 * what its earlier version did, as one change. Findings are added for what only the namespace can tell: names
 * that are taken, targets nobody has registered.
 */
#pragma once

#include <cjson/cJSON.h>

#include "documents/documents.h"
#include "engine/change/transaction.h"

/* How the source of a document begins that came by the ECS API: "ecs:CLUSTER/SERVICE". */
#define APPLY_SOURCE_OF_ECS CATALOG_SOURCE_OF_ECS

struct earlier;

struct apply_request {
    const struct document_list *documents;
    struct document_record *const *records; /* as many; those that are NULL are made here */
    /* What is not parsed yet of long earlier versions is noted here, for another run: -ESTALE. NULL: it is
     * parsed where it is met. */
    struct earlier *earlier;
    const char *owned_source; /* stored documents of this source that are not among them go; NULL: none do */
    bool is_dry_run;          /* not looked at by what is given a transaction */
};

/* ---- within a change of the caller's ---- */

/*
 * Applies all, in one piece. Findings come on top of those that are there: a job whose run is called again
 * begins with new ones. -EINVAL: errors among the findings, the first of which is *error; the change can only
 * fail then.
 */
int apply_in(struct transaction *transaction, const struct apply_request *request, struct findings *findings,
             struct error *error);

/* The same in pieces, for a job of its own. */
struct apply_pieces;
int apply_pieces_new(const struct apply_request *request, struct apply_pieces **ret_pieces); /* -ENOMEM */
/* Until that time (CLOCK_MONOTONIC): 0, JOB_GO_ON, or as apply_in(). It begins anew with every run. */
int apply_pieces_go_on(struct apply_pieces *pieces, struct transaction *transaction, uint64_t until_ns,
                       struct findings *findings, struct error *error);
/* From the next run on earlier versions are parsed where they are met. */
void apply_pieces_parse_here(struct apply_pieces *pieces);
void apply_pieces_free(struct apply_pieces **pieces); /* NULL-safe; sets to NULL */

/* Puts the removal of a stored document and of what it published into a transaction. */
int apply_removal(struct transaction *transaction, const struct model_namespace *parent,
                  const struct stored_document *document, struct error *error);

/* The options documents are parsed with; `default_namespace` and what `rights` point to stay the caller's. */
struct documents_options apply_options(const char *default_namespace, struct settings_rights rights);
