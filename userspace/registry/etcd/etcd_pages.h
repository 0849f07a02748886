/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading many keys, page by page at one revision. Waits for answers: for threads that may. */
#pragma once

#include "registry/etcd/etcd_client.h"
#include "registry/etcd/etcd_text.h"

/* A key as it stands; what is taken out of the pair is the function's. Non-zero ends the reading with it. */
typedef int (*etcd_pair_fn)(struct etcd_pair *pair, void *user);

/*
 * All keys that begin with `base`, in their order, as they were at *at (0: now, and *at becomes the revision).
 * *n_strange counts what is no text. -ESTALE: that has been compacted.
 */
int etcd_pages(struct etcd_client *client, const char *base, uint64_t *at, etcd_pair_fn on_pair, void *user,
               size_t *n_strange, struct error *error);

/* Zeroed where nobody has written yet. -EUCLEAN: it is not one that this version writes. */
int etcd_ask_head(struct etcd_client *client, const char *head_key, struct etcd_head *ret_head,
                  struct error *error);
