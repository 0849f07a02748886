/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The text of a stored ECS document, which may be megabytes: the catalog, rows that put it or undo that, and
 * who parses it share one copy. It never changes. References are counted without a lock: only the loop takes
 * and gives them; a thread may read what somebody holds for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct document_record {
    unsigned references;
    char *source; /* file it came from, or "" */
    char *text;
    size_t length;    /* of the text */
    bool has_routes;  /* or a text that looks like it */
    char *row;        /* the value of its row, while somebody uses that; else NULL */
    unsigned n_users; /* of the row */
};

/* Copies both; it has one reference. -ENOMEM. */
int document_record_new(const char *source, const char *text, struct document_record **ret_record);

struct document_record *document_record_hold(struct document_record *record); /* NULL-safe; returns it */
void document_record_drop(struct document_record **record);                   /* NULL-safe; sets to NULL */

/* The last who did not use the row any more frees it; it can be written again. */
void document_record_use_row(struct document_record *record);
void document_record_leave_row(struct document_record *record);

bool document_record_equal(const struct document_record *one, const struct document_record *other);
