/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Client aliases that a change leaves without an endpoint: before it, connects of some tasks had one to go to,
 * after it they have none, or the alias is there no more. In one place for all that warn of it.
 *
 * What a job's rows reach is looked at before the first of them is applied, and again when all of them are. An
 * endpoint counts if connects could be sent there by what is registered and what checks have found; ejections
 * pass by themselves and do not count against it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct transaction;

/* Texts are whoever's who tells it, for as long as the call lasts. */
struct alias_loss {
    const char *namespace_name;
    const char
        *client; /* for the tasks of this client service, which has a route of its own; "": for others */
    const char *identity; /* of the alias */
    bool is_gone;         /* the alias itself */
};

/*
 * Tells each loss by the job's rows so far. Not of a finding. A job that reaches more aliases or instances than
 * are looked at (LOSSES_MAX, and LOSSES_LOOKS for each of the two times) is not told the rest.
 */
#define LOSSES_MAX   256
#define LOSSES_LOOKS 131072
void transaction_tell_losses(const struct transaction *transaction,
                             void (*tell)(const struct alias_loss *loss, void *user), void *user);

/* A sentence. */
#define ALIAS_LOSS_TEXT_SIZE 1024
const char *alias_loss_text(const struct alias_loss *loss, char text[static ALIAS_LOSS_TEXT_SIZE]);
