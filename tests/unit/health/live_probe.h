/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One probe by one prober, and what it tells. Included after cmocka.h by the tests of the probers. */
#pragma once

#include "health/probe.h"
#include "live_endpoint.h"

struct outcome {
    unsigned count;
    enum probe_outcome outcome;
    char reason[256];
};

static inline void on_done(void *user, enum probe_outcome outcome, const char *reason)
{
    struct outcome *told = user;

    told->count++;
    told->outcome = outcome;
    (void)snprintf(told->reason, sizeof(told->reason), "%s", reason);
}

static inline bool is_told(void *user)
{
    return ((const struct outcome *)user)->count > 0;
}

static inline void expect(const struct outcome *told, enum probe_outcome outcome, const char *reason)
{
    if (told->count != 1 || told->outcome != outcome || !strstr(told->reason, reason))
        fail_msg("wanted %d, \"%s\"; got %d, \"%s\", %u times", outcome, reason, told->outcome, told->reason,
                 told->count);
}
