/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What outliers.c and its start share. Private to upkeep/. */
#pragma once

#include "upkeep/outliers.h"

/* Writes the members that are userspace's where they differ; the program's stay, unless the
 * address is new. */
void outliers_write_cell(struct outliers *outliers, const struct instance *instance,
                         const struct svc_peer_key *key);
/* Of a number that nobody has: whoever gets it next begins with a clean record, also at the same address. */
void outliers_forget_cell(struct datapath *datapath, uint32_t number);
void outliers_link_cell(struct datapath *datapath, uint32_t number, uint32_t next);

/* The one of this address, made if need be. NULL: no memory. */
struct peer *outliers_make_peer(struct outliers *outliers, const struct svc_peer_key *key);

/* Where the instance is, as the programs ask. -ENOMEM, -ENOSPC: its namespace has no number. */
int outliers_key_of(struct outliers *outliers, const struct instance *instance, struct svc_peer_key *ret_key);
