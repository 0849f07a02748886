/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What goes wrong, to standard error: as "svcconnect: sentence", or with --json as {"error": {"message":
 * ...}}. Standard output is left to results.
 */
#pragma once

#include "base/json.h"
#include "cli/invocation.h"

/* Prints the sentence; returns `status`, so that `return report_error(...)` ends a command. */
int report_error(const struct invocation *invocation, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As report_error, with the command's usage line; returns CLI_USAGE. */
int report_usage(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Nobody answers on the socket (`number`: errno of connecting): says how to go on; returns
 * CLI_UNREACHABLE. */
int report_unreachable(const struct invocation *invocation, int number);

/*
 * The daemon's own error document (NULL: it had none) of an answer with HTTP `status`: its one sentence, or a
 * line for each of its `errors`. Returns CLI_FAILED.
 */
int report_refusal(const struct invocation *invocation, long status, const cJSON *document);

/* A warning that leaves the result valid; silent with --json, where warnings are in the document. */
void report_warning(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line on the next step where there is nothing to show; silent with --json. */
void report_hint(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
