/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/document_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int document_record_new(const char *source, const char *text, struct document_record **ret_record)
{
    struct document_record *record = calloc(1, sizeof(*record));

    if (!record)
        return -ENOMEM;
    record->references = 1;
    record->source = strdup(source);
    record->text = strdup(text);
    if (!record->source || !record->text) {
        document_record_drop(&record);
        return -ENOMEM;
    }
    record->length = strlen(text);
    record->has_routes = strstr(text, "\"routes\"") != NULL;
    *ret_record = record;
    return 0;
}

struct document_record *document_record_hold(struct document_record *record)
{
    if (record)
        record->references++;
    return record;
}

void document_record_drop(struct document_record **record)
{
    struct document_record *one = *record;

    *record = NULL;
    if (!one || --one->references > 0)
        return;
    free(one->source);
    free(one->text);
    free(one->row);
    free(one);
}

void document_record_use_row(struct document_record *record)
{
    record->n_users++;
}

void document_record_leave_row(struct document_record *record)
{
    if (--record->n_users > 0)
        return;
    free(record->row);
    record->row = NULL;
}

bool document_record_equal(const struct document_record *one, const struct document_record *other)
{
    return one == other || (one->length == other->length && strcmp(one->source, other->source) == 0 &&
                            memcmp(one->text, other->text, one->length) == 0);
}
