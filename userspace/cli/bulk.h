/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Many changes in few requests: batches of the API, each made whole or not at all, with a bar of what is done on
 * a terminal. In: changes with the places they came from. Out: how many were made, or which was refused, where
 * it stands, and what became of the others.
 */
#pragma once

#include "cli/records.h"

/* Changes of one batch. Their size in JSON is limited too. */
#define BULK_BATCH 2000

/*
 * Sends all, in their order: json of each is an item of the API's /v1/batch. Stops at the first batch that is
 * refused. Returns CLI_DONE, or the exit status of a failure that was reported; with --dry-run nothing is
 * changed. `is_lines`: places are lines of the source; else they are nothing that a user knows.
 */
int bulk_send(const struct invocation *invocation, const struct records *changes, bool is_lines);
