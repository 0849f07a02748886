/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* canary start, status, pause, resume, promote, abort, clear. */
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "cli/alias_body.h"
#include "cli/arguments.h"
#include "cli/command_table.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

/* ---- start ---- */

/* Options whose value is a percentage, and the members they become. */
static const struct {
    enum cli_option option;
    const char *member;
} percents[] = {
    {OPTION_STEP, "stepPercent"},
    {OPTION_PERCENT, "canaryPercent"},
    {OPTION_MAX_FAILURES, "maxFailuresPercent"},
};

static int add_percents(const struct invocation *invocation, cJSON **body)
{
    for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
        const char *text = invocation->options[percents[i].option];
        double percent;

        if (!text)
            continue;
        if (argument_percent(text, &percent) < 0)
            return report_usage(invocation, "--%s \"%s\" is not a percentage such as 10 or 12.5",
                                cli_option_rows[percents[i].option].name, text);
        api_add_item(body, percents[i].member, cJSON_CreateNumber(percent));
    }
    return CLI_DONE;
}

static int canary_add_knobs(const struct invocation *invocation, cJSON **body)
{
    const char *interval = invocation->options[OPTION_INTERVAL];
    const char *connects = invocation->options[OPTION_MIN_CONNECTS];
    uint64_t number;

    if (interval && duration_parse(interval, &number) < 0)
        return report_usage(invocation, ARGUMENT_NO_DURATION, "interval", interval);
    if (interval)
        api_add_number(body, "intervalSeconds", number);
    if (connects && argument_number(connects, &number) < 0)
        return report_usage(invocation, ARGUMENT_NO_NUMBER, "min-connects", connects);
    if (connects)
        api_add_number(body, "minConnects", number);
    api_add_string(body, "from", invocation->options[OPTION_FROM]);
    api_add_string(body, "to", invocation->options[OPTION_TO]);
    api_add_string(body, "strategy", invocation->options[OPTION_STRATEGY]);
    return add_percents(invocation, body);
}

/* What has begun of a second is one. */
static uint64_t whole_seconds(double seconds)
{
    return seconds > 0 ? (uint64_t)(seconds + 0.999) : 0;
}

/* "backend:80 in default", and " for client web" if it is only for that. */
static void print_place(const cJSON *canary)
{
    const char *client = text_member(canary, "client");

    (void)printf("canary of %s:%llu in %s%s%s: ", text_member(canary, "dnsName"),
                 (unsigned long long)text_number(canary, "port"), text_member(canary, "namespace"),
                 *client ? " for client " : "", client);
}

static void print_started(const cJSON *canary)
{
    const cJSON *step = text_child(canary, "stepPercent");
    char share[TEXT_PERCENT_SIZE];
    char more[TEXT_PERCENT_SIZE];
    char most[TEXT_PERCENT_SIZE];
    char interval[DURATION_SIZE];

    (void)duration_format(text_number(canary, "intervalSeconds"), interval);
    print_place(canary);
    (void)printf("%s gets %s now, ", text_member(canary, "to"),
                 text_percent(text_child(canary, "percent"), share));
    if (step)
        (void)printf("%s more every %s", text_percent(step, more), interval);
    else
        (void)printf("all in %s", interval);
    (void)printf("; back to %s if more than %s of a step's connects fail\n", text_member(canary, "from"),
                 text_percent(text_child(canary, "maxFailuresPercent"), most));
}

int command_canary_start(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = NULL;
    int status = alias_body_new(invocation, &body);

    if (status == CLI_DONE)
        status = canary_add_knobs(invocation, &body);
    if (status != CLI_DONE) {
        cJSON_Delete(body);
        return status;
    }
    status = api_change(invocation, "POST", "/v1/canaries", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        print_started(text_child(response.json, "canary"));
    return status;
}

/* ---- what is done with one that is there ---- */

int command_canary_act(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *action = invocation->command->second_word;
    const cJSON *canary;
    char share[TEXT_PERCENT_SIZE];
    cJSON *body = NULL;
    int status = alias_body_new(invocation, &body);

    if (status != CLI_DONE)
        return status;
    api_add_string(&body, "action", action);
    status = api_change(invocation, "PATCH", "/v1/canaries", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    canary = text_child(response.json, "canary");
    if (!canary) {
        (void)printf("cleared the canary of %s in %s; the route stays as it is\n", invocation->arguments[0],
                     invocation_namespace(invocation));
        return CLI_DONE;
    }
    print_place(canary);
    if (strcmp(action, "promote") == 0)
        (void)printf("succeeded, all goes to %s\n", text_member(canary, "to"));
    else if (strcmp(action, "abort") == 0)
        (void)printf("aborted, all goes to %s again\n", text_member(canary, "from"));
    else
        (void)printf("%s, %s has %s\n", strcmp(action, "pause") == 0 ? "paused" : "running again",
                     text_member(canary, "to"), text_percent(text_child(canary, "percent"), share));
    return CLI_DONE;
}

/* ---- status ---- */

static enum text_colour state_colour(const char *state)
{
    if (strcmp(state, "ROLLED_BACK") == 0)
        return TEXT_RED;
    if (strcmp(state, "SUCCEEDED") == 0)
        return TEXT_GREEN;
    return strcmp(state, "RUNNING") == 0 ? TEXT_BOLD : TEXT_YELLOW;
}

static void canary_add_row(struct table *table, const cJSON *canary)
{
    const char *client = text_member(canary, "client");
    const char *state = text_member(canary, "state");
    const cJSON *next = text_child(canary, "nextStepInSeconds");
    const cJSON *step = text_child(canary, "step");
    char text[TEXT_PERCENT_SIZE];
    char most[TEXT_PERCENT_SIZE];
    char left[DURATION_SIZE];

    table_begin(table, canary);
    table_add(table, TEXT_PLAIN, "%s", text_member(canary, "namespace"));
    table_add(table, TEXT_BOLD, "%s:%llu", text_member(canary, "dnsName"),
              (unsigned long long)text_number(canary, "port"));
    table_add(table, TEXT_PLAIN, "%s", *client ? client : "*");
    table_add(table, TEXT_PLAIN, "%s", text_member(canary, "from"));
    table_add(table, TEXT_PLAIN, "%s", text_member(canary, "to"));
    table_add(table, state_colour(state), "%s", state);
    table_add(table, TEXT_PLAIN, "%s", text_percent(text_child(canary, "percent"), text));
    table_add(table, TEXT_PLAIN, "%s",
              cJSON_IsNumber(next) ? duration_format(whole_seconds(next->valuedouble), left) : "-");
    table_add(table, TEXT_PLAIN, "%llu of %llu (%s, at most %s)",
              (unsigned long long)text_number(step, "failures"),
              (unsigned long long)text_number(step, "connects"),
              text_percent(text_child(step, "failurePercent"), text),
              text_percent(text_child(canary, "maxFailuresPercent"), most));
}

static struct table *canary_fill(const struct invocation *invocation, const cJSON *canaries)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 5, .least = 9, .is_dull_when_same = true},
        {.header = "ALIAS", .least = 16},
        {.header = "CLIENT", .rank = 4, .least = 8, .is_dull_when_same = true},
        {.header = "FROM", .rank = 2, .least = 8},
        {.header = "TO", .least = 8},
        {.header = "STATE"},
        {.header = "PERCENT", .is_number = true},
        {.header = "NEXT IN", .rank = 1, .is_number = true, .is_note = true},
        {.header = "FAILURES", .rank = 3, .least = 12},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *canary;

    (void)invocation;
    cJSON_ArrayForEach (canary, canaries) {
        canary_add_row(table, canary);
    }
    return table;
}

static void canary_print_name(const struct invocation *invocation, const cJSON *canary)
{
    const char *client = text_member(canary, "client");

    (void)invocation;
    list_print_word(text_member(canary, "dnsName"));
    (void)printf(":%llu", (unsigned long long)text_number(canary, "port"));
    if (!*client)
        return;
    (void)fputs(" --client ", stdout);
    list_print_word(client);
}

static void canary_print_reasons(const cJSON *canaries)
{
    const cJSON *canary;

    cJSON_ArrayForEach (canary, canaries) {
        if (*text_member(canary, "reason"))
            (void)printf("%s:%llu: %s\n", text_member(canary, "dnsName"),
                         (unsigned long long)text_number(canary, "port"), text_member(canary, "reason"));
    }
}

/* Drops what was not asked for from the list. */
static int canary_narrow(const struct invocation *invocation, cJSON *list)
{
    const char *client = invocation->options[OPTION_CLIENT];
    _cleanup_free_ char *name = NULL;
    bool has_port = false;
    uint64_t port = 0;
    cJSON *next;

    if (invocation->arguments[0] && argument_name_port(invocation->arguments[0], &name, &has_port, &port) < 0)
        return report_usage(invocation, "\"%s\" is not of the form DNSNAME or DNSNAME:PORT",
                            invocation->arguments[0]);
    for (cJSON *canary = list->child; canary; canary = next) {
        next = canary->next;
        if ((name && strcmp(text_member(canary, "dnsName"), name) != 0) ||
            (has_port && text_number(canary, "port") != port) ||
            (client && strcmp(text_member(canary, "client"), client) != 0))
            cJSON_Delete(cJSON_DetachItemViaPointer(list, canary));
    }
    return CLI_DONE;
}

static int canary_tell_empty(const struct invocation *invocation)
{
    if (invocation->arguments[0] || invocation->options[OPTION_CLIENT])
        return report_error(invocation, CLI_FAILED, "no such canary; svcconnect canary status lists all");
    report_hint(invocation, "No canaries. Next: svcconnect canary start DNSNAME:PORT --from v1 --to v2");
    return CLI_DONE;
}

const struct list canary_list = {
    .path = "/v1/canaries",
    .member = "canaries",
    .fill = canary_fill,
    .print_name = canary_print_name,
    .narrow = canary_narrow,
    .tell_empty = canary_tell_empty,
    .print_more = canary_print_reasons,
};
