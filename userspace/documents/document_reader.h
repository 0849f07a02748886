/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading members of a parsed document while keeping the JSON path to where one is, so that each finding
 * names it. Getters report what is wrong themselves and go on: a document's errors are told all at once. A
 * failed allocation is remembered in `status` and ends nothing early; documents_parse() looks at it last.
 */
#pragma once

#include "base/json.h"
#include "documents/documents.h"

struct document_reader {
    const char *source;
    const struct documents_options *options;
    struct findings *findings;
    size_t n_errors; /* of this source */
    size_t n_names;  /* published by this source */
    int status;      /* 0 or -ENOMEM */
    char path[DOCUMENT_PATH_SIZE];
};

/* Whole characters of `text`, as many as fit; control characters become '?'. */
void document_clip(char *clipped, size_t size, const char *text);

/* Steps into a member or an element; the result goes to document_leave(). Both may be called with a path that
 * is already full. */
size_t document_enter(struct document_reader *reader, const char *name);
size_t document_enter_element(struct document_reader *reader, size_t index);
void document_leave(struct document_reader *reader, size_t mark);

/* About the member `name` of where the reader is; "" for that place itself. `value` NULL: it is missing. */
void document_error(struct document_reader *reader, const char *name, const char *value, const char *allowed,
                    ...) __attribute__((format(printf, 4, 5)));
void document_warn(struct document_reader *reader, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* About the place of an earlier document_reader.path. */
void document_error_at(struct document_reader *reader, const char *path, const char *value,
                       const char *allowed, ...) __attribute__((format(printf, 4, 5)));
void document_warn_at(struct document_reader *reader, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds what a check of the model said about the member `name`. */
void document_error_found(struct document_reader *reader, const char *name, const struct error *error);

/* Adds an error whose sentence is whole: it names the source itself. */
void document_error_whole(struct document_reader *reader, const struct error *error);

/* "wrong kind" of the item itself: false unless it is an object. */
bool document_is_object(struct document_reader *reader, const cJSON *item);

/*
 * The member if it is there and good, else NULL or the fallback; false or NULL with an error reported if it
 * is bad, or missing though required.
 */
const cJSON *document_get_object(struct document_reader *reader, const cJSON *object, const char *name,
                                 bool required);
const cJSON *document_get_array(struct document_reader *reader, const cJSON *object, const char *name,
                                bool required);
const char *document_get_string(struct document_reader *reader, const cJSON *object, const char *name,
                                bool required);
bool document_get_bool(struct document_reader *reader, const cJSON *object, const char *name, bool fallback);

/* Sets *ret_number and returns true if the member is there and good. */
bool document_get_integer(struct document_reader *reader, const cJSON *object, const char *name,
                          bool required, uint32_t minimum, uint32_t maximum, uint32_t *ret_number);

/* The string if it is one of the NULL-terminated `values`. */
const char *document_get_enum(struct document_reader *reader, const cJSON *object, const char *name,
                              bool required, const char *const values[]);

/* Warns of each member that is not among the NULL-terminated `known`, guessing what was meant. */
void document_warn_unknown(struct document_reader *reader, const cJSON *object, const char *const known[]);

static inline const cJSON *document_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* The elements that are there. */
static inline size_t document_count(const cJSON *array)
{
    return array ? (size_t)cJSON_GetArraySize(array) : 0;
}

/* Memory for `n` zeroed elements, at least one; NULL is remembered in status. */
void *document_allocate(struct document_reader *reader, size_t n, size_t size);
char *document_copy(struct document_reader *reader, const char *text);
