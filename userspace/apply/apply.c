/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The order of things: names are given up before any are taken, so that one may move from a document to
 * another. Long because the order, and where a job in pieces is in it, have to be seen together. */
#include "apply/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/publish.h"
#include "apply/withdrawal.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "engine/change/job.h"
#include "model/document_record.h"
#include "registry/rows.h"

struct documents_options apply_options(const char *default_namespace, struct settings_rights rights)
{
    static const char *const suffixes[] = {"default.svc.cluster.local", NULL};

    return (struct documents_options){
        .default_namespace = default_namespace, .suffixes = suffixes, .rights = rights};
}

/* ---- where it is ---- */

enum apply_part {
    APPLY_NOTE,     /* which documents there are */
    APPLY_FIND,     /* stored ones of the source that are not among them */
    APPLY_LOOK,     /* whether all earlier versions are parsed that have to be */
    APPLY_OTHERS,   /* those that were found go */
    APPLY_WITHDRAW, /* what earlier versions published */
    APPLY_PUT,
    APPLY_END,
};

struct removal {
    char *namespace_name;
    char *name;
};

struct apply_pieces {
    struct apply_request request;
    enum apply_part part;
    size_t index; /* of a document, or of `others` */
    size_t at;    /* within it */
    bool is_withdrawing;
    struct withdrawal withdrawal;
    struct name_set names; /* of the documents, with their namespaces */
    struct {
        const struct model_namespace *parent;
        const struct stored_document *document; /* the next one to be looked at */
    } finding;                                  /* while they are found, nobody puts a row */
    struct removal *others;
    size_t n_others;
};

int apply_pieces_new(const struct apply_request *request, struct apply_pieces **ret_pieces)
{
    struct apply_pieces *pieces = calloc(1, sizeof(*pieces));

    if (!pieces)
        return -ENOMEM;
    pieces->request = *request;
    *ret_pieces = pieces;
    return 0;
}

static void begin_again(struct apply_pieces *pieces)
{
    struct apply_request request = pieces->request;

    withdrawal_done(&pieces->withdrawal);
    name_set_done(&pieces->names);
    for (size_t i = 0; i < pieces->n_others; i++) {
        free(pieces->others[i].namespace_name);
        free(pieces->others[i].name);
    }
    free(pieces->others);
    *pieces = (struct apply_pieces){.request = request};
}

void apply_pieces_parse_here(struct apply_pieces *pieces)
{
    pieces->request.earlier = NULL;
}

void apply_pieces_free(struct apply_pieces **pieces)
{
    if (!*pieces)
        return;
    begin_again(*pieces);
    free(*pieces);
    *pieces = NULL;
}

/* ---- one thing of each part; 1: that was the last of the document ---- */

#define DOCUMENT_OVER 1
#define FOUND_AT_ONCE 256

/* A namespace's name has no line break. */
static int whole_name(const char *namespace_name, const char *name, char **ret_text)
{
    return asprintf(ret_text, "%s\n%s", namespace_name, name) < 0 ? -ENOMEM : 0;
}

static int note_document(struct apply_pieces *pieces, const struct document *document)
{
    _cleanup_free_ char *text = NULL;
    int r = whole_name(document->namespace_name, document_stored_name(document), &text);

    if (r == 0)
        r = name_set_add(&pieces->names, text);
    return r < 0 ? r : DOCUMENT_OVER;
}

static int add_other(struct apply_pieces *pieces, const char *namespace_name, const char *name)
{
    struct removal other = {0};

    if (ARRAY_MAKE_ROOM(pieces->others, pieces->n_others) < 0)
        return -ENOMEM;
    other.namespace_name = strdup(namespace_name);
    other.name = strdup(name);
    pieces->others[pieces->n_others++] = other;
    return other.namespace_name && other.name ? 0 : -ENOMEM;
}

static int find_other(struct apply_pieces *pieces, const struct model_namespace *parent,
                      const struct stored_document *document)
{
    _cleanup_free_ char *text = NULL;
    int r;

    if (strcmp(document->source, pieces->request.owned_source) != 0)
        return 0;
    r = whole_name(parent->name, document->name, &text);
    return r < 0 || name_set_has(&pieces->names, text) ? r : add_other(pieces, parent->name, document->name);
}

/* All are noted before the first is removed: that changes what is walked here. */
static int find_some_others(struct apply_pieces *pieces, const struct transaction *transaction)
{
    const struct model_namespace **parent = &pieces->finding.parent;
    const struct stored_document **document = &pieces->finding.document;
    int r = 0;

    if (!*parent) {
        *parent = transaction_catalog(transaction)->namespaces;
        *document = *parent ? (*parent)->documents : NULL;
    }
    for (unsigned i = 0; i < FOUND_AT_ONCE && *document && r == 0; i++) {
        r = find_other(pieces, *parent, *document);
        *document = (*document)->hh.next;
    }
    if (r < 0 || *document)
        return r;
    if (*parent)
        *parent = (*parent)->hh.next;
    if (!*parent)
        return DOCUMENT_OVER;
    *document = (*parent)->documents;
    return 0;
}

static int apply_look_at_one(struct apply_pieces *pieces, struct transaction *transaction,
                             const char *namespace_name, const char *name, bool has_new)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(transaction), namespace_name);
    const struct stored_document *stored = parent ? catalog_document(parent, name) : NULL;

    if (!stored || !withdrawal_must_parse(stored->record, name, has_new) ||
        earlier_find(pieces->request.earlier, stored->record))
        return 0;
    return earlier_note(pieces->request.earlier, parent, stored);
}

/* Those that go, then the new ones. */
static int look_at_earlier(struct apply_pieces *pieces, struct transaction *transaction)
{
    size_t i = pieces->index;
    int r;

    if (i < pieces->n_others) {
        r = apply_look_at_one(pieces, transaction, pieces->others[i].namespace_name, pieces->others[i].name,
                              false);
    } else {
        const struct document *document = &pieces->request.documents->items[i - pieces->n_others];

        r = apply_look_at_one(pieces, transaction, document->namespace_name, document_stored_name(document),
                              true);
    }
    return r < 0 ? r : DOCUMENT_OVER;
}

/* What the stored document published and `new` does not; over at once where there is none. */
static int withdraw(struct apply_pieces *pieces, struct transaction *transaction, const char *namespace_name,
                    const char *name, const struct document *new, uint64_t until_ns, struct error *error)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(transaction), namespace_name);
    const struct stored_document *stored = parent ? catalog_document(parent, name) : NULL;
    int r = 0;

    if (!stored)
        return 0;
    if (!pieces->is_withdrawing)
        r = withdrawal_begin(&pieces->withdrawal, parent, stored, new, pieces->request.earlier);
    pieces->is_withdrawing = true;
    if (r == 0)
        r = withdrawal_go_on(&pieces->withdrawal, transaction, until_ns, error);
    if (r == JOB_GO_ON)
        return r;
    withdrawal_done(&pieces->withdrawal);
    pieces->is_withdrawing = false;
    return r;
}

static int remove_other(struct apply_pieces *pieces, struct transaction *transaction,
                        const struct removal *other, uint64_t until_ns, struct error *error)
{
    struct registry_row row;
    int r = withdraw(pieces, transaction, other->namespace_name, other->name, NULL, until_ns, error);

    if (r == 0)
        r = put_made(transaction, row_delete_document(other->namespace_name, other->name, &row), &row, error);
    return r == 0 ? DOCUMENT_OVER : r;
}

static int withdraw_one(struct apply_pieces *pieces, struct applying *applying,
                        const struct document *document, uint64_t until_ns)
{
    int r;

    if (pieces->at == 0) {
        r = withdraw(pieces, applying->transaction, document->namespace_name, document_stored_name(document),
                     document, until_ns, applying->error);
        if (r != 0)
            return r;
        pieces->at = 1;
    }
    if (!document->is_enabled || pieces->at > document->n_services)
        return DOCUMENT_OVER;
    return publish_fewer_aliases(applying, document, &document->services[pieces->at++ - 1]);
}

/* The same text from elsewhere is no change; a watched file takes it over, so that it goes with the file. */
static bool is_stored(const struct apply_pieces *pieces, const struct model_namespace *parent,
                      const struct document *document)
{
    const struct stored_document *stored =
        parent ? catalog_document(parent, document_stored_name(document)) : NULL;

    return stored && !pieces->request.owned_source && strcmp(stored->text, document->text) == 0;
}

static int put_document(const struct apply_pieces *pieces, const struct applying *applying,
                        const struct document *document)
{
    struct document_record *record = NULL;
    int r = 0;

    if (pieces->request.records && pieces->request.records[pieces->index])
        record = document_record_hold(pieces->request.records[pieces->index]);
    else
        r = document_record_new(document->source, document->text, &record);
    if (r < 0)
        return error_errno(applying->error, r, "applying a document");
    r = transaction_put_document(applying->transaction, document->namespace_name,
                                 document_stored_name(document), record, applying->error);
    document_record_drop(&record);
    return r;
}

/* The namespace, then each service, each route, and at last the document itself. */
static int put_one(struct apply_pieces *pieces, struct applying *applying, const struct document *document)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(applying->transaction), document->namespace_name);
    size_t n_services = document->is_enabled ? document->n_services : 0;
    size_t n_routes = document->is_enabled ? document->n_routes : 0;
    size_t at = pieces->at++;
    struct registry_row row;
    int r;

    if (at == 0) /* a service without Service Connect is in no namespace: it is only kept by one's name */
        return !document->is_enabled || (parent && parent->is_declared)
                   ? 0
                   : put_made(applying->transaction, row_for_namespace(document->namespace_name, NULL, &row),
                              &row, applying->error);
    if (at <= n_services)
        return publish_service(applying, document, &document->services[at - 1]);
    if (at <= n_services + n_routes)
        return publish_route(applying, document, &document->routes[at - 1 - n_services]);
    r = is_stored(pieces, parent, document) ? 0 : put_document(pieces, applying, document);
    return r < 0 ? r : DOCUMENT_OVER;
}

/* ---- the whole ---- */

static size_t count_of_part(const struct apply_pieces *pieces)
{
    switch (pieces->part) {
    case APPLY_NOTE:
        return pieces->request.owned_source ? pieces->request.documents->n : 0;
    case APPLY_FIND:
        return pieces->request.owned_source ? 1 : 0;
    case APPLY_LOOK:
        return pieces->request.earlier ? pieces->n_others + pieces->request.documents->n : 0;
    case APPLY_OTHERS:
        return pieces->n_others;
    default:
        return pieces->request.documents->n;
    }
}

static int do_one(struct apply_pieces *pieces, struct applying *applying, uint64_t until_ns)
{
    const struct document *items = pieces->request.documents->items;

    switch (pieces->part) {
    case APPLY_NOTE:
        return note_document(pieces, &items[pieces->index]);
    case APPLY_FIND:
        return find_some_others(pieces, applying->transaction);
    case APPLY_LOOK:
        return look_at_earlier(pieces, applying->transaction);
    case APPLY_OTHERS:
        return remove_other(pieces, applying->transaction, &pieces->others[pieces->index], until_ns,
                            applying->error);
    case APPLY_WITHDRAW:
        return withdraw_one(pieces, applying, &items[pieces->index], until_ns);
    case APPLY_PUT:
        return put_one(pieces, applying, &items[pieces->index]);
    case APPLY_END:
        break;
    }
    return 0;
}

static int apply_next_part(struct apply_pieces *pieces)
{
    pieces->part++;
    pieces->index = 0;
    return pieces->part == APPLY_OTHERS && pieces->request.earlier && pieces->request.earlier->must_parse
               ? -ESTALE
               : 0;
}

/* -EINVAL if there are errors: with the first one, or where none was kept, with the first finding. */
static int refuse_errors(const struct findings *findings, struct error *error)
{
    if (findings->n_errors == 0)
        return 0;
    *error = findings->items[0].error;
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == FINDING_ERROR) {
            *error = findings->items[i].error;
            break;
        }
    return -EINVAL;
}

static int apply_go_on(struct apply_pieces *pieces, struct applying *applying, uint64_t until_ns)
{
    int r = 0;

    while (pieces->part != APPLY_END) {
        if (clock_monotonic_ns() >= until_ns)
            return JOB_GO_ON;
        if (pieces->index == count_of_part(pieces))
            r = apply_next_part(pieces);
        else
            r = do_one(pieces, applying, until_ns);
        if (r == JOB_GO_ON)
            return r;
        if (r < 0)
            return applying->error->number ? r : error_errno(applying->error, r, "applying a document");
        if (r == DOCUMENT_OVER) {
            pieces->index++;
            pieces->at = 0;
        }
    }
    return refuse_errors(applying->findings, applying->error);
}

int apply_pieces_go_on(struct apply_pieces *pieces, struct transaction *transaction, uint64_t until_ns,
                       struct findings *findings, struct error *error)
{
    struct applying applying = {transaction, findings, error};

    if (transaction_is_new_run(transaction)) {
        begin_again(pieces);
        if (pieces->request.owned_source)
            transaction_own(transaction);
    }
    return apply_go_on(pieces, &applying, until_ns);
}

int apply_in(struct transaction *transaction, const struct apply_request *request, struct findings *findings,
             struct error *error)
{
    struct apply_pieces pieces = {.request = *request};
    struct applying applying = {transaction, findings, error};
    int r;

    if (request->owned_source)
        transaction_own(transaction);
    r = apply_go_on(&pieces, &applying, UINT64_MAX);
    begin_again(&pieces);
    return r;
}
