/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A change while a job builds it: rows go in, the catalog has them at once, and what they reach is
 * remembered. If the job fails everything is as it was before it. Only the engine makes transactions, and
 * ends them:
 *
 *   run      the jobs of a group put their rows, one job after the other
 *   reserve  endpoints, scopes and addresses are numbered, tables built and written where no program looks yet
 *   revert   the catalog is what the registry holds again, while the rows are on their way to the disk
 *   replay   they are on disk: the catalog has them once more
 *   publish  tables, entries and followers
 *   abort    instead of any of these: as if nothing had been
 *
 * Between a revert and its replay anybody may read the catalog; what is read is committed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_stream.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "registry/registry.h"

struct document_record;
struct transaction;

struct engine *transaction_engine(const struct transaction *transaction);

/* With the rows put so far. Pointers into it hold until the next row is put. */
struct catalog *transaction_catalog(const struct transaction *transaction);

/* Takes the row over; one that changes nothing is dropped, unless it is of this host, which only the registry
 * knows. On failure the job can only fail. */
int transaction_put(struct transaction *transaction, struct registry_row row, struct error *error);

/* The row of a document that is long: the record is shared, not copied. Its row may have been written on a
 * thread (row_write_document()); else that is done here. */
int transaction_put_document(struct transaction *transaction, const char *namespace_name, const char *name,
                             struct document_record *record, struct error *error);

/* Without a row: what this host knows of the instance has changed, so its entry and tables may. -ENOMEM. */
int transaction_touch_instance(struct transaction *transaction, const struct instance *instance);

/* The job's rows from here on are not guarded against by followers: it is the one they guard for. */
void transaction_privilege(struct transaction *transaction);

/* Nobody has asked for the job: it takes nothing away that is kept beside the registry. */
void transaction_own(struct transaction *transaction);

/* Is this the first call of the job's run since it began, or began again? */
bool transaction_is_new_run(const struct transaction *transaction);

/* How many of each kind a change makes, changes and takes away. */
struct change_counts {
    struct {
        size_t created, updated, deleted;
    } services, routes, documents;
};

/*
 * What the job's rows so far change in documents, services and routes (docs/api.md), into an array that is
 * open: of some rows from *at on, which counts those of the job and begins with 0. They are added to *counts.
 * Returns whether there are more; what could not be written, the stream says.
 */
bool transaction_describe_some(const struct transaction *transaction, struct json_stream *stream, size_t *at,
                               struct change_counts *counts);
