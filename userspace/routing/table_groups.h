/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which outcomes of a table stand for each other: those of one target, and of one zone of it. Where a service balances by load,
 * the program draws a second one of the same group and takes the less loaded, so that what a route and the zones of a host
 * give to each group stays exact. Pure.
 */
#pragma once

#include "routing/table.h"

/*
 * Writes the groups into the slots of a table that table_build() has made of the same targets. A table of more targets than
 * there are numbers for is left without (the first draw stands). -ENOMEM: the slots are unchanged.
 */
int table_mark_groups(const struct table_target *targets, size_t n_targets, struct svc_slot *slots,
                      uint32_t count);
