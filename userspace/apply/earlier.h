/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Earlier versions of documents that are too long to be parsed on the loop: a job that meets some notes them
 * and ends, the worker parses them, and the job runs again. Private to apply/.
 */
#pragma once

#include <stdbool.h>

#include "base/hash.h"
#include "documents/documents.h"
#include "model/catalog.h"
#include "model/document_record.h"

struct worker;

struct earlier_text {
    struct document_record *record; /* the key: as long as it is held no other one is there */
    char *namespace_name;
    char *name; /* that it is stored by */
    bool is_parsed;
    int result; /* -EINVAL: it does not stand alone (its task definition was another of its source) */
    struct document_list list;
    UT_hash_handle hh;
};

struct earlier {
    struct earlier_text *all;
    bool must_parse; /* some of them */
};

/* On the loop: notes a text, unless it has been. -ENOMEM. */
int earlier_note(struct earlier *earlier, const struct model_namespace *parent,
                 const struct stored_document *stored);

/* On the worker: parses those that have not been. -ENOMEM. */
int earlier_parse(struct earlier *earlier);

/* NULL: not parsed. */
const struct earlier_text *earlier_find(const struct earlier *earlier, const struct document_record *record);

/* The lists go to `free_list`, the rest is freed. */
void earlier_done(struct earlier *earlier,
                  void (*free_list)(struct document_list *list, struct worker *worker),
                  struct worker *worker);

/* Anywhere: 0, -EINVAL, -ENOMEM. */
int earlier_parse_text(const char *namespace_name, const char *name, const struct document_record *record,
                       struct document_list *list);
