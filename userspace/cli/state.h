/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Everything that it takes to rebuild what a daemon has registered, as one JSON object:
 *
 *   {"svcconnectExport": 1, "documents": [{"namespace", "name", "document"}],
 *    "services": [{"namespace", "service", "port", "protocol"}],
 *    "instances": [{"namespace", "service", "id", "address", "weight", "health", "protocol"}],
 *    "settings": [{"settings"}, {"namespace", "service", "settings"}],
 *    "routes": [{"namespace", "client", "dnsName", "port", "protocol", "onEmpty", "targets"}]}
 *
 * Items but those of documents are bodies of changes of the API, in the order in which they are made.
 */
#pragma once

#include "base/json.h"
#include "cli/invocation.h"

#define STATE_FORMAT "svcconnectExport"

/* A part of it: its member, and how its items become changes of a batch. */
struct state_part {
    const char *member;
    const char *op;          /* NULL: documents, which are no batch */
    const char *identity[6]; /* members that say which one it is; NULL-terminated */
    const char *what;        /* "instance" */
};

extern const struct state_part state_parts[];
extern const size_t state_part_count;

/* Of one revision of the registry, narrowed to -n if that was given. CLI_DONE: the caller owns *ret_state; else the
 * exit status of a failure that has been reported. */
int state_read(const struct invocation *invocation, cJSON **ret_state);
