/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Going on with a list that grows, such as events: asked for again and again by the number of the last one, over
 * restarts of the daemon, which begins its numbers anew with another `epoch`.
 */
#pragma once

#include "cli/invocation.h"
#include "cli/outlet.h"
#include "cli/text.h"

struct follow {
    const char *path; /* with its query, but for `after` and the namespace */
    const char *what; /* "events" */
    /* What an answer has; the exit status. It flushes. */
    int (*print)(const struct invocation *invocation, const cJSON *answer, struct outlet *outlet);
    struct outlet *outlet; /* where the lines go */
};

/* Until interrupted, which ends the program with CLI_DONE. An absent daemon is waited for, unless it was never there.
 * Returns the exit status. */
int follow_until_interrupted(const struct invocation *invocation, const struct follow *what);
