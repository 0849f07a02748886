/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/width.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/number.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* Bytes of the character that begins with `first`; 0: none does. */
static size_t length_by(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Directions that would turn around the rest of the line: marks, embeddings, overrides, isolates. */
static bool is_direction(unsigned long c)
{
    return c == 0x200e || c == 0x200f || c == 0x061c || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

size_t width_step(const char *text, size_t *ret_columns, bool *ret_is_safe)
{
    unsigned char first = (unsigned char)*text;
    size_t length = length_by(first);
    unsigned long c = length == 1 ? first : first & (0xffu >> (length + 1));
    int columns;

    *ret_columns = 1;
    *ret_is_safe = false;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (length == 0)
        return 1;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (length == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
        (length == 4 && (c < 0x10000 || c > 0x10ffff)) || is_direction(c))
        return length;
    columns = length == 1 ? 1 : wcwidth((wchar_t)c);
    *ret_columns = columns < 0 ? 1 : (size_t)columns;
    *ret_is_safe = true;
    return length;
}

size_t width_of(const char *text)
{
    size_t sum = 0;

    while (*text) {
        size_t columns;
        bool is_safe;

        text += width_step(text, &columns, &is_safe);
        sum += columns;
    }
    return sum;
}

char *width_cut(const char *text, size_t width)
{
    size_t used = 0;
    size_t at = 0;
    char *copy;

    if (width_of(text) <= width)
        return strdup(text);
    while (text[at]) {
        size_t columns;
        bool is_safe;
        size_t length = width_step(text + at, &columns, &is_safe);

        if (used + columns + 1 > width)
            break;
        used += columns;
        at += length;
    }
    copy = malloc(at + sizeof(ELLIPSIS));
    if (!copy)
        return NULL;
    memcpy(copy, text, at);
    memcpy(copy + at, ELLIPSIS, width ? sizeof(ELLIPSIS) : 1);
    copy[width ? at + sizeof(ELLIPSIS) - 1 : at] = '\0';
    return copy;
}

size_t width_of_terminal(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize size = {0};
    uint64_t columns;

    if (text && parse_number(text, 1, 10000, &columns) == 0)
        return (size_t)columns;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 0;
}

size_t width_terminal_lines(void)
{
    struct winsize size = {0};

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}
