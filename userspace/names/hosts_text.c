/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In: the host's own hosts file and the names of a namespace. Out: the hosts file of a task. Building again
 * from what was built changes nothing: the block is replaced, and names once commented out stay so.
 */
#include "names/hosts_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLOCK_BEGIN  "# svcconnect begin (written by svcconnect; changes here are lost)"
#define BLOCK_END    "# svcconnect end"
#define NOTE         "# svcconnect:"
#define LONGEST_LINE 500 /* musl reads 512 bytes of a line */

/* A piece of a line, not NUL-terminated. */
struct piece {
    const char *text;
    size_t length;
};

/* Names of the block, sorted without regard to case, as resolvers compare them. */
struct name_set {
    const char **names;
    size_t n;
};

static void cleanup_name_set(struct name_set *set)
{
    free(set->names);
}

static int hosts_text_by_name(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static int piece_to_name(const void *piece, const void *name)
{
    const struct piece *word = piece;
    const char *other = *(const char *const *)name;
    int order = strncasecmp(word->text, other, word->length);

    if (order != 0)
        return order;
    return other[word->length] ? -1 : 0;
}

static int name_set_init(struct name_set *set, const struct hosts_entry *entries, size_t n)
{
    set->names = calloc(n + 1, sizeof(*set->names));
    if (!set->names)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        set->names[i] = entries[i].name;
    set->n = n;
    qsort(set->names, n, sizeof(*set->names), hosts_text_by_name);
    return 0;
}

static bool name_set_has(const struct name_set *set, const struct piece *word)
{
    return bsearch(word, set->names, set->n, sizeof(*set->names), piece_to_name) != NULL;
}

/* The next word of the rest of a line; false at its end or at a comment. */
static bool hosts_text_next_word(struct piece *rest, struct piece *ret_word)
{
    size_t skip = 0;
    size_t length = 0;

    while (skip < rest->length && strchr(" \t\r", rest->text[skip]))
        skip++;
    while (skip + length < rest->length && !strchr(" \t\r#", rest->text[skip + length]))
        length++;
    rest->text += skip;
    rest->length -= skip;
    if (length == 0)
        return false;
    *ret_word = (struct piece){rest->text, length};
    rest->text += length;
    rest->length -= length;
    return true;
}

/* Writes the names of an own line that are in the set, or those that are not. */
static void write_names(FILE *out, struct piece rest, const struct name_set *set, bool are_in_set)
{
    struct piece word;

    while (hosts_text_next_word(&rest, &word))
        if (name_set_has(set, &word) == are_in_set)
            (void)fprintf(out, " %.*s", (int)word.length, word.text);
}

/* An own line: as it is, as a comment, or with the names of the block moved into a comment at its end. */
static void write_own_line(FILE *out, struct piece line, const struct name_set *set)
{
    struct piece rest = line;
    struct piece address = {0};
    struct piece names = {0};
    struct piece word;
    size_t n_kept = 0;
    size_t n_hidden = 0;

    if (hosts_text_next_word(&rest, &address)) {
        names = rest;
        while (hosts_text_next_word(&rest, &word)) {
            if (name_set_has(set, &word))
                n_hidden++;
            else
                n_kept++;
        }
    }
    if (n_hidden == 0) {
        (void)fprintf(out, "%.*s\n", (int)line.length, line.text);
    } else if (n_kept == 0) {
        (void)fprintf(out, NOTE " %.*s\n", (int)line.length, line.text);
    } else {
        (void)fprintf(out, "%.*s", (int)address.length, address.text);
        write_names(out, names, set, false);
        (void)fputs(" " NOTE, out);
        write_names(out, names, set, true);
        /* What stopped the words is the line's own comment, if any. */
        (void)fprintf(out, "%s%.*s\n", rest.length ? " " : "", (int)rest.length, rest.text);
    }
}

static bool is_line(const struct piece *line, const char *text)
{
    return line->length == strlen(text) && memcmp(line->text, text, line->length) == 0;
}

/* The lines of `base` without an earlier block; one whose end is missing reaches to the end of the text. */
static void write_own_lines(FILE *out, const char *base, const struct name_set *set)
{
    bool is_in_block = false;

    while (*base) {
        struct piece line = {base, strcspn(base, "\n")};

        base += line.length + (base[line.length] == '\n');
        if (is_line(&line, BLOCK_BEGIN))
            is_in_block = true;
        else if (is_in_block)
            is_in_block = !is_line(&line, BLOCK_END);
        else
            write_own_line(out, line, set);
    }
}

/* How many of the entries have the address of the first and fit into one line. */
static size_t share_line(const struct hosts_entry *entries, size_t n)
{
    size_t length = IP_ADDRESS_TEXT_SIZE + strlen(entries[0].name);
    size_t i = 1;

    for (; i < n && ip_address_equal(&entries[i].address, &entries[0].address); i++) {
        length += strlen(entries[i].name) + 1;
        if (length > LONGEST_LINE)
            break;
    }
    return i;
}

static void write_line(FILE *out, const struct ip_address *address, const struct hosts_entry *entries,
                       size_t n)
{
    char text[IP_ADDRESS_TEXT_SIZE];

    (void)fputs(ip_address_format(address, text), out);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%c%s", i ? ' ' : '\t', entries[i].name);
    (void)fputc('\n', out);
}

static void write_block(FILE *out, const struct hosts_entry *entries, size_t n)
{
    size_t shared;

    (void)fputs(BLOCK_BEGIN "\n", out);
    for (size_t i = 0; i < n; i += shared) {
        shared = share_line(&entries[i], n - i);
        write_line(out, &entries[i].address, &entries[i], shared);
        write_line(out, &entries[i].address6, &entries[i], shared);
    }
    (void)fputs(BLOCK_END "\n", out);
}

int hosts_text_build(const char *base, const struct hosts_entry *entries, size_t n_entries, char **ret_text)
{
    _cleanup_(cleanup_name_set) struct name_set set = {0};
    _cleanup_free_ char *text = NULL;
    _cleanup_fclose_ FILE *out = NULL; /* closed before `text` is freed: closing it sets `text` */
    size_t length = 0;
    bool is_whole;
    int r = name_set_init(&set, entries, n_entries);

    if (r < 0)
        return r;
    out = open_memstream(&text, &length);
    if (!out)
        return -ENOMEM;
    write_own_lines(out, base, &set);
    write_block(out, entries, n_entries);
    is_whole = !ferror(out);
    if (fclose(TAKE_PTR(out)) != 0 || !is_whole)
        return -ENOMEM;
    *ret_text = TAKE_PTR(text);
    return 0;
}
