/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* callers: who calls whom, a row for each client, alias and endpoint, the most used first. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

static unsigned long long callers_count(const cJSON *object, const char *name)
{
    return (unsigned long long)text_number(object, name);
}

static void callers_add_round_trip(struct table *table, const cJSON *item)
{
    unsigned long long end = callers_count(item, "roundTripMicroseconds50");

    if (end)
        table_add(table, TEXT_PLAIN, "<%.2fms", (double)end / 1000);
    else
        table_add(table, TEXT_DIM, "-");
}

static void callers_add_first_byte(struct table *table, const cJSON *item)
{
    const cJSON *half = cJSON_GetObjectItem(text_child(item, "firstByte"), "p50Milliseconds");

    if (cJSON_IsNumber(half))
        table_add(table, TEXT_PLAIN, "%.1fms", half->valuedouble);
    else
        table_add(table, TEXT_DIM, "-");
}

static void callers_add_alias(struct table *table, const cJSON *item)
{
    const char *name = text_member(item, "alias");

    if (!cJSON_GetObjectItem(item, "aliasPort"))
        table_add(table, TEXT_DIM, "-");
    else
        table_add(table, TEXT_PLAIN, "%s:%llu", *name ? name : text_member(item, "aliasAddress"),
                  callers_count(item, "aliasPort"));
}

static struct table *callers_fill(const struct invocation *invocation, const cJSON *items)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 5, .least = 9, .is_dull_when_same = true},
        {.header = "CLIENT", .least = 12},
        {.header = "ALIAS", .least = 12},
        {.header = "SERVICE", .rank = 2, .least = 8},
        {.header = "INSTANCE", .rank = 4, .least = 8},
        {.header = "ENDPOINT", .rank = 1, .least = 12},
        {.header = "CONNECTIONS", .is_number = true, .is_note = true},
        {.header = "OPEN", .is_number = true, .is_note = true},
        {.header = "FAILED", .is_number = true},
        {.header = "SENT", .rank = 3, .is_number = true, .is_note = true},
        {.header = "RECEIVED", .rank = 3, .is_number = true, .is_note = true},
        {.header = "RTT", .rank = 6, .is_number = true, .is_note = true},
        {.header = "FIRST BYTE", .rank = 6, .is_number = true, .is_note = true},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *item;

    (void)invocation;
    cJSON_ArrayForEach (item, items) {
        const char *client = text_member(item, "client"), *cgroup = text_member(item, "cgroup");
        const char *address = text_member(item, "address");
        bool is_v6 = strchr(address, ':') != NULL;
        unsigned long long failed = text_failures(item);
        char sent[TEXT_BYTES_SIZE], received[TEXT_BYTES_SIZE];

        table_begin(table, item);
        table_add(table, TEXT_PLAIN, "%s", text_member(item, "namespace"));
        table_add(table, TEXT_PLAIN, "%s", *client ? client : *cgroup ? cgroup : "-");
        callers_add_alias(table, item);
        table_add(table, TEXT_PLAIN, "%s",
                  *text_member(item, "service") ? text_member(item, "service") : "-");
        table_add(table, TEXT_PLAIN, "%s",
                  *text_member(item, "instance") ? text_member(item, "instance") : "-");
        table_add(table, TEXT_PLAIN, "%s%s%s:%llu", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
                  callers_count(item, "port"));
        table_add(table, TEXT_PLAIN, "%llu", callers_count(item, "connections"));
        table_add(table, TEXT_PLAIN, "%llu", callers_count(item, "open"));
        table_add(table, failed ? TEXT_RED : TEXT_PLAIN, "%llu", failed);
        table_add(table, TEXT_PLAIN, "%s", text_bytes(text_number(item, "bytesSent"), sent));
        table_add(table, TEXT_PLAIN, "%s", text_bytes(text_number(item, "bytesReceived"), received));
        callers_add_round_trip(table, item);
        callers_add_first_byte(table, item);
    }
    return table;
}

static void callers_print_name(const struct invocation *invocation, const cJSON *item)
{
    const char *client = text_member(item, "client");

    (void)invocation;
    list_print_word(*client ? client : text_member(item, "cgroup"));
}

static int callers_tell_empty(const struct invocation *invocation)
{
    report_hint(invocation,
                "No connection of a task to a service was counted yet, or the setting callers is off.");
    return CLI_DONE;
}

/* Names go as they are only where nothing in them needs escaping, which is so for all that can be names. */
static int callers_make_query(const struct invocation *invocation, char *ret_query)
{
    static const enum cli_option options[] = {OPTION_SERVICE, OPTION_CLIENT};
    const char *limit = invocation->options[OPTION_LIMIT];
    uint64_t number = 500;
    int length;

    if (limit && argument_number(limit, &number) < 0)
        return report_usage(invocation, ARGUMENT_NO_NUMBER, "limit", limit);
    length = snprintf(ret_query, LIST_QUERY_SIZE, "?limit=%llu", (unsigned long long)number);
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const char *name = invocation->options[options[i]];

        if (!name)
            continue;
        if (strcspn(name, "%&#+? ") != strlen(name) || strlen(name) >= 128)
            return report_usage(invocation, "\"%.255s\" cannot be the name of a service", name);
        length += snprintf(ret_query + length, (size_t)(LIST_QUERY_SIZE - length), "&%s=%s",
                           options[i] == OPTION_SERVICE ? "service" : "client", name);
    }
    return CLI_DONE;
}

const struct list callers_list = {
    .path = "/v1/callers",
    .make_query = callers_make_query,
    .member = "callers",
    .fill = callers_fill,
    .print_name = callers_print_name,
    .tell_empty = callers_tell_empty,
};
