/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/earlier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"

int earlier_note(struct earlier *earlier, const struct model_namespace *parent,
                 const struct stored_document *stored)
{
    struct earlier_text *text;

    HASH_FIND_PTR(earlier->all, &stored->record, text);
    if (text)
        return 0;
    text = calloc(1, sizeof(*text));
    if (!text)
        return -ENOMEM;
    text->namespace_name = strdup(parent->name);
    text->name = strdup(stored->name);
    if (!text->namespace_name || !text->name) {
        free(text->namespace_name);
        free(text->name);
        free(text);
        return -ENOMEM;
    }
    text->record = document_record_hold(stored->record);
    HASH_ADD_PTR(earlier->all, record, text);
    earlier->must_parse = true;
    return 0;
}

int earlier_parse_text(const char *namespace_name, const char *name, const struct document_record *record,
                       struct document_list *list)
{
    const struct documents_options options = apply_options(namespace_name, SETTINGS_RIGHTS_STORED);
    struct findings findings = {0};
    int r = documents_parse(record->source, record->text, record->length, &options, list, &findings);

    findings_done(&findings);
    /* It may be stored by another name than its text says, and its routes are its clients' by that. */
    for (size_t i = 0; r == 0 && i < list->n; i++)
        if (list->items[i].name && strcmp(list->items[i].name, name) != 0) {
            free(list->items[i].name);
            list->items[i].name = strdup(name);
            r = list->items[i].name ? 0 : -ENOMEM;
        }
    return r;
}

int earlier_parse(struct earlier *earlier)
{
    struct earlier_text *text;

    for (text = earlier->all; text; text = text->hh.next) {
        if (text->is_parsed)
            continue;
        text->result = earlier_parse_text(text->namespace_name, text->name, text->record, &text->list);
        if (text->result == -ENOMEM)
            return -ENOMEM;
        text->is_parsed = true;
    }
    earlier->must_parse = false;
    return 0;
}

const struct earlier_text *earlier_find(const struct earlier *earlier, const struct document_record *record)
{
    struct earlier_text *text;

    HASH_FIND_PTR(earlier->all, &record, text);
    return text && text->is_parsed ? text : NULL;
}

void earlier_done(struct earlier *earlier,
                  void (*free_list)(struct document_list *list, struct worker *worker), struct worker *worker)
{
    struct earlier_text *text, *next;

    HASH_ITER (hh, earlier->all, text, next) {
        HASH_DEL(earlier->all, text);
        free_list(&text->list, worker);
        document_record_drop(&text->record);
        free(text->namespace_name);
        free(text->name);
        free(text);
    }
    *earlier = (struct earlier){0};
}
