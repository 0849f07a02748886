/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* history: what was changed and by whom, as a table, newest first. rollback: a revision in, what was put back out. */
#include <stdio.h>
#include <string.h>

#include "base/dns_name.h"
#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/table.h"

/* "uid 0, process 4242 (svcconnect)", as the daemon's log has it. */
static void history_add_who(struct table *table, const cJSON *by)
{
    const char *kind = text_member(by, "kind"), *name = text_member(by, "name");

    if (strcmp(kind, "socket") == 0)
        table_add(table, TEXT_PLAIN, "uid %llu %s[%llu]", (unsigned long long)text_number(by, "uid"), name,
                  (unsigned long long)text_number(by, "pid"));
    else
        table_add(table, TEXT_PLAIN, "%s%s%s", strcmp(kind, "daemon") == 0 ? "svcconnectd" : kind,
                  *name ? " " : "", name);
}

static void add_what(struct table *table, const cJSON *item)
{
    const char *kind = text_member(item, "kind"), *service = text_member(item, "service");
    const char *name = text_member(item, "name"), *client = text_member(item, "client");

    table_add(table, TEXT_PLAIN, "%s %s%s%s%s%s%s", kind, service, *service && *name ? "/" : "", name,
              *client ? " for " : "", client, strcmp(kind, "settings") == 0 ? "of all" : "");
}

static struct table *history_fill(const struct invocation *invocation, const cJSON *history)
{
    static const struct table_column columns[] = {
        {.header = "REVISION", .is_number = true},
        {.header = "TIME", .rank = 2},
        {.header = "WHO", .rank = 1, .least = 12},
        {.header = "NAMESPACE", .rank = 3, .least = 9, .is_dull_when_same = true},
        {.header = "WHAT", .least = 16},
        {.header = "CHANGE", .least = 20},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *item;

    (void)invocation;
    cJSON_ArrayForEach (item, history) {
        _cleanup_free_ char *change = text_printable(text_member(item, "change"));
        unsigned long long more = (unsigned long long)text_number(item, "more");

        table_begin(table, item);
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(item, "revision"));
        table_add(table, TEXT_PLAIN, "%s", text_member(item, "time"));
        history_add_who(table, text_child(item, "by"));
        table_add(table, TEXT_PLAIN, "%s", text_member(item, "namespace"));
        add_what(table, item);
        if (more)
            table_add(table, TEXT_PLAIN, "%s (and %llu more rows)", change ? change : "", more);
        else
            table_add(table, TEXT_PLAIN, "%s", change ? change : "");
    }
    return table;
}

static void history_print_name(const struct invocation *invocation, const cJSON *item)
{
    (void)invocation;
    (void)printf("%llu", (unsigned long long)text_number(item, "revision"));
}

static int history_tell_empty(const struct invocation *invocation)
{
    report_hint(invocation, "Nothing was changed yet.");
    return CLI_DONE;
}

static int history_make_query(const struct invocation *invocation, char *ret_query)
{
    const char *service = invocation->arguments[0];
    uint64_t limit = 100;

    if (invocation->options[OPTION_LIMIT] && argument_number(invocation->options[OPTION_LIMIT], &limit) < 0)
        return report_usage(invocation, ARGUMENT_NO_NUMBER, "limit", invocation->options[OPTION_LIMIT]);
    if (service &&
        (strspn(service, DNS_NAME_LETTERS_DIGITS "_-.") != strlen(service) || strlen(service) > 255))
        return report_usage(invocation, "\"%.255s\" cannot be the name of a service", service);
    (void)snprintf(ret_query, LIST_QUERY_SIZE, "?limit=%llu%s%s", (unsigned long long)limit,
                   service ? "&service=" : "", service ? service : "");
    return CLI_DONE;
}

const struct list history_list = {
    .path = "/v1/history",
    .make_query = history_make_query,
    .member = "history",
    .fill = history_fill,
    .print_name = history_print_name,
    .tell_empty = history_tell_empty,
};

static void print_rolled(const cJSON *answer)
{
    bool is_dry_run = text_is_true(answer, "dryRun");
    const cJSON *item;

    cJSON_ArrayForEach (item, text_child(answer, "changes"))
        (void)printf("%s %s: %s\n", is_dry_run ? "would put back" : "put back", text_member(item, "key"),
                     text_member(item, "change"));
    cJSON_ArrayForEach (item, text_child(answer, "left"))
        (void)printf("left %s: %s\n", text_member(item, "key"), text_member(item, "change"));
    if (cJSON_GetArraySize(text_child(answer, "changes")) == 0)
        (void)printf("nothing to put back: routes, weights and settings are as they were\n");
}

int command_rollback(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = cJSON_CreateObject();
    uint64_t revision;
    int status;

    if (argument_number(invocation->arguments[0], &revision) < 0) {
        cJSON_Delete(body);
        return report_usage(invocation,
                            "a revision is a whole number, and \"%s\" is none; svcconnect history lists them",
                            invocation->arguments[0]);
    }
    api_add_number(&body, "revision", revision);
    if (invocation->options[OPTION_DRY_RUN])
        api_add_true(&body, "dryRun");
    status = api_change(invocation, "POST", "/v1/rollback", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        print_rolled(response.json);
    return status;
}
