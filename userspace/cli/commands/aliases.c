/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * aliases, routes, route show: client aliases in, a table out in which each alias is followed by its targets
 * and each target by its endpoints, with the share that is wanted and the one that is in effect.
 */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

/* The columns that not every list has. */
struct layout {
    bool has_client;    /* some item is for one client only */
    bool has_zones;     /* the zone of the host is known */
    bool has_policies;  /* not everybody may call every service */
    bool has_addresses; /* `aliases` has them, `routes` not */
};

static const struct table_column columns[] = {
    {.header = "NAMESPACE", .rank = 5, .least = 9, .is_dull_when_same = true},
    {.header = "ALIAS", .least = 16},
    {.header = "CLIENT", .rank = 1, .least = 8},
    {.header = "TARGET", .least = 22},
    {.header = "WEIGHT", .rank = 2, .is_number = true},
    {.header = "WANTED", .rank = 3, .is_number = true},
    {.header = "EFFECTIVE", .is_number = true},
    {.header = "IN ZONE", .rank = 3, .is_number = true},
    {.header = "ALLOW FROM", .rank = 2, .least = 10},
    {.header = "ADDRESS", .rank = 4},
    {.header = "IPV6 ADDRESS", .rank = 6},
};
#define CLIENT_COLUMN   2
#define ZONE_COLUMN     7
#define POLICY_COLUMN   8
#define ADDRESS_COLUMNS 2

/* Those of `columns` that the layout has. Returns their number. */
static size_t choose_columns(const struct layout *layout,
                             struct table_column chosen[static ARRAY_SIZE(columns)])
{
    size_t last = ARRAY_SIZE(columns) - (layout->has_addresses ? 0 : ADDRESS_COLUMNS);
    size_t count = 0;

    for (size_t i = 0; i < last; i++)
        if ((i != CLIENT_COLUMN || layout->has_client) && (i != ZONE_COLUMN || layout->has_zones) &&
            (i != POLICY_COLUMN || layout->has_policies))
            chosen[count++] = columns[i];
    return count;
}

/* The cell that only the first line of an alias has. */
static void add_client(struct table *table, const cJSON *alias, const struct layout *layout)
{
    const char *client = alias ? text_member(alias, "client") : "";

    if (layout->has_client)
        table_add(table, TEXT_PLAIN, "%s", alias && !*client ? "*" : client);
}

/* What stays in the zone of what a target gets; of an endpoint the zone that it is in. */
static void add_zone(struct table *table, const cJSON *target, const cJSON *endpoint,
                     const struct layout *layout)
{
    const cJSON *share = target ? text_child(target, "inZonePercent") : NULL;
    char percent[TEXT_PERCENT_SIZE] = "";

    if (!layout->has_zones)
        return;
    if (share)
        (void)text_percent(share, percent);
    table_add(table, endpoint ? TEXT_DIM : TEXT_PLAIN, "%s",
              endpoint ? text_member(endpoint, "zone") : percent);
}

/* Who may call a target. */
static void add_policy(struct table *table, const cJSON *target, const struct layout *layout)
{
    const char *from = target ? text_member(target, "allowFrom") : "";
    bool is_audit = *from && strcmp(text_member(target, "policyMode"), "audit") == 0;

    if (layout->has_policies)
        table_add(table, TEXT_PLAIN, "%s%s", from, is_audit ? " (audit)" : "");
}

/* The cells that only the first line of an alias has. */
static void add_addresses(struct table *table, const cJSON *alias, const struct layout *layout)
{
    if (!layout->has_addresses)
        return;
    table_add(table, TEXT_PLAIN, "%s", alias ? text_member(alias, "address") : "");
    table_add(table, TEXT_DIM, "%s", alias ? text_member(alias, "address6") : "");
}

static void aliases_add_endpoint(struct table *table, const cJSON *endpoint, const struct layout *layout)
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
    add_client(table, NULL, layout);
    table_add(table, is_healthy ? TEXT_DIM : TEXT_RED, "  %s%s%s%s%s%s", address, has_name ? " (" : "",
              has_name ? id : "", has_name ? ")" : "", is_healthy ? "" : " ", is_healthy ? "" : health);
    table_add(table, TEXT_DIM, "%llu", (unsigned long long)text_number(endpoint, "weight"));
    table_add(table, TEXT_PLAIN, "%s", "");
    table_add(table, TEXT_DIM, "%s", text_percent(text_child(endpoint, "effectivePercent"), effective));
    add_zone(table, NULL, endpoint, layout);
    add_policy(table, NULL, layout);
    add_addresses(table, NULL, layout);
}

static void aliases_add_alias(struct table *table, const cJSON *alias, const struct layout *layout)
{
    const cJSON *first = alias;
    const cJSON *target;
    const cJSON *endpoint;

    table_begin(table, alias);
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
        add_client(table, first, layout);
        table_add(table, TEXT_PLAIN, "%s", text_member(target, "service"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(target, "weight"));
        table_add(table, TEXT_PLAIN, "%s", wanted);
        table_add(table, strcmp(wanted, effective) == 0 ? TEXT_GREEN : TEXT_YELLOW, "%s", effective);
        add_zone(table, target, NULL, layout);
        add_policy(table, target, layout);
        add_addresses(table, first, layout);
        cJSON_ArrayForEach (endpoint, text_child(target, "endpoints")) {
            aliases_add_endpoint(table, endpoint, layout);
        }
        first = NULL;
    }
}

static struct table *aliases_fill_list(const cJSON *list, bool has_addresses)
{
    struct layout layout = {.has_addresses = has_addresses};
    struct table_column chosen[ARRAY_SIZE(columns)];
    struct table *table;
    const cJSON *alias;

    cJSON_ArrayForEach (alias, list) {
        const cJSON *target;

        layout.has_client = layout.has_client || *text_member(alias, "client");
        cJSON_ArrayForEach (target, text_child(alias, "targets")) {
            layout.has_zones = layout.has_zones || text_child(target, "inZonePercent");
            layout.has_policies = layout.has_policies || text_child(target, "allowFrom");
        }
    }
    table = table_new(chosen, choose_columns(&layout, chosen));
    cJSON_ArrayForEach (alias, list) {
        aliases_add_alias(table, alias, &layout);
    }
    return table;
}

static struct table *aliases_fill(const struct invocation *invocation, const cJSON *list)
{
    (void)invocation;
    return aliases_fill_list(list, true);
}

static struct table *routes_fill(const struct invocation *invocation, const cJSON *list)
{
    (void)invocation;
    return aliases_fill_list(list, false);
}

/* As the commands about routes and canaries take it. */
static void aliases_print_name(const struct invocation *invocation, const cJSON *alias)
{
    const char *client = text_member(alias, "client");

    (void)invocation;
    list_print_word(text_member(alias, "dnsName"));
    (void)printf(":%llu%s", (unsigned long long)text_number(alias, "port"),
                 strcmp(text_member(alias, "protocol"), "udp") == 0 ? "/udp" : "");
    if (!*client)
        return;
    (void)fputs(" --client ", stdout);
    list_print_word(client);
}

static int aliases_tell_empty(const struct invocation *invocation)
{
    report_hint(invocation, "No client aliases yet. Next: svcconnect register SERVICE --address IP:PORT");
    return CLI_DONE;
}

const struct list aliases_list = {
    .path = "/v1/aliases",
    .member = "aliases",
    .fill = aliases_fill,
    .print_name = aliases_print_name,
    .tell_empty = aliases_tell_empty,
};

/* What `route show` was asked for. */
struct filter {
    char *name; /* owned; NULL: every alias */
    bool has_port;
    uint64_t port;
    const char *client; /* NULL: every client and everybody */
};

static void cleanup_filter(struct filter *filter)
{
    free(filter->name);
}

static bool aliases_matches(const struct filter *filter, const cJSON *route)
{
    if (filter->name && strcmp(text_member(route, "dnsName"), filter->name) != 0)
        return false;
    if (filter->has_port && text_number(route, "port") != filter->port)
        return false;
    return !filter->client || strcmp(text_member(route, "client"), filter->client) == 0;
}

/* Drops the other routes from the list. */
static int routes_narrow(const struct invocation *invocation, cJSON *routes)
{
    _cleanup_(cleanup_filter) struct filter filter = {.client = invocation->options[OPTION_CLIENT]};
    const char *wanted = invocation->arguments[0];
    cJSON *next;

    if (wanted && argument_name_port(wanted, &filter.name, &filter.has_port, &filter.port) < 0)
        return report_usage(invocation, "\"%s\" is not of the form DNSNAME or DNSNAME:PORT", wanted);
    for (cJSON *route = routes->child; route; route = next) {
        next = route->next;
        if (!aliases_matches(&filter, route))
            cJSON_Delete(cJSON_DetachItemViaPointer(routes, route));
    }
    return CLI_DONE;
}

static int routes_tell_empty(const struct invocation *invocation)
{
    const char *alias = invocation->arguments[0];
    const char *client = invocation->options[OPTION_CLIENT];

    if (alias || client)
        return report_error(invocation, CLI_FAILED, "no route is set%s%s%s%s; %s", alias ? " for " : "",
                            alias ? alias : "", client ? " for client " : "", client ? client : "",
                            client ? "without --client are those of everybody"
                                   : "svcconnect aliases shows where it leads");
    report_hint(invocation, "No routes set; aliases lead to their services (svcconnect aliases). "
                            "Next: svcconnect route set DNSNAME:PORT SERVICE=WEIGHT...");
    return CLI_DONE;
}

const struct list routes_list = {
    .path = "/v1/routes",
    .member = "routes",
    .fill = routes_fill,
    .print_name = aliases_print_name,
    .narrow = routes_narrow,
    .tell_empty = routes_tell_empty,
};
