/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names in one growing text, and a merge sort of their entries that can be left off at any entry. */
#include "api/read/list_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- noting ---- */

static int note_text(struct list_names *names, const char *text, uint32_t *ret_offset)
{
    size_t size = strlen(text) + 1;

    if (names->text_length + size > UINT32_MAX)
        return -E2BIG;
    if (names->text_length + size > names->text_room) {
        size_t room = (names->text_length + size) * 2;
        char *grown = realloc(names->text, room);

        if (!grown)
            return -ENOMEM;
        names->text = grown;
        names->text_room = room;
    }
    (void)memcpy(names->text + names->text_length, text, size);
    *ret_offset = (uint32_t)names->text_length;
    names->text_length += size;
    return 0;
}

int list_names_begin_namespace(struct list_names *names, const char *name)
{
    return note_text(names, name, &names->namespace_name);
}

const char *list_names_namespace(const struct list_names *names)
{
    return names->text + names->namespace_name;
}

void list_names_clear(struct list_names *names)
{
    names->n = names->text_length = 0;
}

static int list_names_make_room(struct list_names *names)
{
    size_t room = names->room ? names->room * 2 : 64;
    struct list_entry *grown = reallocarray(names->entries, room, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    names->entries = grown;
    names->room = room;
    return 0;
}

int list_names_note(struct list_names *names, const char *client, const char *name, uint16_t port,
                    uint8_t protocol)
{
    struct list_entry entry = {.namespace_name = names->namespace_name, .port = port, .protocol = protocol};
    int r = note_text(names, client, &entry.client);

    if (r == 0)
        r = note_text(names, name, &entry.name);
    if (r == 0 && names->n == names->room)
        r = list_names_make_room(names);
    if (r == 0)
        names->entries[names->n++] = entry;
    return r;
}

/* ---- sorting ---- */

static int by_key(const void *a, const void *b, void *user)
{
    const struct list_entry *left = a;
    const struct list_entry *right = b;
    const char *text = user;
    int order = left->namespace_name == right->namespace_name
                    ? 0
                    : strcmp(text + left->namespace_name, text + right->namespace_name);

    if (order == 0)
        order = strcmp(text + left->client, text + right->client);
    if (order == 0)
        order = strcmp(text + left->name, text + right->name);
    if (order == 0)
        order = left->port - right->port;
    return order ? order : left->protocol - right->protocol;
}

static size_t list_names_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Runs of their own, one at a time; the last may be shorter. Then they are there to be merged. */
static int sort_run(struct list_names *names)
{
    size_t n = list_names_smaller(LIST_NAMES_RUN, names->n - names->first);

    if (n > 0)
        qsort_r(names->entries + names->first, n, sizeof(*names->entries), by_key, names->text);
    names->first += n;
    if (names->first < names->n)
        return 1;
    names->first = 0;
    names->run = LIST_NAMES_RUN;
    if (names->n <= names->run)
        return 0;
    names->other = malloc(names->n * sizeof(*names->other));
    return names->other ? 1 : -ENOMEM;
}

/* Moves at most `most` entries of the two runs at `first` to their places. Returns how many. */
static size_t merge_some(struct list_names *names, size_t most)
{
    size_t left_end = list_names_smaller(names->run, names->n - names->first);
    size_t right_end = list_names_smaller(names->run, names->n - names->first - left_end);
    const struct list_entry *left = names->entries + names->first;
    const struct list_entry *right = left + left_end;
    struct list_entry *to = names->other + names->first + names->n_left + names->n_right;
    size_t n = 0;

    for (; n < most && names->n_left + names->n_right < left_end + right_end; n++)
        if (names->n_right == right_end ||
            (names->n_left < left_end &&
             by_key(&left[names->n_left], &right[names->n_right], names->text) <= 0))
            to[n] = left[names->n_left++];
        else
            to[n] = right[names->n_right++];
    if (names->n_left + names->n_right == left_end + right_end) {
        names->first += left_end + right_end;
        names->n_left = names->n_right = 0;
    }
    return n;
}

static int merge_piece(struct list_names *names)
{
    struct list_entry *merged = names->other;
    size_t n = 0;

    while (n < LIST_NAMES_PIECE && names->first < names->n)
        n += merge_some(names, LIST_NAMES_PIECE - n);
    if (names->first < names->n)
        return 1;
    names->other = names->entries;
    names->entries = merged;
    names->first = 0;
    names->run *= 2;
    return names->run < names->n;
}

int list_names_sort(struct list_names *names)
{
    if (names->run == 0)
        return sort_run(names);
    return names->run < names->n ? merge_piece(names) : 0;
}

/* ---- reading ---- */

struct list_key list_names_key(const struct list_names *names, size_t i)
{
    const struct list_entry *entry = &names->entries[i];

    return (struct list_key){
        .namespace_name = names->text + entry->namespace_name,
        .client = names->text + entry->client,
        .name = names->text + entry->name,
        .port = entry->port,
        .protocol = entry->protocol,
    };
}

void list_names_done(struct list_names *names)
{
    free(names->entries);
    free(names->other);
    free(names->text);
    *names = (struct list_names){0};
}
