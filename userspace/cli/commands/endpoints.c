/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* endpoints: the answer's list in, a table out that says of each row whether connects go there, and why not. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

static void add_health(struct table *table, const cJSON *endpoint)
{
    const char *health = text_member(endpoint, "health");

    table_add(table,
              strcmp(health, "HEALTHY") == 0     ? TEXT_GREEN
              : strcmp(health, "UNHEALTHY") == 0 ? TEXT_RED
                                                 : TEXT_YELLOW,
              "%s", health);
}

/* Connects that failed; those the application gave up itself are none. */
static void add_failures(struct table *table, const cJSON *endpoint)
{
    uint64_t failed = text_failures(endpoint);

    table_add(table, failed ? TEXT_YELLOW : TEXT_PLAIN, "%llu", (unsigned long long)failed);
}

/* What half of the answers took at most. */
static void endpoints_add_first_byte(struct table *table, const cJSON *endpoint)
{
    const cJSON *median = cJSON_GetObjectItem(text_child(endpoint, "firstByte"), "p50Milliseconds");

    if (cJSON_IsNumber(median))
        table_add(table, TEXT_PLAIN, "%.1fms", cJSON_GetNumberValue(median));
    else
        table_add(table, TEXT_PLAIN, "%s", "");
}

static void endpoints_add_address(struct table *table, const cJSON *endpoint)
{
    char address[TEXT_ENDPOINT_SIZE];

    if (*text_member(endpoint, "address"))
        table_add(table, TEXT_PLAIN, "%s", text_endpoint(endpoint, address));
    else /* a host name that has not been resolved yet */
        table_add(table, TEXT_YELLOW, "%s:%llu", text_member(endpoint, "host"),
                  (unsigned long long)text_number(endpoint, "port"));
}

/* Why nothing is sent there, or what its health comes from. */
static void endpoints_add_reason(struct table *table, const cJSON *endpoint)
{
    const char *reason = text_member(endpoint, "reason");
    const char *since = text_member(endpoint, "since");

    if (text_is_true(endpoint, "drawn"))
        table_add(table, TEXT_DIM, "%s", reason);
    else
        table_add(table, TEXT_YELLOW, "%s%s%s", reason, *since ? ", since " : "", since);
}

static void endpoints_add_row(struct table *table, const cJSON *endpoint)
{
    bool is_drawn =
        text_is_true(endpoint, "drawn"); /* an ejected one is passed over, whatever its health is */

    table_begin(table, endpoint);
    table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "namespace"));
    table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "service"));
    table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "id"));
    endpoints_add_address(table, endpoint);
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "weight"));
    table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "zone"));
    add_health(table, endpoint);
    table_add(table, is_drawn ? TEXT_PLAIN : TEXT_YELLOW, "%s", is_drawn ? "yes" : "no");
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "connections"));
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "open"));
    add_failures(table, endpoint);
    endpoints_add_first_byte(table, endpoint);
    endpoints_add_reason(table, endpoint);
}

static struct table *endpoints_fill(const struct invocation *invocation, const cJSON *endpoints)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 6, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 12},
        {.header = "ID", .least = 16},
        {.header = "ADDRESS", .rank = 7, .least = 18},
        {.header = "WEIGHT", .rank = 1, .is_number = true},
        {.header = "ZONE", .rank = 1, .is_dull_when_same = true},
        {.header = "HEALTH", .rank = 2},
        {.header = "ELIGIBLE"},
        {.header = "CONNECTIONS", .rank = 5, .is_number = true},
        {.header = "OPEN", .rank = 4, .is_number = true},
        {.header = "FAILED", .rank = 3, .is_number = true},
        {.header = "FIRST BYTE", .rank = 5, .is_number = true, .is_dull_when_same = true},
        {.header = "REASON", .least = 24, .is_note = true},
    };
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *endpoint;

    (void)invocation;
    cJSON_ArrayForEach (endpoint, endpoints) {
        endpoints_add_row(table, endpoint);
    }
    return table;
}

static void endpoints_print_name(const struct invocation *invocation, const cJSON *endpoint)
{
    (void)invocation;
    list_print_word(text_member(endpoint, "service"));
    (void)putchar(' ');
    list_print_word(text_member(endpoint, "id"));
}

static int endpoints_narrow(const struct invocation *invocation, cJSON *endpoints)
{
    const char *service = invocation->arguments[0];
    const char *namespace_name = invocation_namespace(invocation);
    cJSON *next;

    if (!service)
        return CLI_DONE;
    for (cJSON *endpoint = endpoints->child; endpoint; endpoint = next) {
        next = endpoint->next;
        if (strcmp(text_member(endpoint, "service"), service) != 0 ||
            strcmp(text_member(endpoint, "namespace"), namespace_name) != 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(endpoints, endpoint));
    }
    return CLI_DONE;
}

/* A service without endpoints is there all the same. */
static int tell_of_service(const struct invocation *invocation, const char *service)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *namespace_name = invocation_namespace(invocation);
    const cJSON *item;
    int status = api_get(invocation, "/v1/services", &response);

    if (status != CLI_DONE)
        return status;
    cJSON_ArrayForEach (item, text_child(response.json, "services")) {
        if (strcmp(text_member(item, "name"), service) == 0 &&
            strcmp(text_member(item, "namespace"), namespace_name) == 0) {
            report_hint(invocation,
                        "%s in %s has no instances. Next: svcconnect register %s --address IP:PORT", service,
                        namespace_name, service);
            return CLI_DONE;
        }
    }
    return report_error(invocation, CLI_FAILED,
                        "there is no service \"%s\" in %s; svcconnect services lists them", service,
                        namespace_name);
}

static int endpoints_tell_empty(const struct invocation *invocation)
{
    const char *name = invocation->options[OPTION_NAMESPACE];

    if (invocation->arguments[0])
        return tell_of_service(invocation, invocation->arguments[0]);
    report_hint(invocation, "No instances yet%s%s. Next: svcconnect register SERVICE --address IP:PORT%s%s",
                name ? " in " : "", name ? name : "", name ? " -n " : "", name ? name : "");
    return CLI_DONE;
}

const struct list endpoints_list = {
    .path = "/v1/endpoints",
    .member = "endpoints",
    .fill = endpoints_fill,
    .print_name = endpoints_print_name,
    .narrow = endpoints_narrow,
    .tell_empty = endpoints_tell_empty,
};
