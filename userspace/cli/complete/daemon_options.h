/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The options of svcconnectd, which has them in a table of its own and tells them in its --help. */
#pragma once

#include <stdbool.h>

/* Is it the daemon that is called by this word? */
bool daemon_options_is(const char *program);

/* What may follow `previous`, as far as it begins with `typed`. In: `program --help`. Nothing where it cannot be run. */
void daemon_options_offer(const char *program, const char *previous, const char *typed);
