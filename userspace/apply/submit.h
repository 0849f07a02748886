/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Documents as a job: texts are read and parsed by the worker, and applied when their turn comes. Texts that
 * are submitted one after the other are applied in that order, except that one whose earlier version is long
 * and has routes lets others pass while the worker parses that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "documents/documents.h"
#include "engine/change/transaction.h"
#include "model/actor.h"

struct document_record;
struct engine;
struct evbuffer;
struct worker;

/* The end of it, on the loop. All of it is freed after the call, except `changes` if it was set to NULL. */
struct apply_end {
    int result; /* 0; -EINVAL: errors among the findings; -ECANCELED: the daemon ends */
    uint64_t revision;
    struct findings findings;
    size_t n_documents, n_services; /* that there were, and that these publish, changed or not */
    struct change_counts counts;    /* if changes were wanted */
    struct evbuffer *changes;       /* the list's text (docs/api.md); NULL if nobody wanted it or it failed */
    struct error error;
};
typedef void (*apply_done_fn)(struct apply_end *end, void *user);

/* What is to be applied. Strings are copied; lists are taken over. */
struct apply_submission {
    struct document_list documents;
    struct document_record **records; /* malloc'd, as many; NULL, or one whose row is used */
    struct findings findings;         /* of parsing; those of applying come after them */
    const char *owned_source;
    struct actor by; /* who asks */
    bool is_dry_run;
    bool wants_changes;
    struct worker *worker; /* frees what is long; NULL: the loop does */
};

/*
 * The lists are taken over also on failure, and the submission is without them then. -ENOMEM, -EBUSY,
 * -ECANCELED: `done` is not called.
 */
int apply_submit(struct engine *engine, struct apply_submission *submission, apply_done_fn done, void *user);

struct apply_text {
    const char *source;
    const char *text; /* NULL: `source` is the path of the file to read */
};

/* All that these lead to belongs to the caller, who leaves it as it is until `done`. */
struct apply_texts {
    const struct apply_text *items;
    size_t n;
    const char *default_namespace;
    const char *owned_source;
    struct actor by;
    bool is_dry_run;
    bool wants_changes;
};

/* Every text is parsed, so that all errors of all come at once; a second time, behind what was submitted
 * meanwhile, if they name namespaces by id or ARN. As apply_submit(), and worker_submit(). */
int apply_submit_texts(struct engine *engine, struct worker *worker, const struct apply_texts *texts,
                       apply_done_fn done, void *user);
