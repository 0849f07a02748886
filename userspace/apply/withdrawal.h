/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a document published before and does not any more, taken back in pieces. Private to apply/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/earlier.h"
#include "apply/name_set.h"
#include "documents/documents.h"
#include "engine/change/transaction.h"
#include "model/catalog.h"

/* A routes document has no name of its own; no service can have this one. */
#define ROUTES_DOCUMENT ".routes"

enum withdrawal_part {
    WITHDRAWAL_NEW_SERVICES,
    WITHDRAWAL_NEW_ROUTES,
    WITHDRAWAL_MARKED,
    WITHDRAWAL_SERVICES,
    WITHDRAWAL_ROUTES,
    WITHDRAWAL_CLIENT,
    WITHDRAWAL_END,
};

struct withdrawal {
    char *namespace_name; /* of the stored document */
    char *name;
    const struct document *new;      /* borrowed; NULL: the document goes */
    bool is_marked;                  /* its services are found by looking at all of the namespace */
    bool is_client_gone;             /* all routes of its client go, also those set by hand */
    struct document_list parsed;     /* here; empty if is_marked or if it was parsed before */
    const struct document_list *old; /* that one or the other one */
    struct name_set services;        /* that the new one publishes */
    struct name_set routes;
    char **names; /* services and, later, identities of routes that go */
    size_t n_names;
    enum withdrawal_part part;
    size_t document; /* of `old` */
    size_t index;
    struct service *next; /* holds as long as the job's run: only its own rows change the catalog */
};

/* Its text has to be parsed, and is so long that the worker should do that. `name`: of the stored document. */
bool withdrawal_must_parse(const struct document_record *record, const char *name, bool has_new);

/* Does not put anything yet. -ENOMEM. `*withdrawal` is empty before, and done with by withdrawal_done(); what
 * was parsed before (NULL: nothing) stays until then. */
int withdrawal_begin(struct withdrawal *withdrawal, const struct model_namespace *parent,
                     const struct stored_document *stored, const struct document *new,
                     const struct earlier *earlier);

/* 0: all is taken back; JOB_GO_ON: not until that time; a negative errno with the error. */
int withdrawal_go_on(struct withdrawal *withdrawal, struct transaction *transaction, uint64_t until_ns,
                     struct error *error);
void withdrawal_done(struct withdrawal *withdrawal);

/* As it is stored, and the client whose tasks its routes are for. */
const char *document_stored_name(const struct document *document);
const char *document_client(const struct document *document);

/* Puts a row that was `made` so. */
int put_made(struct transaction *transaction, int made, struct registry_row *row, struct error *error);
