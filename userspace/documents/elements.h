/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What stands in a source: services, task definitions and routes documents, wherever they are in it. Besides
 * one value or an array of them these are what AWS's tools print, pasted as it is: {"services": [...]},
 * {"taskDefinition": {...}}, {"service": {...}}, and what --query or jq make of them, arrays in arrays too.
 */
#pragma once

#include "documents/document_reader.h"
#include "documents/parse_task_definition.h"

#define DOCUMENT_BLOCK "serviceConnectConfiguration"

enum element_kind {
    ELEMENT_UNKNOWN,
    ELEMENT_SERVICE,
    ELEMENT_TASK_DEFINITION,
    ELEMENT_ROUTES,
};

struct element {
    const cJSON *json;
    enum element_kind kind;
    char *path;   /* of an element that stands deeper than in the source's own array; else NULL */
    size_t index; /* in that array */
    struct task_definition definition; /* of that kind */
    bool is_referred_to;
};

struct elements {
    bool is_array; /* the source is one */
    struct element *items;
    size_t n;
    struct element **by_family; /* task definitions, sorted by family and revision */
    size_t n_families;
};

/* Findings go to the reader, which stands at the root; so do failures that the tools tell of. */
void elements_read(struct document_reader *reader, const cJSON *json, struct elements *ret_elements);
void elements_done(struct elements *elements);

/* Steps to where the element is; document_leave() takes the result. */
size_t element_enter(struct document_reader *reader, const struct elements *elements,
                     const struct element *element);

/*
 * The task definition of this source that a service names: of the revision that it names, else one that does
 * not tell its revision, else the latest (*ret_is_other: the name asks for another one). NULL: none.
 */
struct element *elements_find_family(const struct elements *elements, const char *task_definition,
                                     bool *ret_is_other);
