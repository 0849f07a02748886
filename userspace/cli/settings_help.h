/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What `set` can set, for its help. In: the table of settings. Out: text on a stream. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* One line a setting: NAME=WHAT IT TAKES, what it does, its default. Completion reads the names of them. */
void settings_help_print(FILE *out);

/* Is it a length of time, which the daemon tells in seconds? `group`: "healthCheck", or "" for none. */
bool settings_are_seconds(const char *group, const char *name);
