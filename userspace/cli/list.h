/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What all lists of the daemon share: -o, --filter, --sort and --watch. In: where a list is read and how an item
 * becomes rows. Out: a table, names, or JSON; again and again with --watch.
 */
#pragma once

#include "cli/invocation.h"
#include "cli/table.h"

#define LIST_QUERY_SIZE 512

struct list {
    const char *path; /* "/v1/endpoints" */
    /* More of it by the arguments ("?limit=5"), into text of LIST_QUERY_SIZE; the exit status of bad ones. NULL:
     * nothing. */
    int (*make_query)(const struct invocation *invocation, char *ret_query);
    const char *member; /* of the answer: "endpoints" */

    /* A new table of the items, a group for each. NULL: no memory. */
    struct table *(*fill)(const struct invocation *invocation, const cJSON *items);

    /* What other commands call the item, as words for a shell. */
    void (*print_name)(const struct invocation *invocation, const cJSON *item);

    /* Drops items that the arguments do not ask for; the exit status of a bad one. NULL: there are none. */
    int (*narrow)(const struct invocation *invocation, cJSON *items);

    /* The next step where there is no item. Returns the exit status: a list may be empty or have to be told as
     * a failure. */
    int (*tell_empty)(const struct invocation *invocation);

    /* Lines below the table, or NULL. */
    void (*print_more)(const cJSON *items);
};

/* The whole of a command whose row has a list. Returns the exit status. */
int list_command(const struct invocation *invocation);

/* The options of a list, for its row in the table of commands. */
#define LIST_OPTIONS OPTION_NAMESPACE, OPTION_OUTPUT, OPTION_WIDE, OPTION_FILTER, OPTION_SORT, OPTION_WATCH

#define LIST_SYNOPSIS                                                                                        \
    "[--wide | -o wide|json|name] [--filter TEXT|COLUMN=VALUE] [--sort COLUMN] [--watch [SECONDS]] [-n NS]"

/* For a table whose items have no names that a command takes: -o name is a usage error. */
int list_check_form(const struct invocation *invocation);

/* A table that is no list of the daemon's, as wide as the terminal. Returns the exit status. */
int list_print_table(const struct invocation *invocation, const struct table *table);

/* " -n NS" if the item's namespace is neither given nor the default. */
void list_print_namespace(const struct invocation *invocation, const cJSON *item);

/* A word as a shell takes it: quoted if it has to be. */
void list_print_word(const char *word);
