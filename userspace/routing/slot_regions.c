/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Buddy allocation: a region of order k is 2^k slots, aligned to its size. The state of each possible region start is one
 * byte; free regions of one order hang in a doubly linked list threaded through two arrays of slot numbers.
 */
#include "routing/slot_regions.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define N_ORDERS 32
#define NONE     UINT32_MAX
#define TAKEN    0x80 /* in a state byte, beside the order */
#define NO_START 0x7f /* not the start of a region */

struct slot_regions {
    uint32_t n_slots;
    uint32_t used;
    uint32_t heads[N_ORDERS];
    uint32_t *next;
    uint32_t *previous;
    uint8_t *states;
};

static unsigned order_of(uint32_t count)
{
    return count <= 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

static void push(struct slot_regions *regions, uint32_t start, unsigned order)
{
    uint32_t head = regions->heads[order];

    regions->next[start] = head;
    regions->previous[start] = NONE;
    if (head != NONE)
        regions->previous[head] = start;
    regions->heads[order] = start;
    regions->states[start] = (uint8_t)order;
}

static void unlink_free(struct slot_regions *regions, uint32_t start, unsigned order)
{
    uint32_t next = regions->next[start];
    uint32_t previous = regions->previous[start];

    if (previous == NONE)
        regions->heads[order] = next;
    else
        regions->next[previous] = next;
    if (next != NONE)
        regions->previous[next] = previous;
    regions->states[start] = NO_START;
}

/* The whole range as the largest aligned blocks that fit. */
static void free_everything(struct slot_regions *regions)
{
    uint32_t start = 0;

    while (start < regions->n_slots) {
        unsigned order = start ? (unsigned)__builtin_ctz(start) : N_ORDERS - 1;

        while ((uint64_t)start + (1ull << order) > regions->n_slots)
            order--;
        push(regions, start, order);
        start += 1u << order;
    }
}

int slot_regions_new(struct slot_regions **ret_regions, uint32_t n_slots)
{
    struct slot_regions *regions;

    if (n_slots == 0 || n_slots > 1u << 31)
        return -EINVAL;
    regions = calloc(1, sizeof(*regions));
    if (!regions)
        return -ENOMEM;
    regions->n_slots = n_slots;
    regions->next = calloc(n_slots, sizeof(*regions->next));
    regions->previous = calloc(n_slots, sizeof(*regions->previous));
    regions->states = malloc(n_slots);
    if (!regions->next || !regions->previous || !regions->states) {
        slot_regions_free(&regions);
        return -ENOMEM;
    }
    for (unsigned order = 0; order < N_ORDERS; order++)
        regions->heads[order] = NONE;
    for (uint32_t i = 0; i < n_slots; i++)
        regions->states[i] = NO_START;
    free_everything(regions);
    *ret_regions = regions;
    return 0;
}

void slot_regions_free(struct slot_regions **regions)
{
    if (!*regions)
        return;
    free((*regions)->next);
    free((*regions)->previous);
    free((*regions)->states);
    free(*regions);
    *regions = NULL;
}

/* Halves the free block at `start` until it has `wanted` order, keeping the half that holds `keep`. */
static uint32_t split(struct slot_regions *regions, uint32_t start, unsigned order, unsigned wanted, uint32_t keep)
{
    unlink_free(regions, start, order);
    while (order > wanted) {
        uint32_t upper;

        order--;
        upper = start + (1u << order);
        if (keep >= upper) {
            push(regions, start, order);
            start = upper;
        } else {
            push(regions, upper, order);
        }
    }
    regions->states[start] = (uint8_t)(TAKEN | wanted);
    regions->used += 1u << wanted;
    return start;
}

int slot_regions_take(struct slot_regions *regions, uint32_t count, uint32_t *ret_first)
{
    unsigned wanted = order_of(count);

    for (unsigned order = wanted; order < N_ORDERS; order++)
        if (regions->heads[order] != NONE) {
            uint32_t start = regions->heads[order];

            *ret_first = split(regions, start, order, wanted, start);
            return 0;
        }
    return -ENOSPC;
}

int slot_regions_reserve(struct slot_regions *regions, uint32_t first, uint32_t count)
{
    unsigned wanted = order_of(count);

    if (count == 0 || wanted >= N_ORDERS || first % (1u << wanted) != 0 || first >= regions->n_slots ||
        (uint64_t)first + (1ull << wanted) > regions->n_slots)
        return -EINVAL;
    for (unsigned order = wanted; order < N_ORDERS; order++) {
        uint32_t start = first & ~((1u << order) - 1);

        if (regions->states[start] == order) {
            (void)split(regions, start, order, wanted, first);
            return 0;
        }
    }
    return -EBUSY;
}

void slot_regions_release(struct slot_regions *regions, uint32_t first, uint32_t count)
{
    unsigned order = order_of(count);

    if (first >= regions->n_slots || regions->states[first] != (TAKEN | order))
        return;
    regions->used -= 1u << order;
    regions->states[first] = NO_START;
    while (order + 1 < N_ORDERS) {
        uint32_t buddy = first ^ 1u << order;

        if (buddy >= regions->n_slots || regions->states[buddy] != order)
            break;
        unlink_free(regions, buddy, order);
        first &= ~(1u << order);
        order++;
    }
    push(regions, first, order);
}

uint32_t slot_regions_used(const struct slot_regions *regions)
{
    return regions->used;
}

uint32_t slot_regions_capacity(const struct slot_regions *regions)
{
    return regions->n_slots;
}
