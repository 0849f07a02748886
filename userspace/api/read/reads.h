/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The requests that only read (docs/api.md). */
#pragma once

#include "control/control_server.h"
#include "tasks/task_list.h"
#include "model/catalog.h"

struct api;
struct event_entry;
struct metrics_text;

int read_status(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_services(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_endpoints(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_aliases(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_routes(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_containers(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_tasks(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_hosts(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_events(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_history(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_settings(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_policies(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_policy_check(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_canaries(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_callers(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_connections(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_explain(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int read_metrics(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);

/* What /metrics tells of the daemon as a whole; and all of it, slice by slice. -ENOMEM. */
#define METRICS_SLICE_ENDPOINTS 256u /* samples of so many endpoints end a slice */
void read_metrics_head(const struct metrics_text *out, struct api *api);
/* One endpoint's samples of a family (metrics/snapshot.h). Returns whether there is one with this number. */
bool metrics_of_endpoint(struct api *api, const struct metrics_text *out, unsigned family, uint32_t number);
int metrics_writer(struct api *api, struct http_writer *ret_writer);

/* The name of the namespace that the query wants, by name, id or ARN; NULL: all. */
const char *read_wanted_namespace(const struct api *api, const struct control_call *call);

/* An instance as it is registered, and with what is known of it as an endpoint; the caller frees it. */
cJSON *read_instance(const struct instance *instance);
void read_alias_names(cJSON *object, const struct client_alias *alias); /* adds them */
cJSON *read_endpoint(struct api *api, const struct instance *instance, bool is_panic);
/* One that is a host name without an address: in no endpoint's place. */
cJSON *read_unresolved(struct api *api, const struct instance *external);

/* One task's object, which the caller frees. */
cJSON *read_task(struct api *api, const struct task *task);

/* One event's object, which the caller frees. */
cJSON *read_event(const struct event_entry *entry);
