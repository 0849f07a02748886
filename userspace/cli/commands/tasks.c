/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* attach, detach, tasks. What may be a task is the daemon's to decide: the path goes to it as
 * it was given. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/table.h"

int command_attach(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *cgroup;
    cJSON *body = api_body_new(invocation);
    int status;

    api_add_string(&body, "cgroup", invocation->options[OPTION_CGROUP]);
    api_add_string(&body, "service", invocation->options[OPTION_SERVICE]);
    status = api_change(invocation, "POST", "/v1/tasks", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    cgroup = text_member(response.json, "cgroup");
    (void)printf("attached %s in %s\n", *cgroup ? cgroup : invocation->options[OPTION_CGROUP],
                 invocation_namespace(invocation));
    return CLI_DONE;
}

int command_detach(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *cgroup = invocation->options[OPTION_CGROUP];
    cJSON *body = NULL;
    int status;

    if (!cgroup == !invocation->options[OPTION_ALL])
        return report_usage(invocation, "one of --cgroup PATH and --all is wanted");
    body = cJSON_CreateObject();
    api_add_string(&body, "cgroup", cgroup);
    if (!cgroup)
        api_add_true(&body, "all");
    status = api_change(invocation, "DELETE", "/v1/tasks", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("detached %s\n", cgroup ? cgroup : "all tasks");
    return status;
}

int command_tasks(const struct invocation *invocation)
{
    static const struct table_column columns[] = {
        {"NAMESPACE", false}, {"SERVICE", false}, {"STATE", false},  {"PROCESSES", true},
        {"SCOPE", true},      {"MADE BY", false}, {"CGROUP", false},
    };
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_table_ struct table *table = NULL;
    const cJSON *tasks;
    const cJSON *task;
    int status = api_read(invocation, "/v1/tasks", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    tasks = text_child(response.json, "tasks");
    if (cJSON_GetArraySize(tasks) == 0) {
        report_hint(invocation,
                    "No tasks yet. Next: svcconnect run -- COMMAND, or svcconnect attach --cgroup PATH");
        return CLI_DONE;
    }
    table = table_new(columns, ARRAY_SIZE(columns));
    cJSON_ArrayForEach (task, tasks) {
        const char *service = text_member(task, "service");
        const char *state = text_member(task, "state");
        bool is_attached = strcmp(state, "attached") == 0;

        table_add(table, TEXT_PLAIN, "%s", text_member(task, "namespace"));
        table_add(table, TEXT_PLAIN, "%s", *service ? service : "-");
        table_add(table, is_attached ? TEXT_GREEN : TEXT_RED, "%s", state);
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(task, "processes"));
        table_add(table, TEXT_DIM, "%llu", (unsigned long long)text_number(task, "scope"));
        table_add(table, TEXT_PLAIN, "%s", text_is_true(task, "run") ? "run" : "attach");
        table_add(table, TEXT_PLAIN, "%s", text_member(task, "cgroup"));
    }
    return table_print(table) < 0 ? report_error(invocation, CLI_FAILED, "out of memory") : CLI_DONE;
}
