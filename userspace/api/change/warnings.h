/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is right and may still be a mistake: sentences in an answer's "warnings". At most WARNINGS_MAX of them,
 * the last of which says that there are more.
 */
#pragma once

#include <cjson/cJSON.h>

struct api;
struct model_namespace;
struct transaction;

#define WARNINGS_MAX 100

/* An answer's list; without memory the answer stays as it is. */
void warnings_add(cJSON *answer, const char *sentence);

/* The change leaves client aliases without an endpoint (engine/change/losses.h). */
void warnings_add_losses(const struct transaction *transaction, cJSON *answer);

/* A route's targets in `body`, all of them services, of which some have no instance. */
void warnings_add_empty_targets(const struct transaction *transaction, const char *namespace_name,
                                const cJSON *targets, cJSON *answer);

/* `client` of a route that is set is no service, document or task's service of the namespace. */
void warnings_add_client(const struct api *api, const char *namespace_name, const char *client,
                         cJSON *answer);

/* A task of a namespace or of a service ("": none) that nobody has. */
void warnings_add_task(const struct api *api, const char *namespace_name, const char *service, cJSON *answer);
