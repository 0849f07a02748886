/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "resolver/resolve_times.h"

uint64_t resolve_again_ms(uint32_t ttl_s, uint32_t min_s, uint32_t max_s, uint32_t random)
{
    uint64_t ms = (uint64_t)(ttl_s < min_s ? min_s : ttl_s > max_s ? max_s : ttl_s) * 1000;
    uint64_t spread = ms / 10;

    ms -= random % (spread + 1);
    return ms ? ms : 1;
}

uint64_t resolve_retry_ms(unsigned failures, uint32_t random)
{
    uint64_t ms = RESOLVE_RETRY_MIN_MS;

    while (failures-- > 1 && ms < RESOLVE_RETRY_MAX_MS)
        ms *= 2;
    if (ms > RESOLVE_RETRY_MAX_MS)
        ms = RESOLVE_RETRY_MAX_MS;
    return ms - random % (ms / 2 + 1);
}
