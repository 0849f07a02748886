/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What was changed, by whom and how it was before: the last rows of it, in the registry and in memory. Each is
 * a row of the registry among those it tells of, in one of a fixed number of places that are taken in turn, so
 * that it is as durable as the change, costs no write of its own, and never grows.
 *
 *   history/PLACE  {"sequence", "revision", "time", "by", "operation", "key", "before", "after", ...}
 *
 * Values are those of rows.h. What may hold a secret is not kept: documents, what the AWS API keeps, and rows
 * with a command. `isWithheld` says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/actor.h"
#include "registry/registry.h"

struct engine;
struct history;
struct jobs;
struct transaction;

#define HISTORY_ROWS 10000

/* One row of it, read back. Texts point into `json`, which the caller deletes. */
struct history_entry {
    cJSON *json;
    uint64_t sequence;
    uint64_t revision;
    int64_t time_ms;
    struct actor by;
    const char *operation;
    const char *key;
    char *before, *after; /* owned; NULL: there was none, or it is not kept */
    bool is_withheld;
    unsigned more; /* rows of the same change that are not kept one by one */
};

void history_entry_done(struct history_entry *entry);

/* `rows` places; 0: nothing is kept. -ENOMEM. */
int history_new(size_t rows, struct history **ret_history);
void history_free(struct history **history); /* NULL-safe; sets to NULL */

/* At a start, each row: was it one of the history's? */
bool history_take_row(struct history *history, const char *key, const char *value);

/* The newest number, and the oldest that is kept; 0: there is none. */
uint64_t history_newest(const struct history *history);
uint64_t history_oldest(const struct history *history);

/* -ENOENT: it is not kept; -EINVAL: it cannot be read. */
int history_read(const struct history *history, uint64_t sequence, struct history_entry *ret_entry);

/* Cheap looks at an entry, without reading all of it; NULL, 0: it is not kept. The text is the history's. */
const char *history_key(const struct history *history, uint64_t sequence);
uint64_t history_revision(const struct history *history, uint64_t sequence);

/* ---- for the commit ---- */

/* Who asked for the rows that are told from now on, and what for. */
struct history_origin {
    struct actor by;
    const char *operation;
};

/* Begins what one commit tells, which will be that revision; what was told and is not kept yet is dropped. */
void history_begin(struct history *history, uint64_t revision, int64_t now_ms);

/* One row that has changed. Returns whether it is kept (-ENOMEM: it is not, which is no reason to fail). */
int history_tell(struct history *history, const struct history_origin *origin, const char *key,
                 const char *before, const char *after, bool is_withheld, unsigned more);

/* What goes to the registry with the commit; the history's until history_keep(). */
const struct registry_row *history_rows(const struct history *history, size_t *ret_n);

/* The commit has ended: kept. Returns the number of the first, 0 if there was none. */
uint64_t history_keep(struct history *history);
