/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which parts of the `slots` array hold a table: a buddy allocator over slot numbers. Pure bookkeeping; when
 * a region that programs may still read can be given back is for the caller to know (after a grace period).
 */
#pragma once

#include <stdint.h>

struct slot_regions;

/* Slots 0..n_slots-1, all free; n_slots need not be a power of two. -ENOMEM, -EINVAL for 0. */
int slot_regions_new(struct slot_regions **ret_regions, uint32_t n_slots);

/* NULL-safe; sets *regions to NULL. */
void slot_regions_free(struct slot_regions **regions);

/* A region of at least `count` (>= 1) consecutive slots. -ENOSPC: none left. O(log n). */
int slot_regions_take(struct slot_regions *regions, uint32_t count, uint32_t *ret_first);

/*
 * Marks the region that an earlier run took for `count` slots at `first` as taken. -EINVAL: take() could not
 * have given this one (alignment, range); -EBUSY: overlaps a taken one.
 */
int slot_regions_reserve(struct slot_regions *regions, uint32_t first, uint32_t count);

/* Gives back what take() or reserve() gave for the same first and count. */
void slot_regions_release(struct slot_regions *regions, uint32_t first, uint32_t count);

/* Slots in taken regions (with what rounding adds), and all slots. */
uint32_t slot_regions_used(const struct slot_regions *regions);
uint32_t slot_regions_capacity(const struct slot_regions *regions);
