/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names that a list is to show: noted in whatever order they are found, then sorted piece by piece, since
 * a hundred thousand at once take longer than anybody else should wait. They are copies and outlive what they
 * name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What one entry stands for; texts stay good until the next one is noted. A list needs not use all of it. */
struct list_key {
    const char *namespace_name;
    const char *client; /* "": of everybody */
    const char *name;
    uint16_t port;
    uint8_t protocol;
};

/* Private to list_names.c: offsets into the text, which moves as it grows. */
struct list_entry {
    uint32_t namespace_name, client, name;
    uint16_t port;
    uint8_t protocol;
};

struct list_names {
    size_t n;
    /* Private to list_names.c: */
    size_t room;
    struct list_entry *entries, *other; /* that merging writes to */
    char *text;
    size_t text_length, text_room;
    uint32_t namespace_name; /* of what is noted now */
    size_t run;              /* so many in a row are in order; 0: not begun */
    size_t first;            /* of the two runs that are being merged */
    size_t n_left, n_right;  /* taken of them */
};

/* A piece of sorting sorts one run or moves so many entries. */
#define LIST_NAMES_RUN   512u
#define LIST_NAMES_PIECE 2048u

void list_names_done(struct list_names *names); /* harmless on one that is all 0, which is how it begins */

/* As if nothing had been noted; before sorting. */
void list_names_clear(struct list_names *names);

/* Those that follow are of this namespace; before the first. -ENOMEM, -E2BIG. */
int list_names_begin_namespace(struct list_names *names, const char *name);
const char *list_names_namespace(const struct list_names *names);

/* -ENOMEM, -E2BIG: more than offsets of 32 bits reach. */
int list_names_note(struct list_names *names, const char *client, const char *name, uint16_t port,
                    uint8_t protocol);

/*
 * The next piece of sorting by all members in their order, after everything has been noted. 1: there is more;
 * 0: they are sorted; -ENOMEM.
 */
int list_names_sort(struct list_names *names);

struct list_key list_names_key(const struct list_names *names, size_t i);
