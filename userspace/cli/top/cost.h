/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs themselves take of the host's processors, by the kernel's run-time statistics (BPF_ENABLE_STATS, Linux 5.8).
 * The kernel counts as long as somebody holds a descriptor, and every program of the host pays some nanoseconds a run for that: so
 * it is held while the cost is shown and no longer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define COST_TEXT 128

struct cost {
    int statistics; /* -1: off */
    char *links;    /* directory of pinned links */
    uint64_t at_ms, runs, run_ns;
    char text[COST_TEXT]; /* a sentence about the time between the last two looks; "": there is none yet */
};

#define COST_OFF                                                                                             \
    {                                                                                                        \
        .statistics = -1                                                                                     \
    }

/* `bpffs`: the daemon's directory of pins. -EPERM: only root may; -EINVAL: a kernel that cannot; -ENOMEM. */
int cost_begin(struct cost *cost, const char *bpffs);
void cost_end(struct cost *cost);

/* Reads what was counted up to now (monotonic) and writes the text. A task that is attached leads to the programs; without one the
 * text says so. */
void cost_look(struct cost *cost, uint64_t now_ms);

/* Takes sums of all programs, as cost_look() does. Pure. */
void cost_feed(struct cost *cost, uint64_t now_ms, uint64_t runs, uint64_t run_ns);
