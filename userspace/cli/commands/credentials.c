/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* credentials: key pairs of the AWS API. Alone it prints lines for a shell, which make AWS's clients talk to
 * the daemon; the endpoint and one setting of theirs go with the pair. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/text.h"

#define PATH "/v1/credentials"

static const char *credentials_or_default(const struct invocation *invocation)
{
    return invocation->options[OPTION_NAME] ? invocation->options[OPTION_NAME] : "default";
}

/* Nothing that is printed has a character that a shell would see: the daemon made it or checked it. */
static void print_exports(const cJSON *json)
{
    const char *endpoint = text_member(json, "endpoint");

    (void)printf("export AWS_ACCESS_KEY_ID=%s\n", text_member(json, "accessKeyId"));
    (void)printf("export AWS_SECRET_ACCESS_KEY=%s\n", text_member(json, "secretAccessKey"));
    (void)printf("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    (void)printf("export AWS_DEFAULT_REGION=\"${AWS_DEFAULT_REGION:-us-east-1}\"\n");
    if (*endpoint)
        (void)printf("export AWS_ENDPOINT_URL='%s'\n", endpoint);
    (void)printf("export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n");
}

int command_credentials(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    char path[256];
    const char *name = credentials_or_default(invocation);
    int status;

    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] ||
        strlen(name) > 64)
        return report_usage(invocation, "--name: letters, digits, _ - and .");
    (void)snprintf(path, sizeof(path), PATH "?name=%s", name);
    status = api_read(invocation, path, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    if (!*text_member(response.json, "endpoint"))
        report_hint(invocation, "The AWS API is off; --aws-listen of svcconnectd turns it on.");
    print_exports(response.json);
    return CLI_DONE;
}

int command_credentials_add(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = cJSON_CreateObject();
    int status;

    api_add_string(&body, "name", invocation->options[OPTION_NAME]);
    api_add_string(&body, "namespace", invocation->options[OPTION_NAMESPACE]);
    if (invocation->options[OPTION_READ_ONLY])
        api_add_true(&body, "readOnly");
    status = api_change(invocation, "POST", PATH, body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("added %s, access key id %s; use it: eval \"$(svcconnect credentials --name %s)\"\n",
                     text_member(response.json, "name"), text_member(response.json, "accessKeyId"),
                     text_member(response.json, "name"));
    return status;
}

int command_credentials_list(const struct invocation *invocation)
{
    static const struct table_column columns[] = {
        {.header = "NAME", .least = 16},
        {.header = "ACCESS KEY ID"},
        {.header = "RIGHTS"},
        {.header = "NAMESPACE", .least = 12},
    };
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *item;
    int status = list_check_form(invocation);

    if (status == CLI_DONE)
        status = api_read(invocation, PATH, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    cJSON_ArrayForEach (item, text_child(response.json, "credentials")) {
        const char *namespace_name = text_member(item, "namespace");

        table_add(table, TEXT_PLAIN, "%s", text_member(item, "name"));
        table_add(table, TEXT_PLAIN, "%s", text_member(item, "accessKeyId"));
        table_add(table, TEXT_PLAIN, "%s", text_is_true(item, "readOnly") ? "read-only" : "all");
        table_add(table, TEXT_PLAIN, "%s", *namespace_name ? namespace_name : "(all)");
    }
    return list_print_table(invocation, table);
}

int command_credentials_remove(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = cJSON_CreateObject();
    const char *name = invocation->arguments[0];
    int status;

    api_add_string(&body, "name", name);
    status = api_change(invocation, "DELETE", PATH, body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("removed %s\n", name);
    return status;
}
