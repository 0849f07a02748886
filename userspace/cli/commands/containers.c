/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* containers: what runtimes have, which of them are tasks, and why others are left alone. */
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

/* How its first program got names: held until they were there, or later. */
static enum text_colour first_colour(const char *first)
{
    if (strcmp(first, "gated") == 0)
        return TEXT_GREEN;
    return *first ? TEXT_YELLOW : TEXT_DIM;
}

static void containers_add_networks(struct table *table, const cJSON *networks)
{
    const cJSON *first = cJSON_GetArrayItem(networks, 0);
    int n = cJSON_GetArraySize(networks);

    if (n == 0)
        table_add(table, TEXT_DIM, "-");
    else if (n == 1)
        table_add(table, TEXT_PLAIN, "%s", first->valuestring);
    else
        table_add(table, TEXT_PLAIN, "%s and %d more", first->valuestring, n - 1);
}

static void containers_add_row(struct table *table, const cJSON *container)
{
    const char *service = text_member(container, "service");
    const char *first = text_member(container, "first");
    const char *note = text_member(container, "note");
    bool is_task = text_is_true(container, "task");
    bool is_attached = text_is_true(container, "attached");

    table_begin(table, container);
    table_add(table, TEXT_PLAIN, "%s", text_member(container, "name"));
    table_add(table, TEXT_PLAIN, "%s", text_member(container, "runtime"));
    table_add(table, TEXT_PLAIN, "%s", text_member(container, "state"));
    table_add(table, is_attached ? TEXT_GREEN : TEXT_DIM, "%s",
              is_attached ? "yes"
              : is_task   ? "not yet"
                          : "no");
    table_add(table, TEXT_PLAIN, "%s", is_task ? text_member(container, "namespace") : "-");
    table_add(table, TEXT_PLAIN, "%s", *service ? service : "-");
    table_add(table, first_colour(first), "%s", *first ? first : "-");
    containers_add_networks(table, cJSON_GetObjectItem(container, "networks"));
    table_add(table, TEXT_DIM, "%s", text_member(container, "image"));
    table_add(table, TEXT_PLAIN, "%s", *note ? note : "-");
}

static struct table *containers_fill(const struct invocation *invocation, const cJSON *containers)
{
    static const struct table_column columns[] = {
        {.header = "CONTAINER", .least = 12},
        {.header = "RUNTIME", .rank = 4, .is_dull_when_same = true},
        {.header = "STATE", .rank = 3},
        {.header = "TASK"},
        {.header = "NAMESPACE", .rank = 2, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 8},
        {.header = "FIRST", .rank = 5},
        {.header = "NETWORK", .rank = 6, .least = 8},
        {.header = "IMAGE", .rank = 7, .least = 8},
        {.header = "NOTE", .rank = 1, .least = 24},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *container;

    (void)invocation;
    cJSON_ArrayForEach (container, containers) {
        containers_add_row(table, container);
    }
    return table;
}

static void containers_print_name(const struct invocation *invocation, const cJSON *container)
{
    (void)invocation;
    list_print_word(text_member(container, "name"));
}

static int containers_tell_empty(const struct invocation *invocation)
{
    report_hint(
        invocation,
        "No containers. Next: docker run -d --label svcconnect.service=NAME IMAGE; where a runtime is "
        "not found, name its socket by --container-runtime (svcconnectd --help)");
    return CLI_DONE;
}

const struct list containers_list = {
    .path = "/v1/containers",
    .member = "containers",
    .fill = containers_fill,
    .print_name = containers_print_name,
    .tell_empty = containers_tell_empty,
};
