/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of externals/ share. Private to externals/, and to its tests. */
#pragma once

#include "externals/external_merge.h"
#include "externals/externals.h"

/* Its record in the catalog; NULL. */
struct instance *external_record(const struct external *external);

/* external_ask.c. Begins to ask (or to end a drain without addresses), unless that is on its way. */
void external_begin(struct external *external);
void external_stop(struct external *external); /* asks no more */
void external_ask_in(struct external *external, uint64_t ms);

/* What the resolver calls: what became of asking for the `external`. */
void external_answered(const struct resolved *resolved, void *external);

/* What was found is in effect, or (`failure`) why not all of it is. It is asked for again. */
void external_conclude(struct external *external, bool is_answered, const char *failure, uint64_t again_ms);
void external_say_addresses(const struct external *external, const struct external_merged *merged);

/* external_addresses.c. The name's addresses are these from now on; those that leave drain where connections
 * are open. Concludes it later, with `again_ms`. -EALREADY, -ENOMEM. */
int external_submit_answer(struct external *external, const struct external_merged *merged,
                           uint64_t again_ms);
void external_detach_finding(struct external *external); /* what is on its way is of no interest any more */

/* external_leave.c. Deregisters an instance on its way out that has no address. */
void external_end_drain(struct external *external);
void external_detach_ending(struct external *external);

/*
 * external_save.c. Rows of what host names were found to be: several at a time, a moment after they count.
 * Nobody was promised them, so a disk that refuses stops nothing.
 */
int external_save_begin(struct externals *externals); /* -ENOMEM */
void external_save_done(struct externals *externals);
void external_save_later(struct external *external);
void external_forget_later(struct external *external);
