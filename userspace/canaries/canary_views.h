/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From where each host of a fleet counts the outcomes of a canary's step. Private to canaries/. */
#pragma once

#include "canaries/canaries.h"
#include "model/canary.h"

/* Makes the canary what this host sees: in a fleet its step counts from where the host saw it first, and on the host that
 * drives what the others have told of it as well. False: out of memory. */
bool canary_views_see(struct canaries *self, const char *namespace_name, const char *key,
                      struct canary *canary, const struct canary_outcomes *totals);

/* Tells the host that drives what this one has counted; before canary_views_free(). */
void canary_views_tell(const struct canaries *self);

/* After a look at all canaries: views of those that were not seen go; `all`: all do. */
void canary_views_free(struct canaries *self, bool all);
