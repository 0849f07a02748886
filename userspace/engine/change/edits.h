/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes that take several rows, or a look around, and that more than one API makes. */
#pragma once

#include "engine/change/transaction.h"

/*
 * Puts the removal of a service with its instances until that time (CLOCK_MONOTONIC), and one row at least.
 * 0; JOB_GO_ON: there are more of them, for a call with the same names; a negative errno with the error.
 */
int change_remove_service(struct transaction *transaction, const char *namespace_name,
                          const char *service_name, uint64_t until_ns, struct error *error);

/*
 * Puts the removal of an instance by somebody's word. Of a container that runs it is remembered, or its labels would have it
 * there again: it stays out until the container is started once more, or it is registered.
 */
int change_remove_instance(struct transaction *transaction, const struct instance *instance,
                           struct error *error);

/*
 * Fills in alias->port: the one that the name has for tasks of `client` ("" others), with `only_routes` the
 * one it has a route for; 0 if it has none. -EINVAL: it has several.
 */
int change_route_port(const struct model_namespace *parent, const char *client, struct client_alias *alias,
                      bool only_routes, struct error *error);
