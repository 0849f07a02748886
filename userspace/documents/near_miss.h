/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a misspelt name was probably meant to be. */
#pragma once

/* The one of the NULL-terminated `known` that differs from `name` in case or by at most two edits (one for
 * short names); NULL if there is none. */
const char *near_miss(const char *name, const char *const known[]);
