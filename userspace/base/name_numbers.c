/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names by hash; numbers in use by a bitmap of 64-bit words with a hint below which no word has a free bit, which makes
 * the lowest free number cheap however many are taken. A retired number keeps its bit.
 */
#include "base/name_numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct named {
    uint32_t number;
    UT_hash_handle hh;
    char name[];
};

struct name_numbers {
    uint32_t first;
    uint32_t n_numbers;
    struct named *names;
    uint64_t *taken;
    size_t n_words; /* grown with use: a range may be far larger than what is ever given */
    size_t hint;
};

int name_numbers_new(struct name_numbers **ret_numbers, uint32_t first, uint32_t last)
{
    struct name_numbers *numbers;

    if (last < first || last - first == UINT32_MAX)
        return -EINVAL;
    numbers = calloc(1, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    numbers->first = first;
    numbers->n_numbers = last - first + 1;
    *ret_numbers = numbers;
    return 0;
}

void name_numbers_free(struct name_numbers **numbers)
{
    struct named *named, *next;

    if (!*numbers)
        return;
    HASH_ITER(hh, (*numbers)->names, named, next)
    {
        HASH_DEL((*numbers)->names, named);
        free(named);
    }
    free((*numbers)->taken);
    free(*numbers);
    *numbers = NULL;
}

static struct named *find(const struct name_numbers *numbers, const char *name)
{
    struct named *named;

    HASH_FIND_STR(numbers->names, name, named);
    return named;
}

int name_numbers_find(const struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    const struct named *named = find(numbers, name);

    if (!named)
        return -ENOENT;
    *ret_number = named->number;
    return 0;
}

static int grow(struct name_numbers *numbers, size_t n_words)
{
    size_t larger = numbers->n_words ? numbers->n_words * 2 : 16;
    uint64_t *taken;

    if (n_words <= numbers->n_words)
        return 0;
    if (larger < n_words)
        larger = n_words;
    taken = realloc(numbers->taken, larger * sizeof(*taken));
    if (!taken)
        return -ENOMEM;
    memset(taken + numbers->n_words, 0, (larger - numbers->n_words) * sizeof(*taken));
    numbers->taken = taken;
    numbers->n_words = larger;
    return 0;
}

/* Records name and number; the bit is the caller's to have found free. */
static int hold(struct name_numbers *numbers, const char *name, uint32_t place)
{
    size_t size = strlen(name) + 1;
    struct named *named;
    int r = grow(numbers, place / 64 + 1);

    if (r < 0)
        return r;
    named = malloc(sizeof(*named) + size);
    if (!named)
        return -ENOMEM;
    memcpy(named->name, name, size);
    named->number = numbers->first + place;
    HASH_ADD_STR(numbers->names, name, named);
    numbers->taken[place / 64] |= 1ull << place % 64;
    return 0;
}

static uint32_t lowest_free(struct name_numbers *numbers)
{
    while (numbers->hint < numbers->n_words && numbers->taken[numbers->hint] == UINT64_MAX)
        numbers->hint++;
    if (numbers->hint >= numbers->n_words)
        return (uint32_t)(numbers->hint * 64);
    return (uint32_t)(numbers->hint * 64 + (unsigned)__builtin_ctzll(~numbers->taken[numbers->hint]));
}

int name_numbers_take(struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    uint32_t place;
    int r;

    if (name_numbers_find(numbers, name, ret_number) == 0)
        return 0;
    place = lowest_free(numbers);
    if (place >= numbers->n_numbers)
        return -ENOSPC;
    r = hold(numbers, name, place);
    if (r == 0)
        *ret_number = numbers->first + place;
    return r;
}

int name_numbers_adopt(struct name_numbers *numbers, const char *name, uint32_t number)
{
    const struct named *named = find(numbers, name);
    uint32_t place;

    if (named)
        return named->number == number ? 0 : -EBUSY;
    if (number < numbers->first || number - numbers->first >= numbers->n_numbers)
        return -ERANGE;
    place = number - numbers->first;
    if (place / 64 < numbers->n_words && numbers->taken[place / 64] & 1ull << place % 64)
        return -EBUSY;
    return hold(numbers, name, place);
}

int name_numbers_retire(struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    struct named *named = find(numbers, name);

    if (!named)
        return -ENOENT;
    *ret_number = named->number;
    HASH_DEL(numbers->names, named);
    free(named);
    return 0;
}

void name_numbers_reuse(struct name_numbers *numbers, uint32_t number)
{
    uint32_t place = number - numbers->first;

    if (number < numbers->first || place / 64 >= numbers->n_words)
        return;
    numbers->taken[place / 64] &= ~(1ull << place % 64);
    if (place / 64 < numbers->hint)
        numbers->hint = place / 64;
}

uint32_t name_numbers_used(const struct name_numbers *numbers)
{
    return HASH_COUNT(numbers->names);
}

uint32_t name_numbers_capacity(const struct name_numbers *numbers)
{
    return numbers->n_numbers;
}
