/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The changes of the control API (docs/api.md): each checks one JSON body against the catalog and puts its
 * rows into a transaction. `answer` gets what the change tells its caller besides the revision.
 */
#pragma once

#include <cjson/cJSON.h>

#include "daemon/transaction.h"

typedef int (*change_fn)(struct transaction *transaction, const cJSON *body, cJSON *answer,
                         struct error *error);

int change_register(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_update(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_deregister(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_delete_service(struct transaction *transaction, const cJSON *body, cJSON *answer,
                          struct error *error);
int change_set_route(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_clear_route(struct transaction *transaction, const cJSON *body, cJSON *answer,
                       struct error *error);

/* By the name a batch uses ("register", ...); NULL. */
change_fn change_by_name(const char *name);

/* The body's namespace, "default" where it is left out, checked. */
int change_namespace(const cJSON *body, const char **ret_namespace, struct error *error);
