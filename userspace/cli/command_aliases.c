/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * aliases, routes, route show: client aliases in, a table out in which each alias is followed by its targets
 * and each target by its endpoints, with the share that is wanted and the one that is in effect.
 */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/table.h"

/* Columns of `aliases`; `routes` leaves out the last two. */
static const struct table_column columns[] = {
    {"NAMESPACE", false}, {"ALIAS", false},    {"TARGET", false},  {"WEIGHT", true},
    {"WANTED", true},     {"EFFECTIVE", true}, {"ADDRESS", false}, {"IPV6 ADDRESS", false},
};
#define ROUTE_COLUMNS (ARRAY_SIZE(columns) - 2)

/* The cells that only the first line of an alias has. */
static void add_addresses(struct table *table, const cJSON *alias, bool has_addresses)
{
    if (!has_addresses)
        return;
    table_add(table, TEXT_PLAIN, "%s", alias ? text_member(alias, "address") : "");
    table_add(table, TEXT_DIM, "%s", alias ? text_member(alias, "address6") : "");
}

static void add_endpoint(struct table *table, const cJSON *endpoint, bool has_addresses)
{
    const char *id = text_member(endpoint, "id");
    const char *health = text_member(endpoint, "health");
    bool is_healthy = strcmp(health, "HEALTHY") == 0;
    char address[TEXT_ENDPOINT_SIZE];
    char effective[TEXT_PERCENT_SIZE];
    bool has_name;

    (void)text_endpoint(endpoint, address);
    has_name = strcmp(id, address) != 0;
    table_add(table, TEXT_PLAIN, "%s", "");
    table_add(table, TEXT_PLAIN, "%s", "");
    table_add(table, is_healthy ? TEXT_DIM : TEXT_RED, "  %s%s%s%s%s%s", address, has_name ? " (" : "",
              has_name ? id : "", has_name ? ")" : "", is_healthy ? "" : " ", is_healthy ? "" : health);
    table_add(table, TEXT_DIM, "%llu", (unsigned long long)text_number(endpoint, "weight"));
    table_add(table, TEXT_PLAIN, "%s", "");
    table_add(table, TEXT_DIM, "%s", text_percent(text_child(endpoint, "effectivePercent"), effective));
    add_addresses(table, NULL, has_addresses);
}

static void add_alias(struct table *table, const cJSON *alias, bool has_addresses)
{
    const cJSON *first = alias;
    const cJSON *target;
    const cJSON *endpoint;

    cJSON_ArrayForEach (target, text_child(alias, "targets")) {
        char wanted[TEXT_PERCENT_SIZE];
        char effective[TEXT_PERCENT_SIZE];
        char port[16] = "";

        if (first)
            (void)snprintf(port, sizeof(port), ":%u", (unsigned)text_number(alias, "port"));
        (void)text_percent(text_child(target, "wantedPercent"), wanted);
        (void)text_percent(text_child(target, "effectivePercent"), effective);
        table_add(table, TEXT_PLAIN, "%s", first ? text_member(alias, "namespace") : "");
        table_add(table, TEXT_BOLD, "%s%s", first ? text_member(alias, "dnsName") : "", port);
        table_add(table, TEXT_PLAIN, "%s", text_member(target, "service"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(target, "weight"));
        table_add(table, TEXT_PLAIN, "%s", wanted);
        table_add(table, strcmp(wanted, effective) == 0 ? TEXT_GREEN : TEXT_YELLOW, "%s", effective);
        add_addresses(table, first, has_addresses);
        cJSON_ArrayForEach (endpoint, text_child(target, "endpoints")) {
            add_endpoint(table, endpoint, has_addresses);
        }
        first = NULL;
    }
}

static int print_list(const struct invocation *invocation, const cJSON *list, bool has_addresses)
{
    _cleanup_table_ struct table *table =
        table_new(columns, has_addresses ? ARRAY_SIZE(columns) : (size_t)ROUTE_COLUMNS);
    const cJSON *alias;

    cJSON_ArrayForEach (alias, list) {
        add_alias(table, alias, has_addresses);
    }
    return table_print(table) < 0 ? report_error(invocation, CLI_FAILED, "out of memory") : CLI_DONE;
}

int command_aliases(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const cJSON *list;
    int status = api_read(invocation, "/v1/aliases", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    list = text_child(response.json, "aliases");
    if (cJSON_GetArraySize(list) == 0) {
        report_hint(invocation, "No client aliases yet. Next: svcconnect register SERVICE --address IP:PORT");
        return CLI_DONE;
    }
    return print_list(invocation, list, true);
}

int command_routes(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const cJSON *list;
    int status = api_read(invocation, "/v1/routes", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    list = text_child(response.json, "routes");
    if (cJSON_GetArraySize(list) == 0) {
        report_hint(invocation, "No routes set; aliases lead to their services (svcconnect aliases). "
                                "Next: svcconnect route set DNSNAME:PORT SERVICE=WEIGHT...");
        return CLI_DONE;
    }
    return print_list(invocation, list, false);
}

/* Drops the routes of other aliases from the document. */
static void keep_alias(const cJSON *document, const char *name, bool has_port, uint64_t port)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "routes");
    cJSON *next;

    for (cJSON *route = list ? list->child : NULL; route; route = next) {
        next = route->next;
        if (strcmp(text_member(route, "dnsName"), name) != 0 ||
            (has_port && text_number(route, "port") != port))
            cJSON_Delete(cJSON_DetachItemViaPointer(list, route));
    }
}

int command_route_show(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *name = NULL;
    const char *wanted = invocation->arguments[0];
    bool has_port = false;
    uint64_t port = 0;
    int status;

    if (!wanted)
        return command_routes(invocation);
    if (argument_name_port(wanted, &name, &has_port, &port) < 0)
        return report_usage(invocation, "\"%s\" is not of the form DNSNAME or DNSNAME:PORT", wanted);
    status = api_get(invocation, "/v1/routes", &response);
    if (status != CLI_DONE)
        return status;
    keep_alias(response.json, name, has_port, port);
    if (cJSON_GetArraySize(text_child(response.json, "routes")) == 0)
        return report_error(invocation, CLI_FAILED,
                            "no route is set for %s; svcconnect aliases shows where it leads", wanted);
    if (invocation->is_json)
        return api_print_json(invocation, response.json, NULL);
    return print_list(invocation, text_child(response.json, "routes"), false);
}
