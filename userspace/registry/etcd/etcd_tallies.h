/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What hosts count, as {"NAME": [1, 2, 3]}, and the sums of it. Pure. */
#pragma once

#include <cjson/cJSON.h>

#include "registry/registry.h"

/* The caller frees it. NULL: out of memory. */
char *etcd_tallies_write(const struct registry_tally *tallies, size_t n);

/* Adds what one host has told to an object of sums. What is no such text, or no count, is passed over. -ENOMEM. */
int etcd_tallies_add(cJSON *sums, const char *text);

/* Zeros where nobody has told it; `sums` may be NULL. */
void etcd_tallies_read(const cJSON *sums, const char *name, uint64_t ret_counts[static REGISTRY_COUNTS]);
