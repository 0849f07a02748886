/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names to numbers in a hash table, numbers to names in an array that reaches as far as numbers were given,
 * and which are free in bitmaps. A number is free, held by a name, or retired: out of
 * use but without a name. The bitmap of numbers out of use has summaries above it, one bit per full word, so
 * the lowest free number is found by reading one word per level (three for 262,144 numbers).
 */
#include "base/name_numbers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "base/hash.h"

#include "base/cleanup.h"

#define WORD_BITS  64
#define MAX_LEVELS 6 /* 64^6 > 2^32 */

struct holder {
    UT_hash_handle hh;
    uint32_t offset; /* number - first */
    char name[];
};

struct name_numbers {
    struct holder *holders; /* by name */
    uint32_t first;
    uint64_t n_numbers;
    unsigned n_levels;
    uint64_t n_words[MAX_LEVELS];
    uint64_t *out[MAX_LEVELS]; /* [0]: out of use; above: the word below is full */
    struct holder **held;      /* by offset, as far as one was given; NULL: no name has it */
    uint64_t n_held;
};

static bool bit_get(const uint64_t *words, uint64_t bit)
{
    return words[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static void bit_set(uint64_t *words, uint64_t bit, bool value)
{
    uint64_t mask = UINT64_C(1) << bit % WORD_BITS;

    if (value)
        words[bit / WORD_BITS] |= mask;
    else
        words[bit / WORD_BITS] &= ~mask;
}

static void set_out(struct name_numbers *numbers, uint64_t offset, bool is_out)
{
    for (unsigned level = 0; level < numbers->n_levels; level++) {
        uint64_t *words = numbers->out[level];

        bit_set(words, offset, is_out);
        offset /= WORD_BITS;
        is_out = words[offset] == UINT64_MAX;
    }
}

/*
 * The lowest offset that is not out of use. Bits beyond the last number are never set, so their words are
 * never full: when all numbers are out of use, the walk ends beyond the last one.
 */
static uint64_t lowest_free(const struct name_numbers *numbers)
{
    uint64_t word = 0;

    for (unsigned level = numbers->n_levels; level-- > 0;) {
        if (word >= numbers->n_words[level] || numbers->out[level][word] == UINT64_MAX)
            return numbers->n_numbers;
        word = word * WORD_BITS + (unsigned)__builtin_ctzll(~numbers->out[level][word]);
    }
    return word;
}

int name_numbers_new(struct name_numbers **ret_numbers, uint32_t first, uint32_t last)
{
    struct name_numbers *numbers;
    uint64_t n;

    if (last < first)
        return -EINVAL;
    numbers = calloc(1, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    numbers->first = first;
    numbers->n_numbers = n = (uint64_t)last - first + 1;
    do {
        unsigned level = numbers->n_levels++;

        n = (n + WORD_BITS - 1) / WORD_BITS;
        numbers->n_words[level] = n;
        numbers->out[level] = calloc(n, sizeof(uint64_t));
        if (!numbers->out[level]) {
            name_numbers_free(&numbers);
            return -ENOMEM;
        }
    } while (n > 1);
    *ret_numbers = numbers;
    return 0;
}

void name_numbers_free(struct name_numbers **numbers)
{
    struct holder *holder;
    struct holder *next;

    if (!*numbers)
        return;
    HASH_ITER (hh, (*numbers)->holders, holder, next) {
        HASH_DEL((*numbers)->holders, holder);
        free(holder);
    }
    for (unsigned level = 0; level < MAX_LEVELS; level++)
        free((*numbers)->out[level]);
    free((*numbers)->held);
    free(*numbers);
    *numbers = NULL;
}

static struct holder *base_name_numbers_find(const struct name_numbers *numbers, const char *name)
{
    struct holder *holder = NULL;

    HASH_FIND_STR(numbers->holders, name, holder);
    return holder;
}

static struct holder *holder_of(const struct name_numbers *numbers, uint64_t offset)
{
    return offset < numbers->n_held ? numbers->held[offset] : NULL;
}

static int hold_up_to(struct name_numbers *numbers, uint64_t offset)
{
    uint64_t n = numbers->n_held ? numbers->n_held : WORD_BITS;
    struct holder **held;

    if (offset < numbers->n_held)
        return 0;
    while (n <= offset)
        n *= 2;
    if (n > numbers->n_numbers)
        n = numbers->n_numbers;
    held = realloc(numbers->held, n * sizeof(*held));
    if (!held)
        return -ENOMEM;
    memset(held + numbers->n_held, 0, (n - numbers->n_held) * sizeof(*held));
    numbers->held = held;
    numbers->n_held = n;
    return 0;
}

/* `offset` is free. */
static int give(struct name_numbers *numbers, const char *name, uint64_t offset)
{
    size_t length = strlen(name);
    struct holder *holder = NULL;

    if (hold_up_to(numbers, offset) == 0)
        holder = calloc(1, sizeof(*holder) + length + 1);
    if (!holder)
        return -ENOMEM;
    holder->offset = (uint32_t)offset;
    memcpy(holder->name, name, length);
    HASH_ADD_KEYPTR(hh, numbers->holders, holder->name, length, holder);
    if (!holder->hh.tbl) { /* uthash found no memory and did not add it */
        free(holder);
        return -ENOMEM;
    }
    set_out(numbers, offset, true);
    numbers->held[offset] = holder;
    return 0;
}

int name_numbers_find(const struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    const struct holder *holder = base_name_numbers_find(numbers, name);

    if (!holder)
        return -ENOENT;
    *ret_number = numbers->first + holder->offset;
    return 0;
}

const char *name_numbers_name(const struct name_numbers *numbers, uint32_t number)
{
    const struct holder *holder =
        number < numbers->first ? NULL : holder_of(numbers, (uint64_t)number - numbers->first);

    return holder ? holder->name : NULL;
}

int name_numbers_take(struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    uint64_t offset;
    int r;

    if (name_numbers_find(numbers, name, ret_number) == 0)
        return 0;
    offset = lowest_free(numbers);
    if (offset >= numbers->n_numbers)
        return -ENOSPC;
    r = give(numbers, name, offset);
    if (r < 0)
        return r;
    *ret_number = numbers->first + (uint32_t)offset;
    return 0;
}

int name_numbers_adopt(struct name_numbers *numbers, const char *name, uint32_t number)
{
    const struct holder *holder = base_name_numbers_find(numbers, name);
    uint32_t offset = number - numbers->first;

    if (number < numbers->first || offset >= numbers->n_numbers)
        return -ERANGE;
    if (holder)
        return holder->offset == offset ? 0 : -EBUSY;
    return bit_get(numbers->out[0], offset) ? -EBUSY : give(numbers, name, offset);
}

int name_numbers_retire(struct name_numbers *numbers, const char *name, uint32_t *ret_number)
{
    struct holder *holder = base_name_numbers_find(numbers, name);

    if (!holder)
        return -ENOENT;
    numbers->held[holder->offset] = NULL;
    *ret_number = numbers->first + holder->offset;
    HASH_DEL(numbers->holders, holder);
    free(holder);
    return 0;
}

void name_numbers_reuse(struct name_numbers *numbers, uint32_t number)
{
    uint32_t offset = number - numbers->first;

    /* A number that a name holds stays its own, whatever the caller believes: two names must
     * never share one. */
    if (number < numbers->first || offset >= numbers->n_numbers || holder_of(numbers, offset))
        return;
    set_out(numbers, offset, false);
}

uint32_t name_numbers_used(const struct name_numbers *numbers)
{
    return HASH_COUNT(numbers->holders);
}

uint32_t name_numbers_capacity(const struct name_numbers *numbers)
{
    return numbers->n_numbers > UINT32_MAX ? UINT32_MAX : (uint32_t)numbers->n_numbers;
}
