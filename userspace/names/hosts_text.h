/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* hosts(5) text: a host's own lines followed by a marked block with the names of a task's namespace. */
#pragma once

#include <stddef.h>

#include "base/address.h"

struct hosts_entry {
    const char *name;
    struct ip_address address;
    struct ip_address address6;
};

/*
 * `base`: the text to put before the block (a copy of /etc/hosts; a block from an earlier run is left out of
 * it), may be empty. Own lines of `base` for the same name come first and so would win over the block: such
 * names are commented out of the base copy ("# svcconnect: ..."). Entries are written in the order given, an
 * IPv4 and an IPv6 line each; neighbours with one address share these, as far as resolvers read long lines. The
 * caller frees *ret_text. -ENOMEM.
 */
int hosts_text_build(const char *base, const struct hosts_entry *entries, size_t n_entries, char **ret_text);
