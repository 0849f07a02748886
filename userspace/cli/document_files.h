/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The documents that -f names: files, directories and standard input in, the request's list out. */
#pragma once

#include "base/json.h"
#include "cli/invocation.h"

/* The daemon takes no larger request. */
#define DOCUMENT_FILES_LIMIT ((size_t)16 << 20)

/*
 * Reads everything that -f named, in that order, a directory's *.json by name, into an array of
 * {"source", "text"}. CLI_DONE: the caller owns *ret_documents. Otherwise the exit status of a failure that
 * has been reported: nothing is read halfway.
 */
int document_files_read(const struct invocation *invocation, cJSON **ret_documents);
