/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A transaction from inside, and the steps of its life. Private to engine/. */
#pragma once

#include "base/hash.h"
#include "engine/change/transaction.h"
#include "engine/engine_internal.h"
#include "engine/plan/scopes.h"
#include "engine/plan/wanted.h"

/* What an instance had that its row does not tell, for when an undo makes it anew. */
struct touched_state {
    uint64_t ramp_since_ms;
    uint8_t ramp;
    bool was_eligible;
};

/* An alias whose table, or an instance whose entry, may have to change. */
struct touched {
    char *name; /* the key, and what the texts below point into */
    const char *namespace_name;
    const char *service;       /* of an instance */
    const char *instance;      /* of an instance */
    struct client_alias alias; /* of an alias */
    struct touched_state before;
    struct touched *next_of_job; /* an instance */
    unsigned job;                /* that touched it last */
    bool is_endpoint;            /* an instance that was there at one time: not a host name's record */
    UT_hash_handle hh;
};

struct told;          /* transaction_publish.c */
struct watched_alias; /* losses.c */

/* An alias that a job leaves without an endpoint (losses.h), for when it is on disk. */
struct kept_loss {
    char *namespace_name, *text;
    struct kept_loss *next;
};

/* Where a step goes on: which part of it, and at which row, touched thing or wanted alias. */
struct step_cursor {
    unsigned part;
    size_t index;
    struct touched *touched;
};

/* Of a row that puts a document, or undoes that; NULL of others. */
struct row_documents {
    struct document_record *after, *before;
};

/* The rows of one key, all of one job: whoever comes second waits for the next group. */
struct taken_key {
    const char *key;    /* that of the first */
    size_t first, last; /* among the rows */
    UT_hash_handle hh;
};

/* What transaction_free_some() has still to free of what is in no table any more. */
struct freed_lists {
    bool has_begun;
    unsigned part;
    struct taken_key *taken;
    struct touched *aliases, *instances;
};

struct transaction {
    struct engine *engine;
    struct registry_row *rows;
    struct registry_row *undo;
    struct row_documents *documents; /* of each row and its undo, whose values are the records' then */
    size_t n_rows;
    size_t capacity;
    size_t first_row;        /* of the job that runs */
    struct taken_key *taken; /* by key */
    struct touched *aliases;
    struct touched *instances;
    struct touched *touched_by_job; /* of them, by the job that runs */
    unsigned n_jobs;
    struct watched_alias *watched; /* that the rows of the job that runs reach */
    uint32_t watched_service;      /* whose are among them: its number */
    unsigned watch_looks;          /* instances that may be looked at yet */
    bool is_reserved;
    struct scope_change *scopes; /* of clients whose routes change */
    size_t n_scopes;
    size_t n_externals;             /* there were before */
    struct unsaved_numbers numbers; /* committed with the rows */
    struct wanted_list wanted;
    struct publication **publications; /* of so many wanted aliases each */
    size_t n_publications;
    struct step_cursor at;
    struct freed_lists freed;
    struct told *told;  /* of the names that have changed */
    unsigned n_calls;   /* of the job that runs */
    bool is_privileged; /* the job that runs */
    bool is_own;        /* nobody asked for it, so it takes nothing away that is kept (plan/kept.h) */
    bool is_finding;    /* no rows */
    bool must_wait;     /* the job that runs wants a row that an earlier one has put */
    bool is_reverted;
    bool are_names_changed;
};

/*
 * Everything that may be long goes by steps, each a bounded piece of it: STEP_MORE, go on; 0: done; only a
 * reservation may fail. transaction_whole() takes all steps at once.
 */
#define STEP_MORE 1
typedef int (*transaction_step_fn)(struct transaction *transaction, struct error *error);
int transaction_whole(struct transaction *transaction, transaction_step_fn step, struct error *error);

/* transaction.c */
void transaction_begin(struct transaction *transaction, struct engine *engine, bool is_finding);
void transaction_begin_job(struct transaction *transaction);

/* NULL: no row has this key. */
struct taken_key *transaction_find_key(const struct transaction *transaction, const char *key);

/* Taken by this very row. */
void transaction_release_key(struct transaction *transaction, const char *key);

/* Frees the last one. */
void transaction_drop_row(struct transaction *transaction);

/* transaction_done.c: frees all it holds, the second by steps. */
void transaction_done(struct transaction *transaction);
int transaction_free_some(struct transaction *transaction, struct error *error);

/* transaction_undo.c */
int transaction_drop_job(struct transaction *transaction,
                         struct error *error); /* the rows of the job that ran */
int transaction_revert(struct transaction *transaction, struct error *error);
int transaction_replay(struct transaction *transaction, struct error *error);
int transaction_abort(struct transaction *transaction,
                      struct error *error); /* frees all it holds when done */

/* transaction_reserve.c. On failure the transaction can only be aborted. */
int transaction_reserve(struct transaction *transaction, struct error *error);

/* transaction_refresh.c. After a replay: the tables as they are with what was found since the reserve. Those
 * that cannot be had stay. */
int transaction_refresh(struct transaction *transaction, struct error *error);

/* transaction_publish.c. What could not be written is said. Frees all it holds when done. */
int transaction_publish(struct transaction *transaction, struct error *error);

/* Its first part alone: other tables may have to follow before what they named is taken away. */
int transaction_publish_tables(struct transaction *transaction, struct error *error);

/* transaction_touch.c. Called before and after a row is applied: what it reaches may differ. -ENOMEM. */
int transaction_touch_row(struct transaction *transaction, const char *key);

/* An instance that may be gone; with `has_ways` also the aliases that lead to its service. -ENOMEM. */
int transaction_touch_name(struct transaction *transaction, const char *namespace_name,
                           const char *service_name, const char *id, bool has_ways);

/* After it was applied: the addresses of an instance that is a host name. -ENOMEM. */
int transaction_fill_external(const struct transaction *transaction, const char *key);

/* After it was applied; `before`: the settings that the service the row names had. -ENOMEM. */
int transaction_touch_settings(struct transaction *transaction, const char *key,
                               const struct service_settings *before);

/* The declared service that a ROW_SERVICE's key names; NULL, for any other row too. */
const struct service *transaction_service_of_row(const struct transaction *transaction, const char *key);

/* losses.c: the first is called before a row is applied, the second as a job begins. */
void transaction_watch_row(struct transaction *transaction, const char *key);
void transaction_forget_watched(struct transaction *transaction);

/* jobs_losses.c: of the job that has run. */
void transaction_keep_losses(const struct transaction *transaction, struct kept_loss **losses);
void kept_losses_free(struct kept_loss **losses); /* sets to NULL */

/* transaction_endpoints.c: row_apply(), and no endpoint number leads to an instance that the row has taken
 * away. */
int transaction_apply(const struct transaction *transaction, const struct registry_row *row,
                      struct document_record *document, struct error *error);

/* One instance that was touched. Numbers are forgotten, and restored, for all before any is planned. */
void transaction_forget_endpoint(struct transaction *transaction, struct touched *touched);
int transaction_number_endpoint(struct transaction *transaction, struct touched *touched,
                                struct error *error);
void transaction_write_endpoint(struct transaction *transaction, struct touched *touched);
void transaction_remove_endpoint(struct transaction *transaction,
                                 struct touched *touched); /* no table names it */
/* After rows were undone or applied again: numbers stay with their names, whether registered
 * just now or not. */
void transaction_fill_endpoint(struct transaction *transaction, struct touched *touched);
void transaction_restore_endpoint(struct transaction *transaction, struct touched *touched);
void transaction_plan_endpoint(struct transaction *transaction, struct touched *touched);
void transaction_release_endpoint(struct transaction *transaction, struct touched *touched);
