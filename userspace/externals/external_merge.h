/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a name's addresses are after an answer: last known good for what could not be answered. Pure. */
#pragma once

#include "model/catalog_external.h"
#include "resolver/resolver.h"

struct external_merged {
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES]; /* IPv4 first, lowest first */
    size_t n;
    size_t n_found;      /* before it was cut to these */
    bool is_answered;    /* at least one family was, so the time to live counts */
    const char *failure; /* what went wrong, if perhaps not with all; NULL: nothing */
};

/*
 * A family without an answer keeps the addresses it had; so do both if there is no such name, if it has no
 * address at all, or none that can be an endpoint. Where one family has addresses, the other may have none.
 */
void external_merge(const struct resolved *resolved, const struct ip_address *known, size_t n_known,
                    struct external_merged *ret_merged);
