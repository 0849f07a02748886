/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Many JSON objects of a file: JSON lines, one array, or objects one after the other as jq prints them. Each is
 * known with the line it begins at.
 */
#pragma once

#include "cli/invocation.h"

#include "base/json.h"

struct record {
    cJSON *json; /* an object; owned */
    size_t line; /* of the text, from 1 */
};

struct records {
    struct record *items;
    size_t count;
    const char *source; /* "FILE", or "standard input"; the caller's */
};

/* The largest file that is read. */
#define RECORDS_LIMIT ((size_t)256 << 20)

/* Of a text. -EINVAL: something is no object or no JSON, with source and line in `error`; -ENOMEM. */
int records_parse(const char *text, size_t length, const char *source, struct records *ret_records,
                  struct error *error);

/* Of a file, or of standard input for "-". CLI_DONE, or the exit status of a failure that was reported. */
int records_read(const struct invocation *invocation, const char *file, struct records *ret_records);

void records_done(struct records *records);

#define _cleanup_records_ _cleanup_(records_done)
