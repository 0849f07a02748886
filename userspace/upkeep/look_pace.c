/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/look_pace.h"

uint64_t look_pace_ask(struct look_pace *pace, uint64_t now, uint64_t least, uint64_t share)
{
    uint64_t rest = pace->cost < LOOK_PACE_LONGEST / share ? pace->cost * share : LOOK_PACE_LONGEST;
    uint64_t due = now + least;

    if (pace->ended && due < pace->ended + rest)
        due = pace->ended + rest;
    if (pace->due && pace->due <= due)
        return UINT64_MAX;
    pace->due = due;
    return due - now;
}

void look_pace_begins(struct look_pace *pace)
{
    pace->due = 0;
}

void look_pace_ended(struct look_pace *pace, uint64_t now, uint64_t cost)
{
    pace->ended = now;
    pace->cost = cost;
}
