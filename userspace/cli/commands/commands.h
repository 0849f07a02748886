/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The callbacks of the command table. Each prints what there is to print and returns the exit status. */
#pragma once

#include "cli/invocation.h"
#include "cli/list.h"

/* What list_command() lists. */
extern const struct list services_list;
extern const struct list endpoints_list;
extern const struct list aliases_list;
extern const struct list routes_list;
extern const struct list containers_list;
extern const struct list tasks_list;
extern const struct list callers_list;
extern const struct list history_list;
extern const struct list canary_list;

/* command_apply.c */
int command_apply(const struct invocation *invocation);

/* command_instances.c */
int command_register(const struct invocation *invocation);
int command_deregister(const struct invocation *invocation);
int command_health(const struct invocation *invocation);
int command_weight(const struct invocation *invocation);
int command_drain(const struct invocation *invocation);
int command_eject(const struct invocation *invocation);
int command_unject(const struct invocation *invocation);
int bulk_register(const struct invocation *invocation); /* register -f */
int command_delete(const struct invocation *invocation);
int command_delete_service(const struct invocation *invocation);

/* command_routes.c */
int command_route_set(const struct invocation *invocation);
int command_route_clear(const struct invocation *invocation);

/* command_canary.c */
int command_canary_start(const struct invocation *invocation);
int command_canary_act(const struct invocation *invocation); /* the second word is the action */

/* command_settings.c */
int command_set(const struct invocation *invocation);
int command_settings(const struct invocation *invocation);

/* command_tasks.c */
int command_attach(const struct invocation *invocation);
int command_detach(const struct invocation *invocation);

/* containers.c */
int command_stop(const struct invocation *invocation);

/* run.c */
int command_run(const struct invocation *invocation);

/* command_explain.c */
int command_explain(const struct invocation *invocation);

/* bundle.c */
int command_bundle(const struct invocation *invocation);

/* top.c */
int command_top(const struct invocation *invocation);

/* command_events.c */
int command_events(const struct invocation *invocation);

/* connections.c */
int command_connections(const struct invocation *invocation);

/* history.c */
int command_rollback(const struct invocation *invocation);

/* command_hosts.c, command_status.c, command_doctor.c */
int command_hosts(const struct invocation *invocation);
int command_status(const struct invocation *invocation);
int command_doctor(const struct invocation *invocation);

/* command_credentials.c */
int command_credentials(const struct invocation *invocation);
int command_credentials_add(const struct invocation *invocation);
int command_credentials_list(const struct invocation *invocation);
int command_credentials_remove(const struct invocation *invocation);

/* transfer.c */
int command_export(const struct invocation *invocation);
int command_import(const struct invocation *invocation);

/* command_registry.c */
int command_registry_accept(const struct invocation *invocation);

/* policy.c */
int command_policy_set(const struct invocation *invocation);
int command_policy_clear(const struct invocation *invocation);
int command_policy_close(const struct invocation *invocation);
int command_policy_show(const struct invocation *invocation);
int command_policy_check(const struct invocation *invocation);

/* registry_copy.c */
int command_registry_copy(const struct invocation *invocation);

/* registry_forget.c */
int command_registry_forget(const struct invocation *invocation);
int command_endpoints(const struct invocation *invocation);

/* complete.c */
int command_complete(const struct invocation *invocation);

/* command_help.c */
int command_help(const struct invocation *invocation);
int command_version(const struct invocation *invocation);

/* command_backup.c, command_restore.c */
int command_backup(const struct invocation *invocation);
int command_restore(const struct invocation *invocation);
