/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/withdrawal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "base/array.h"
#include "base/clock.h"
#include "engine/change/edits.h"
#include "engine/change/job.h"
#include "registry/rows.h"

/* Up to here a stored text is parsed again in far less than a piece's time. */
#define SHORT_TEXT (64u << 10)

const char *document_stored_name(const struct document *document)
{
    return document->name ? document->name : ROUTES_DOCUMENT;
}

const char *document_client(const struct document *document)
{
    return document->name ? document->name : "";
}

int put_made(struct transaction *transaction, int made, struct registry_row *row, struct error *error)
{
    return made < 0 ? error_errno(error, made, "applying a document")
                    : transaction_put(transaction, *row, error);
}

/* ---- what it published ---- */

static bool is_of_client(const char *name)
{
    return strcmp(name, ROUTES_DOCUMENT) != 0;
}

/* Of a client that goes all routes go, whatever its text says. */
bool withdrawal_must_parse(const struct document_record *record, const char *name, bool has_new)
{
    return record->length > SHORT_TEXT && record->has_routes && (has_new || !is_of_client(name));
}

static int find_old(struct withdrawal *withdrawal, const struct document_record *record,
                    const struct earlier *earlier)
{
    const struct earlier_text *text = earlier ? earlier_find(earlier, record) : NULL;

    withdrawal->old = text ? &text->list : &withdrawal->parsed;
    return text ? text->result
                : earlier_parse_text(withdrawal->namespace_name, withdrawal->name, record,
                                     &withdrawal->parsed);
}

/*
 * Services carry the name of their document, so that a long text need not be parsed again to find them. Its
 * routes do not.
 */
int withdrawal_begin(struct withdrawal *withdrawal, const struct model_namespace *parent,
                     const struct stored_document *stored, const struct document *new,
                     const struct earlier *earlier)
{
    int r;

    withdrawal->old = &withdrawal->parsed;
    withdrawal->namespace_name = strdup(parent->name);
    withdrawal->name = strdup(stored->name);
    if (!withdrawal->namespace_name || !withdrawal->name)
        return -ENOMEM;
    withdrawal->new = new &&new->is_enabled ? new : NULL;
    withdrawal->is_client_gone = !new &&is_of_client(withdrawal->name);
    withdrawal->is_marked = stored->record->length > SHORT_TEXT &&
                            !withdrawal_must_parse(stored->record, withdrawal->name, new != NULL);
    if (withdrawal->is_marked)
        return 0;
    r = find_old(withdrawal, stored->record, earlier);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        withdrawal->is_marked = true;
        withdrawal->is_client_gone = is_of_client(withdrawal->name);
    }
    return 0;
}

void withdrawal_done(struct withdrawal *withdrawal)
{
    for (size_t i = 0; i < withdrawal->n_names; i++)
        free(withdrawal->names[i]);
    free(withdrawal->names);
    name_set_done(&withdrawal->services);
    name_set_done(&withdrawal->routes);
    document_list_done(&withdrawal->parsed);
    free(withdrawal->namespace_name);
    free(withdrawal->name);
    *withdrawal = (struct withdrawal){0};
}

static int withdrawal_add_name(struct withdrawal *withdrawal, const char *name)
{
    char *copy = strdup(name);

    if (!copy || ARRAY_MAKE_ROOM(withdrawal->names, withdrawal->n_names) < 0) {
        free(copy);
        return -ENOMEM;
    }
    withdrawal->names[withdrawal->n_names++] = copy;
    return 0;
}

/* ---- one thing of each part; 1: that was the last ---- */

#define PART_OVER 1

static int note_service(struct withdrawal *withdrawal)
{
    const struct document *new = withdrawal->new;

    if (!new || withdrawal->index == new->n_services)
        return PART_OVER;
    return name_set_add(&withdrawal->services, new->services[withdrawal->index++].discovery_name);
}

#define ROUTE_TEXT (MODEL_DNS_NAME_MAX + 8)

static const char *route_text(const struct client_alias *alias, unsigned port, char text[static ROUTE_TEXT])
{
    (void)snprintf(text, ROUTE_TEXT, "%s:%u", alias->dns_name, port);
    return text;
}

static int note_route(struct withdrawal *withdrawal)
{
    const struct document *new = withdrawal->new;
    char text[ROUTE_TEXT];
    const struct client_alias *alias;

    if (!new || withdrawal->index == new->n_routes)
        return PART_OVER;
    alias = &new->routes[withdrawal->index++].alias;
    return name_set_add(&withdrawal->routes, route_text(alias, alias->port, text));
}

/* The services that say they are of this document. Nothing is put here, so that the hash stays as it is. */
static int look_at_service(struct withdrawal *withdrawal, struct transaction *transaction)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(transaction), withdrawal->namespace_name);
    struct service *service =
        withdrawal->index++ == 0 ? (parent ? parent->services : NULL) : withdrawal->next;

    if (!withdrawal->is_marked || !service)
        return PART_OVER;
    withdrawal->next = service->hh.next;
    if (!service->document || strcmp(service->document, withdrawal->name) != 0 ||
        name_set_has(&withdrawal->services, service->name))
        return 0;
    return withdrawal_add_name(withdrawal, service->name);
}

/* The service with its instances, unless somebody else has taken the name over. */
static int withdraw_service(struct withdrawal *withdrawal, struct transaction *transaction, const char *name,
                            uint64_t until_ns, struct error *error)
{
    const struct service *service =
        catalog_service(transaction_catalog(transaction), withdrawal->namespace_name, name);

    if (!service || !service->document || strcmp(service->document, withdrawal->name) != 0)
        return 0;
    return change_remove_service(transaction, withdrawal->namespace_name, name, until_ns, error);
}

/* The next thing of the old documents, of which `n` gives the number in one; NULL: no more. */
static const struct document *next_of_old(struct withdrawal *withdrawal,
                                          size_t (*count)(const struct document *document))
{
    while (withdrawal->document < withdrawal->old->n) {
        const struct document *document = &withdrawal->old->items[withdrawal->document];

        if (document->is_enabled && withdrawal->index < count(document))
            return document;
        withdrawal->document++;
        withdrawal->index = 0;
    }
    return NULL;
}

static size_t withdrawal_count_services(const struct document *document)
{
    return document->n_services;
}

static size_t count_routes(const struct document *document)
{
    return document->n_routes;
}

/* The next one that may have to go; NULL: there are no more. */
static const char *next_service(struct withdrawal *withdrawal)
{
    const struct document *old;

    if (withdrawal->is_marked)
        return withdrawal->index < withdrawal->n_names ? withdrawal->names[withdrawal->index] : NULL;
    old = next_of_old(withdrawal, withdrawal_count_services);
    return old ? old->services[withdrawal->index].discovery_name : NULL;
}

static int take_back_service(struct withdrawal *withdrawal, struct transaction *transaction,
                             uint64_t until_ns, struct error *error)
{
    const char *name = next_service(withdrawal);
    int r = 0;

    if (!name)
        return PART_OVER;
    if (withdrawal->is_marked || !name_set_has(&withdrawal->services, name))
        r = withdraw_service(withdrawal, transaction, name, until_ns, error);
    if (r == 0)
        withdrawal->index++;
    return r;
}

static int take_back_route(struct withdrawal *withdrawal, struct transaction *transaction,
                           struct error *error)
{
    const struct document *old = next_of_old(withdrawal, count_routes);
    char identity[ALIAS_IDENTITY_SIZE];
    char text[ROUTE_TEXT];
    struct client_alias alias;
    struct registry_row row;

    if (!old)
        return PART_OVER;
    alias = old->routes[withdrawal->index++].alias;
    /* With several ports it cannot be told which one was meant then: those stay until they are cleared. */
    if (alias.port == 0)
        (void)change_route_port(
            catalog_namespace(transaction_catalog(transaction), withdrawal->namespace_name),
            document_client(old), &alias, true, NULL);
    if (alias.port == 0 || name_set_has(&withdrawal->routes, route_text(&alias, 0, text)) ||
        name_set_has(&withdrawal->routes, route_text(&alias, alias.port, text)))
        return 0;
    return put_made(transaction,
                    row_delete_route(withdrawal->namespace_name, document_client(old),
                                     alias_identity(&alias, identity), &row),
                    &row, error);
}

/* Identities are noted before the first is removed: that changes what is walked. */
static int note_client_routes(struct withdrawal *withdrawal, struct transaction *transaction)
{
    const struct model_namespace *parent =
        catalog_namespace(transaction_catalog(transaction), withdrawal->namespace_name);
    const struct client *client = parent ? catalog_client(parent, withdrawal->name) : NULL;
    const struct route *route;
    int r = 0;

    for (size_t i = 0; i < withdrawal->n_names; i++)
        free(withdrawal->names[i]);
    withdrawal->n_names = 0;
    free(withdrawal->names);
    withdrawal->names = NULL;
    for (route = client ? client->routes : NULL; route && r == 0; route = route->hh.next)
        r = withdrawal_add_name(withdrawal, route->identity);
    return r;
}

static int take_back_client_route(struct withdrawal *withdrawal, struct transaction *transaction,
                                  struct error *error)
{
    struct registry_row row;
    int r = 0;

    if (!withdrawal->is_client_gone)
        return PART_OVER;
    if (withdrawal->index == 0)
        r = note_client_routes(withdrawal, transaction);
    if (r < 0)
        return r;
    if (withdrawal->index == withdrawal->n_names)
        return PART_OVER;
    return put_made(transaction,
                    row_delete_route(withdrawal->namespace_name, withdrawal->name,
                                     withdrawal->names[withdrawal->index++], &row),
                    &row, error);
}

static int take_back_one(struct withdrawal *withdrawal, struct transaction *transaction, uint64_t until_ns,
                         struct error *error)
{
    switch (withdrawal->part) {
    case WITHDRAWAL_NEW_SERVICES:
        return note_service(withdrawal);
    case WITHDRAWAL_NEW_ROUTES:
        return note_route(withdrawal);
    case WITHDRAWAL_MARKED:
        return look_at_service(withdrawal, transaction);
    case WITHDRAWAL_SERVICES:
        return take_back_service(withdrawal, transaction, until_ns, error);
    case WITHDRAWAL_ROUTES:
        return take_back_route(withdrawal, transaction, error);
    case WITHDRAWAL_CLIENT:
        return take_back_client_route(withdrawal, transaction, error);
    case WITHDRAWAL_END:
        break;
    }
    return PART_OVER;
}

int withdrawal_go_on(struct withdrawal *withdrawal, struct transaction *transaction, uint64_t until_ns,
                     struct error *error)
{
    while (withdrawal->part != WITHDRAWAL_END) {
        int r;

        if (clock_monotonic_ns() >= until_ns)
            return JOB_GO_ON;
        r = take_back_one(withdrawal, transaction, until_ns, error);
        if (r == JOB_GO_ON)
            return r;
        if (r < 0)
            return error->number ? r : error_errno(error, r, "applying a document");
        if (r == PART_OVER) {
            withdrawal->part++;
            withdrawal->document = 0;
            withdrawal->index = 0;
        }
    }
    return 0;
}

int apply_removal(struct transaction *transaction, const struct model_namespace *parent,
                  const struct stored_document *document, struct error *error)
{
    struct withdrawal withdrawal = {0};
    struct registry_row row;
    int r = withdrawal_begin(&withdrawal, parent, document, NULL, NULL);

    if (r < 0)
        (void)error_errno(error, r, "applying a document");
    else
        r = withdrawal_go_on(&withdrawal, transaction, UINT64_MAX, error);
    if (r == 0)
        r = put_made(transaction, row_delete_document(withdrawal.namespace_name, withdrawal.name, &row), &row,
                     error);
    withdrawal_done(&withdrawal);
    return r;
}
