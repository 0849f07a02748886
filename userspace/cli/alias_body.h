/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests about one client alias: DNSNAME[:PORT] in, the beginning of a body out. */
#pragma once

#include "cli/api.h"

/*
 * The body that names the alias of the first argument, and the client of --client. Returns an exit status; on
 * CLI_DONE *ret_body is set.
 */
int alias_body_new(const struct invocation *invocation, cJSON **ret_body);
