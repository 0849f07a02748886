/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A buddy allocator as a complete binary tree with one byte per node: the order + 1 of the largest free
 * region below it, 0 if there is none, or TAKEN where a region begins to be somebody's. A node's place
 * follows from first slot and order, so taking, reserving and releasing walk one path of the tree. Nodes
 * below a taken one keep saying "free": nobody comes there, because the way down ends at the taken one.
 */
#include "routing/slot_regions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define TAKEN 0xff

struct slot_regions {
    uint32_t n_slots;
    uint32_t used;
    unsigned top;   /* order of the root */
    uint8_t *nodes; /* 1 is the root, the children of i are 2i and 2i + 1 */
};

/* The least order that holds `count` slots. */
static unsigned order_for(uint32_t count)
{
    return count <= 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

static uint8_t largest(const struct slot_regions *regions, size_t node)
{
    return regions->nodes[node] == TAKEN ? 0 : regions->nodes[node];
}

static size_t node_for(const struct slot_regions *regions, uint32_t first, unsigned order)
{
    return ((size_t)1 << (regions->top - order)) + (first >> order);
}

/* A parent of two wholly free halves is a free whole, else it is as good as its better half. */
static void set_from_children(struct slot_regions *regions, size_t node, unsigned order)
{
    uint8_t left = largest(regions, 2 * node);
    uint8_t right = largest(regions, 2 * node + 1);

    if (left == order && right == order)
        regions->nodes[node] = (uint8_t)(order + 1);
    else
        regions->nodes[node] = left > right ? left : right;
}

static void set_node(struct slot_regions *regions, size_t node, unsigned order, uint8_t value)
{
    regions->nodes[node] = value;
    while (node > 1) {
        node /= 2;
        set_from_children(regions, node, ++order);
    }
}

int slot_regions_new(struct slot_regions **ret_regions, uint32_t n_slots)
{
    struct slot_regions *regions;
    size_t n_leaves;

    if (n_slots == 0)
        return -EINVAL;
    regions = calloc(1, sizeof(*regions));
    if (!regions)
        return -ENOMEM;
    regions->n_slots = n_slots;
    regions->top = order_for(n_slots);
    n_leaves = (size_t)1 << regions->top;
    regions->nodes = calloc(n_leaves, 2);
    if (!regions->nodes) {
        free(regions);
        return -ENOMEM;
    }
    /* Leaves beyond the last slot stay 0: never free. */
    for (size_t i = 0; i < n_slots; i++)
        regions->nodes[n_leaves + i] = 1;
    for (unsigned order = 1; order <= regions->top; order++)
        for (size_t node = n_leaves >> order; node < n_leaves >> (order - 1); node++)
            set_from_children(regions, node, order);
    *ret_regions = regions;
    return 0;
}

void slot_regions_free(struct slot_regions **regions)
{
    if (!*regions)
        return;
    free((*regions)->nodes);
    free(*regions);
    *regions = NULL;
}

int slot_regions_take(struct slot_regions *regions, uint32_t count, uint32_t *ret_first)
{
    unsigned order = order_for(count);
    size_t node = 1;

    if (count == 0)
        return -EINVAL;
    if (largest(regions, 1) <= order)
        return -ENOSPC;
    for (unsigned at = regions->top; at > order; at--) {
        uint8_t left = largest(regions, 2 * node);
        uint8_t right = largest(regions, 2 * node + 1);

        /* The half that just suffices, so that large free regions stay whole; the left one if
         * they are equal. */
        node = 2 * node + (left <= order || (right > order && right < left));
    }
    set_node(regions, node, order, TAKEN);
    regions->used += UINT32_C(1) << order;
    *ret_first = (uint32_t)((node << order) - ((size_t)1 << regions->top));
    return 0;
}

/* Could take() give this region? Its order if so, else -EINVAL. */
static int region_order(const struct slot_regions *regions, uint32_t first, uint32_t count)
{
    unsigned order = order_for(count);
    uint64_t size = UINT64_C(1) << order;

    if (count == 0 || first % size != 0 || first + size > regions->n_slots)
        return -EINVAL;
    return (int)order;
}

int slot_regions_reserve(struct slot_regions *regions, uint32_t first, uint32_t count)
{
    int order = region_order(regions, first, count);
    size_t node;

    if (order < 0)
        return order;
    node = node_for(regions, first, (unsigned)order);
    if (largest(regions, node) <= order)
        return -EBUSY;
    for (size_t above = node / 2; above > 0; above /= 2)
        if (regions->nodes[above] == TAKEN)
            return -EBUSY;
    set_node(regions, node, (unsigned)order, TAKEN);
    regions->used += UINT32_C(1) << order;
    return 0;
}

void slot_regions_release(struct slot_regions *regions, uint32_t first, uint32_t count)
{
    int order = region_order(regions, first, count);
    size_t node;

    /* What nobody has taken is left alone: to lose slots is better than to give one region to
     * two services. */
    if (order < 0)
        return;
    node = node_for(regions, first, (unsigned)order);
    if (regions->nodes[node] != TAKEN)
        return;
    set_node(regions, node, (unsigned)order, (uint8_t)(order + 1));
    regions->used -= UINT32_C(1) << order;
}

uint32_t slot_regions_used(const struct slot_regions *regions)
{
    return regions->used;
}

uint32_t slot_regions_capacity(const struct slot_regions *regions)
{
    return regions->n_slots;
}
