/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What may stand in a place of the command line: from the tables of the program, and live from the daemon if it
 * answers at once. Candidates go to standard output, a line each; with a tab and a word on what it is.
 */
#pragma once

#include "cli/command_table.h"

/* The place that is completed. */
struct place {
    const struct invocation *invocation; /* socket, namespace, and the arguments before it */
    const struct command *command;       /* NULL: none is there yet */
    const char *typed;                   /* what is there already, without quotes */
};

/* A candidate, if it begins with what was typed. */
void place_offer(const struct place *place, const char *word, const char *about);

/* The words of "wide|json|name". */
void place_offer_words(const struct place *place, const char *words);

/* Everything of a kind. */
void place_offer_values(const struct place *place, enum cli_value value);
