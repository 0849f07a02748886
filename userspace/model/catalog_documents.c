/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The stored ECS documents of a namespace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/catalog.h"
#include "model/document_record.h"

static void free_document(struct stored_document *document)
{
    free(document->name);
    document_record_drop(&document->record);
    free(document);
}

struct stored_document *catalog_document(const struct model_namespace *parent, const char *name)
{
    struct stored_document *found;

    HASH_FIND_STR(parent->documents, name, found);
    return found;
}

void catalog_remove_document(struct catalog *catalog, struct model_namespace *parent,
                             struct stored_document *document)
{
    HASH_DEL(parent->documents, document);
    free_document(document);
    catalog->n_documents--;
}

int catalog_set_document_record(struct catalog *catalog, struct model_namespace *parent, const char *name,
                                struct document_record *record)
{
    struct stored_document *document = calloc(1, sizeof(*document));
    struct stored_document *old = catalog_document(parent, name);

    if (!document)
        return -ENOMEM;
    document->name = strdup(name);
    if (!document->name) {
        free_document(document);
        return -ENOMEM;
    }
    document->record = document_record_hold(record);
    document->source = record->source;
    document->text = record->text;
    if (old)
        catalog_remove_document(catalog, parent, old);
    HASH_ADD_KEYPTR(hh, parent->documents, document->name, strlen(document->name), document);
    catalog->n_documents++;
    return 0;
}

int catalog_set_document(struct catalog *catalog, struct model_namespace *parent, const char *name,
                         const char *source, const char *text)
{
    struct document_record *record;
    int r = document_record_new(source, text, &record);

    if (r < 0)
        return r;
    r = catalog_set_document_record(catalog, parent, name, record);
    document_record_drop(&record);
    return r;
}

void catalog_free_documents(struct model_namespace *parent)
{
    struct stored_document *document, *next;

    HASH_ITER (hh, parent->documents, document, next) {
        HASH_DEL(parent->documents, document);
        free_document(document);
    }
}
