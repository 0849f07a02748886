/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The changes of the control API (docs/api.md): each checks one JSON body against the catalog and puts its
 * rows into a transaction. `answer` gets what the change tells its caller besides the revision.
 */
#pragma once

#include <cjson/cJSON.h>

#include "engine/change/transaction.h"

typedef int (*change_fn)(struct transaction *transaction, const cJSON *body, cJSON *answer,
                         struct error *error);

int change_register(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_update(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_deregister(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_drain(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_declare(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_delete_service(struct transaction *transaction, const cJSON *body, cJSON *answer,
                          struct error *error);
int change_set_route(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);
int change_clear_route(struct transaction *transaction, const cJSON *body, cJSON *answer,
                       struct error *error);
int change_set_settings(struct transaction *transaction, const cJSON *body, cJSON *answer,
                        struct error *error);

/* Not for batches. */
int change_start_canary(struct transaction *transaction, const cJSON *body, cJSON *answer,
                        struct error *error);
int change_canary(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error);

/* By the name a batch uses ("register", ...); NULL. */
change_fn change_by_name(const char *name);
/* All of these names, for people. */
void change_list_names(char *ret_text, size_t size);

/* A queue did not take a change on, with this negative errno: what its client is told. */
int change_not_taken(int r, struct error *error);

/* The body's service, checked as a name. */
int change_service_name(const cJSON *body, const char **ret_name, struct error *error);

/* -ENOENT, with the sentence. */
int change_no_service(const struct engine *engine, const char *field, const char *namespace_name,
                      const char *name, struct error *error);

/* The namespace and the service come into being with their first instance; the alias is the service's name,
 * one for each protocol that there are instances of. */
int change_declare_service(struct transaction *transaction, const char *namespace_name, const char *name,
                           const struct instance *instance, struct error *error);

/* The instance that a body names by service, id and namespace; -ENOENT says which part is unknown. */
int change_find_instance(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                         const struct instance **ret_instance, struct error *error);
/* The route that a body's namespace, client, dnsName and port name. Texts are the body's. */
struct route_name {
    const char *namespace_name;
    const char *client; /* "" for everybody */
    struct client_alias alias;
};

/* alias.port is 0 if the body has none and the name has no alias. */
int change_route_name(const struct engine *engine, const cJSON *body, struct route_name *ret_name,
                      struct error *error);

/* The body's protocol, TCP where it is left out. */
int change_protocol(const cJSON *body, enum svc_protocol *ret_protocol, struct error *error);

/* The body's namespace, "default" where it is left out, checked: its name, whether the body has that, its id
 * or its ARN. The text is the catalog's or the body's. */
int change_namespace(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                     struct error *error);
