/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is told of a client alias of a namespace: how many endpoints are drawn, and the shares of its targets. */
#pragma once

#include <stdbool.h>

#include "api/read/list_names.h"
#include "engine/plan/tables.h"
#include "metrics/services.h"

struct api;

struct alias_figures {
    struct metrics_alias alias;
    struct metrics_target *targets; /* the alias's */
    struct alias_view view;
};

/*
 * While the catalog is steady. 1: it is there, and alias_figures_done() ends what was made; the texts are the key's and
 * the catalog's. 0: its namespace has gone; -ENOMEM. Shares in effect cost some work and are 0 unless asked for.
 */
int alias_figures_make(const struct api *api, const struct list_key *key, bool with_shares,
                       struct alias_figures *ret_figures);
void alias_figures_done(struct alias_figures *figures); /* harmless on one that is all 0 */
