/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the transaction's files share. Not for others. */
#pragma once

#include "engine/change/transaction.h"
#include "engine/plan/tables.h"

/* transaction_touch.c. Called before and after a row is applied: what it reaches may differ. -ENOMEM. */
int transaction_touch_row(struct transaction *transaction, const char *key);

/* After it was applied: the addresses of an instance that is a host name. -ENOMEM. */
int transaction_fill_external(const struct transaction *transaction, const char *key);

/* After it was applied; `before`: the settings that the service the row names had. -ENOMEM. */
int transaction_touch_settings(struct transaction *transaction, const char *key,
                               const struct service_settings *before);

/* The declared service that a ROW_SERVICE's key names; NULL, for any other row too. */
const struct service *transaction_service_of_row(const struct transaction *transaction, const char *key);

/* transaction_endpoints.c: the instances touched, in the order of a commit or of its undoing. */
int transaction_number_endpoints(struct transaction *transaction, struct error *error);
void transaction_write_endpoints(struct transaction *transaction);
void transaction_remove_endpoints(struct transaction *transaction); /* after the tables no longer name them */
void transaction_restore_endpoints(struct transaction *transaction);
void transaction_put_externals(const struct transaction *transaction); /* when all is in effect */

/* transaction.c */
void transaction_done(struct transaction *transaction);
