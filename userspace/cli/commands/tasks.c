/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* attach, detach, tasks. What may be a task is the daemon's to decide: the path goes to it as
 * it was given. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

/* Is exactly one of the four given? */
static bool is_one_thing(const struct invocation *invocation)
{
    static const enum cli_option all[] = {OPTION_CGROUP, OPTION_PID, OPTION_CONTAINER, OPTION_UNIT};
    unsigned n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        n += invocation->options[all[i]] != NULL;
    return n == 1;
}

int command_attach(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *process = invocation->options[OPTION_PID];
    uint64_t pid = 0;
    cJSON *body;
    int status;

    if (!is_one_thing(invocation))
        return report_usage(invocation,
                            "give one of --cgroup PATH, --pid PID, --container NAME|ID and --unit UNIT");
    if (process && parse_number(process, 1, INT32_MAX, &pid) < 0)
        return report_usage(invocation, "--pid: \"%s\" is no process id: allowed are 1 to %d", process,
                            INT32_MAX);
    body = api_body_new(invocation);
    api_add_string(&body, "cgroup", invocation->options[OPTION_CGROUP]);
    api_add_string(&body, "container", invocation->options[OPTION_CONTAINER]);
    api_add_string(&body, "unit", invocation->options[OPTION_UNIT]);
    if (pid)
        api_add_number(&body, "pid", pid);
    api_add_string(&body, "service", invocation->options[OPTION_SERVICE]);
    status = api_change(invocation, "POST", "/v1/tasks", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    (void)printf("attached %s in %s\n", text_member(response.json, "cgroup"),
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
        return report_usage(invocation,
                            "give either --cgroup PATH to detach that task, or --all to detach every one");
    body = cJSON_CreateObject();
    api_add_string(&body, "cgroup", cgroup);
    if (!cgroup)
        api_add_true(&body, "all");
    status = api_change(invocation, "DELETE", "/v1/tasks", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("detached %s\n", cgroup ? cgroup : "all tasks");
    return status;
}

static void tasks_add_text(struct table *table, enum text_colour colour, const char *text)
{
    table_add(table, *text ? colour : TEXT_DIM, "%s", *text ? text : "-");
}

/* How its container came by its names, where it is, what it is, and since when. */
static void tasks_add_container(struct table *table, const cJSON *task)
{
    const cJSON *networks = cJSON_GetObjectItem(task, "networks");
    const char *first = text_member(task, "first");
    const char *network = cJSON_GetStringValue(cJSON_GetArrayItem(networks, 0));
    int n = cJSON_GetArraySize(networks);

    if (strcmp(first, "gated") == 0)
        table_add(table, TEXT_GREEN, "gated %.1f ms", (double)text_number(task, "heldMicroseconds") / 1000);
    else
        tasks_add_text(table, TEXT_YELLOW, first);
    if (n > 1)
        table_add(table, TEXT_PLAIN, "%s and %d more", network, n - 1);
    else
        tasks_add_text(table, TEXT_PLAIN, network ? network : "");
    tasks_add_text(table, TEXT_PLAIN, text_member(task, "runtime"));
    tasks_add_text(table, TEXT_DIM, text_member(task, "image"));
    tasks_add_text(table, TEXT_PLAIN, text_member(task, "startedAt"));
}

/* Is somebody asked in its place for what its processes look up? */
static void tasks_add_names(struct table *table, const cJSON *task)
{
    bool has_names = cJSON_GetArraySize(cJSON_GetObjectItem(task, "nameservers")) > 0;

    if (!has_names && text_number(task, "processes") == 0)
        tasks_add_text(table, TEXT_DIM, "");
    else
        tasks_add_text(table, has_names ? TEXT_GREEN : TEXT_RED, has_names ? "yes" : "no");
}

static void tasks_add_row(struct table *table, const cJSON *task)
{
    const char *service = text_member(task, "service");
    const char *state = text_member(task, "state");
    const char *container = text_member(task, "container");
    bool is_attached = strcmp(state, "attached") == 0;

    table_begin(table, task);
    table_add(table, TEXT_PLAIN, "%s", text_member(task, "namespace"));
    table_add(table, TEXT_PLAIN, "%s", *service ? service : "-");
    table_add(table, is_attached ? TEXT_GREEN : TEXT_RED, "%s", state);
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(task, "processes"));
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(task, "connects"));
    tasks_add_names(table, task);
    table_add(table, TEXT_DIM, "%llu", (unsigned long long)text_number(task, "scope"));
    table_add(table, TEXT_PLAIN, "%s", text_is_true(task, "run") ? "run" : "attach");
    table_add(table, TEXT_PLAIN, "%s", *container ? container : "-");
    tasks_add_container(table, task);
    table_add(table, TEXT_PLAIN, "%s", text_member(task, "cgroup"));
}

static struct table *tasks_fill(const struct invocation *invocation, const cJSON *tasks)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 1, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 12},
        {.header = "STATE"},
        {.header = "PROCESSES", .rank = 3, .is_number = true},
        {.header = "CONNECTS", .rank = 2, .is_number = true},
        {.header = "NAMES", .rank = 2},
        {.header = "SCOPE", .rank = 4, .is_number = true},
        {.header = "MADE BY", .rank = 2},
        {.header = "CONTAINER", .rank = 1, .least = 8, .is_dull_when_same = true},
        {.header = "FIRST", .rank = 5, .is_dull_when_same = true},
        {.header = "NETWORK", .rank = 6, .least = 8, .is_dull_when_same = true},
        {.header = "RUNTIME", .rank = 8, .is_dull_when_same = true},
        {.header = "IMAGE", .rank = 9, .least = 8, .is_dull_when_same = true},
        {.header = "SINCE", .rank = 7, .is_dull_when_same = true},
        {.header = "CGROUP", .least = 24},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *task;

    (void)invocation;
    cJSON_ArrayForEach (task, tasks) {
        tasks_add_row(table, task);
    }
    return table;
}

/* The value of detach --cgroup, of which there is one for a task whatever its namespace is. */
static void tasks_print_name(const struct invocation *invocation, const cJSON *task)
{
    (void)invocation;
    list_print_word(text_member(task, "cgroup"));
}

static int tasks_tell_empty(const struct invocation *invocation)
{
    report_hint(invocation,
                "No tasks yet. Next: svcconnect run -- COMMAND, or svcconnect attach --cgroup PATH");
    return CLI_DONE;
}

const struct list tasks_list = {
    .path = "/v1/tasks",
    .member = "tasks",
    .fill = tasks_fill,
    .print_name = tasks_print_name,
    .tell_empty = tasks_tell_empty,
};
