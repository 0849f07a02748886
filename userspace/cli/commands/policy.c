/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* policy set, clear, close, show, check: who may call whom. Setting it is a change of two settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/text.h"

/* NULL: back to the default. */
static cJSON *text_or_null(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

/* `mode` NULL: as it is. */
static int policy_change(const struct invocation *invocation, const char *from, bool has_mode,
                         const char *mode)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *settings = cJSON_CreateObject();
    cJSON *body = api_body_new(invocation);

    api_add_item(&settings, "allowFrom", text_or_null(from));
    if (has_mode)
        api_add_item(&settings, "policyMode", text_or_null(mode));
    api_add_string(&body, "service", invocation->arguments[0]);
    api_add_item(&body, "settings", settings);
    return api_change(invocation, "PUT", "/v1/settings", body, &response);
}

int command_policy_set(const struct invocation *invocation)
{
    const char *from = invocation->options[OPTION_FROM];
    const char *mode = invocation->options[OPTION_MODE];
    int status;

    if (!*from)
        return report_usage(invocation, "--from names nobody: \"none\" says so, policy clear opens it");
    status = policy_change(invocation, from, mode != NULL, mode);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s in %s may be called by %s%s\n", invocation->arguments[0],
                     invocation_namespace(invocation), from,
                     mode && strcmp(mode, "audit") == 0 ? "; others are told, not refused" : " alone");
    return status;
}

int command_policy_clear(const struct invocation *invocation)
{
    int status = policy_change(invocation, NULL, true, NULL);

    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s in %s may be called by everybody\n", invocation->arguments[0],
                     invocation_namespace(invocation));
    return status;
}

int command_policy_close(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = api_body_new(invocation);
    int status;

    api_add_string(&body, "service", invocation->arguments[0]);
    status = api_change(invocation, "POST", "/v1/policies/close", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    (void)printf(
        "closing what %llu tasks have open to %llu endpoints; svcconnect events tells how many it were\n",
        (unsigned long long)text_number(response.json, "tasks"),
        (unsigned long long)text_number(response.json, "endpoints"));
    if (text_number(response.json, "shared") > 0)
        report_hint(
            invocation,
            "%llu endpoints share their address with another service that has a policy, and are left alone.",
            (unsigned long long)text_number(response.json, "shared"));
    return CLI_DONE;
}

/* The caller frees it; NULL: no memory. */
static char *policy_path(const char *path, const char *client, const char *service)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    (void)fputs(path, out);
    if (service)
        api_add_query(out, '?', "service", service);
    api_add_query(out, '&', "client", client);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int print_policies(const struct invocation *invocation, const cJSON *policies)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 2, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 12},
        {.header = "ALLOW FROM", .least = 20},
        {.header = "MODE"},
        {.header = "REFUSED", .is_number = true},
        {.header = "AUDITED", .rank = 1, .is_number = true},
    };
    _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *policy;

    cJSON_ArrayForEach (policy, policies) {
        const char *from = text_member(policy, "allowFrom");

        table_add(table, TEXT_PLAIN, "%s", text_member(policy, "namespace"));
        table_add(table, TEXT_PLAIN, "%s", text_member(policy, "service"));
        table_add(table, TEXT_PLAIN, "%s", *from ? from : "(everybody)");
        table_add(table, TEXT_PLAIN, "%s", text_member(policy, "policyMode"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(policy, "refused"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(policy, "audited"));
    }
    return list_print_table(invocation, table);
}

static int print_tasks_of(const struct invocation *invocation, const cJSON *tasks)
{
    static const struct table_column columns[] = {
        {.header = "TASK", .least = 24},
        {.header = "NAMESPACE", .rank = 1, .is_dull_when_same = true},
        {.header = "CLIENT"},
        {.header = "VERDICT"},
    };
    _cleanup_table_ struct table *table = NULL;
    const cJSON *task;

    if (cJSON_GetArraySize(tasks) == 0)
        return CLI_DONE;
    table = table_new(columns, ARRAY_SIZE(columns));
    cJSON_ArrayForEach (task, tasks) {
        const char *verdict = text_member(task, "verdict");

        table_add(table, TEXT_PLAIN, "%s", text_member(task, "cgroup"));
        table_add(table, TEXT_PLAIN, "%s", text_member(task, "namespace"));
        table_add(table, TEXT_PLAIN, "%s",
                  *text_member(task, "service") ? text_member(task, "service") : "-");
        table_add(table, strcmp(verdict, "allowed") == 0 ? TEXT_GREEN : TEXT_YELLOW, "%s", verdict);
    }
    (void)putchar('\n');
    return list_print_table(invocation, table);
}

int command_policy_show(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *path = policy_path("/v1/policies", NULL, invocation->arguments[0]);
    const cJSON *policies;
    int status;

    if (!path)
        return report_error(invocation, CLI_FAILED, "out of memory");
    status = api_read(invocation, path, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    policies = text_child(response.json, "policies");
    if (cJSON_GetArraySize(policies) == 0) {
        report_hint(invocation,
                    "Everybody may call every service. Next: svcconnect policy set SERVICE --from "
                    "CLIENT,...");
        return CLI_DONE;
    }
    status = print_policies(invocation, policies);
    return status == CLI_DONE && invocation->arguments[0]
               ? print_tasks_of(invocation, text_child(cJSON_GetArrayItem(policies, 0), "tasks"))
               : status;
}

int command_policy_check(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *path =
        policy_path("/v1/policies/check", invocation->arguments[0], invocation->arguments[1]);
    int status =
        path ? api_read(invocation, path, &response) : report_error(invocation, CLI_FAILED, "out of memory");

    if (status != CLI_DONE)
        return status;
    if (!invocation->is_json) {
        (void)printf("%s: %s\n", text_member(response.json, "verdict"), text_member(response.json, "text"));
        if (*text_member(response.json, "note"))
            (void)printf("%s\n", text_member(response.json, "note"));
    }
    return strcmp(text_member(response.json, "verdict"), "refused") == 0 ? CLI_FAILED : CLI_DONE;
}
