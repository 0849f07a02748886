/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The requests that only read (docs/api.md). */
#pragma once

#include "control/control_server.h"
#include "tasks/task_list.h"
#include "model/catalog.h"

struct api;

int read_status(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_services(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_endpoints(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_aliases(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_routes(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_tasks(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_hosts(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_events(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_settings(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_canaries(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_metrics(char **ret_text, void *user);

/* An instance as it is registered, and with what is known of it as an endpoint; the caller frees it. */
cJSON *read_instance(const struct instance *instance);
void read_alias_names(cJSON *object, const struct client_alias *alias); /* adds them */
cJSON *read_endpoint(struct api *api, const struct instance *instance);
/* One that is a host name without an address: in no endpoint's place. */
cJSON *read_unresolved(struct api *api, const struct instance *external);

/* One task's object, which the caller frees. */
cJSON *read_task(struct api *api, const struct task *task);
