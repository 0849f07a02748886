/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When the next look is taken: as soon as somebody wants one, but looks together take no more than a share of a core.
 * Who asks while one is due never puts it off: instances that come one after the other would do so for as long as
 * they come. A zeroed struct has taken no look. Times are nanoseconds of one clock.
 */
#pragma once

#include <stdint.h>

struct look_pace {
    uint64_t ended; /* when the last look did */
    uint64_t cost;  /* what it took of a core's time */
    uint64_t due;   /* 0: no look is */
};

#define LOOK_PACE_LONGEST (600 * UINT64_C(1000000000)) /* however much a look takes */

/*
 * A look is wanted in `least`, or when the time since the last one is `share` times what that took, whichever is later. How long
 * from now that is; UINT64_MAX: one is due no later than that already.
 */
uint64_t look_pace_ask(struct look_pace *pace, uint64_t now, uint64_t least, uint64_t share);

void look_pace_begins(struct look_pace *pace);
void look_pace_ended(struct look_pace *pace, uint64_t now, uint64_t cost);
