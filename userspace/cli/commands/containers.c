/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* containers: what runtimes have, which of them are tasks, and why others are left alone. stop: drains one, and waits
 * until it has ended. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "cli/api.h"
#include "cli/arguments.h"
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

/* ---- stop ---- */

#define STOP_LOOK_MS 200

/* *ret_container: as the answer has it; NULL: it was removed. */
static int stop_look(const struct invocation *invocation, const char *id,
                     struct control_response *ret_response, const cJSON **ret_container)
{
    int status = api_get(invocation, "/v1/containers", ret_response);
    const cJSON *container;

    if (status != CLI_DONE)
        return status;
    *ret_container = NULL;
    cJSON_ArrayForEach (container, cJSON_GetObjectItem(ret_response->json, "containers")) {
        if (strcmp(text_member(container, "id"), id) == 0)
            *ret_container = container;
    }
    return CLI_DONE;
}

/* Removed with its end, and restarted by somebody, it has ended as well. */
static bool stop_is_over(const cJSON *container)
{
    const char *state = text_member(cJSON_GetObjectItem(container, "stop"), "state");

    return !container || (strcmp(state, "DRAINING") != 0 && strcmp(state, "STOPPING") != 0);
}

static int stop_wait(const struct invocation *invocation, const char *name, const char *id)
{
    for (;;) {
        _cleanup_control_response_ struct control_response response = {0};
        const cJSON *container = NULL;
        const cJSON *stop;
        int status = stop_look(invocation, id, &response, &container);

        if (status != CLI_DONE)
            return status;
        stop = cJSON_GetObjectItem(container, "stop");
        if (strcmp(text_member(stop, "state"), "FAILED") == 0)
            return report_error(invocation, CLI_FAILED, "%s is not stopped, and back in service: %s", name,
                                text_member(stop, "reason"));
        if (stop_is_over(container))
            return CLI_DONE;
        (void)poll(NULL, 0, STOP_LOOK_MS);
    }
}

int command_stop(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *timeout = invocation->options[OPTION_TIMEOUT];
    cJSON *body = cJSON_CreateObject();
    char text[DURATION_SIZE];
    uint64_t seconds = 0;
    uint64_t open;
    int status;

    if (timeout && duration_parse(timeout, &seconds) < 0) {
        cJSON_Delete(body);
        return report_usage(invocation, ARGUMENT_NO_DURATION, "timeout", timeout);
    }
    api_add_string(&body, "container", invocation->arguments[0]);
    if (timeout)
        api_add_number(&body, "timeoutSeconds", seconds);
    status = api_change(invocation, "POST", "/v1/stops", body, &response);
    if (status != CLI_DONE)
        return status;
    open = text_number(response.json, "open");
    if (!invocation->is_json) {
        (void)printf("%s is draining: %llu open connection%s, %s at most\n",
                     text_member(response.json, "container"), (unsigned long long)open, open == 1 ? "" : "s",
                     duration_format(text_number(response.json, "timeoutSeconds"), text));
        (void)fflush(stdout);
    }
    status = stop_wait(invocation, text_member(response.json, "container"), text_member(response.json, "id"));
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("stopped %s\n", text_member(response.json, "container"));
    return status;
}
