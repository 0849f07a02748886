/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a transaction held is given back, some at a step: a large one has as much to free as it had to do. */
#include "engine/change/transaction_internal.h"

#include <stdlib.h>

#include "engine/plan/tables.h"
#include "registry/rows.h"

#define FREED_A_STEP 512

enum {
    DONE_KEYS, /* they are the rows' */
    DONE_ROWS,
    DONE_ALIASES,
    DONE_INSTANCES,
    DONE_WANTED,
    DONE_NUMBERS,
    DONE_REST,
};

/* The table goes at once, its items one after the other. */
static struct touched *take_list(struct touched **set)
{
    struct touched *first = *set;

    HASH_CLEAR(hh, *set);
    return first;
}

static bool free_some_touched(struct touched **list)
{
    for (unsigned i = 0; i < FREED_A_STEP && *list; i++) {
        struct touched *touched = *list;

        *list = touched->hh.next;
        free(touched->name);
        free(touched);
    }
    return !*list;
}

static bool free_some_keys(struct taken_key **list)
{
    for (unsigned i = 0; i < FREED_A_STEP && *list; i++) {
        struct taken_key *taken = *list;

        *list = taken->hh.next;
        free(taken);
    }
    return !*list;
}

static bool free_some_rows(struct transaction *transaction)
{
    for (unsigned i = 0; i < FREED_A_STEP && transaction->n_rows > 0; i++)
        transaction_drop_row(transaction);
    return transaction->n_rows == 0;
}

static bool free_some_wanted(struct wanted_list *wanted)
{
    for (unsigned i = 0; i < FREED_A_STEP && wanted->n > 0; i++)
        wanted_alias_done(&wanted->items[--wanted->n]);
    for (unsigned i = 0; i < FREED_A_STEP && wanted->n_texts > 0; i++)
        free(wanted->texts[--wanted->n_texts]);
    return wanted->n == 0 && wanted->n_texts == 0;
}

static bool free_some_numbers(struct unsaved_numbers *numbers)
{
    for (unsigned i = 0; i < FREED_A_STEP && numbers->n > 0; i++)
        row_done(&numbers->rows[--numbers->n]);
    return numbers->n == 0;
}

static bool free_some(struct transaction *transaction)
{
    struct freed_lists *lists = &transaction->freed;

    switch (lists->part) {
    case DONE_KEYS:
        return free_some_keys(&lists->taken);
    case DONE_ROWS:
        return free_some_rows(transaction);
    case DONE_ALIASES:
        return free_some_touched(&lists->aliases);
    case DONE_INSTANCES:
        return free_some_touched(&lists->instances);
    case DONE_WANTED:
        return free_some_wanted(&transaction->wanted);
    case DONE_NUMBERS:
        return free_some_numbers(&transaction->numbers);
    default:
        return true;
    }
}

int transaction_free_some(struct transaction *transaction, struct error *error)
{
    struct freed_lists *lists = &transaction->freed;

    (void)error;
    if (!lists->has_begun) {
        lists->has_begun = true;
        lists->taken = transaction->taken;
        HASH_CLEAR(hh, transaction->taken);
        lists->aliases = take_list(&transaction->aliases);
        lists->instances = take_list(&transaction->instances);
    }
    if (free_some(transaction))
        lists->part++;
    if (lists->part < DONE_REST)
        return STEP_MORE;
    free(transaction->rows);
    free(transaction->undo);
    free(transaction->documents);
    for (size_t i = 0; i < transaction->n_scopes; i++)
        scope_change_done(&transaction->scopes[i]);
    free(transaction->scopes);
    numbers_free(&transaction->numbers);
    wanted_list_done(&transaction->wanted);
    free(transaction->publications);
    transaction_forget_watched(transaction);
    *transaction = (struct transaction){0};
    return 0;
}

void transaction_done(struct transaction *transaction)
{
    (void)transaction_whole(transaction, transaction_free_some, NULL);
}
