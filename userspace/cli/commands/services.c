/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* services and endpoints: the answer's list in, a table out. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/table.h"

static void hint_register(const struct invocation *invocation, const char *what)
{
    const char *namespace_name = invocation->options[OPTION_NAMESPACE];

    report_hint(invocation, "No %s yet%s%s. Next: svcconnect register SERVICE --address IP:PORT%s%s", what,
                namespace_name ? " in " : "", namespace_name ? namespace_name : "",
                namespace_name ? " -n " : "", namespace_name ? namespace_name : "");
}

/* "v1:8081 backend:80" */
static char *join_aliases(const cJSON *service)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const cJSON *alias;

    if (!out)
        return NULL;
    cJSON_ArrayForEach (alias, text_child(service, "clientAliases")) {
        (void)fprintf(out, "%s%s:%llu", ftell(out) > 0 ? " " : "", text_member(alias, "dnsName"),
                      (unsigned long long)text_number(alias, "port"));
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static bool has_document(const cJSON *services)
{
    const cJSON *service;

    cJSON_ArrayForEach (service, services) {
        if (*text_member(service, "document"))
            return true;
    }
    return false;
}

static void services_add_service(struct table *table, const cJSON *service, bool has_documents)
{
    uint64_t eligible = text_number(service, "eligible");
    _cleanup_free_ char *aliases = join_aliases(service);
    const char *document = text_member(service, "document");

    table_add(table, TEXT_PLAIN, "%s", text_member(service, "namespace"));
    table_add(table, TEXT_PLAIN, "%s", text_member(service, "name"));
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(service, "instances"));
    table_add(table, eligible ? TEXT_PLAIN : TEXT_RED, "%llu", (unsigned long long)eligible);
    if (has_documents)
        table_add(table, TEXT_PLAIN, "%s", *document ? document : "-");
    table_add(table, TEXT_PLAIN, "%s", aliases && *aliases ? aliases : "-");
}

int command_services(const struct invocation *invocation)
{
    static const struct table_column plain[] = {
        {"NAMESPACE", false}, {"SERVICE", false}, {"INSTANCES", true}, {"ELIGIBLE", true}, {"ALIASES", false},
    };
    static const struct table_column documented[] = {
        {"NAMESPACE", false}, {"SERVICE", false},  {"INSTANCES", true},
        {"ELIGIBLE", true},   {"DOCUMENT", false}, {"ALIASES", false},
    };
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_table_ struct table *table = NULL;
    const cJSON *services;
    const cJSON *service;
    bool has_documents;
    int status = api_read(invocation, "/v1/services", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    services = text_child(response.json, "services");
    if (cJSON_GetArraySize(services) == 0) {
        hint_register(invocation, "services");
        return CLI_DONE;
    }
    has_documents = has_document(services);
    table =
        has_documents ? table_new(documented, ARRAY_SIZE(documented)) : table_new(plain, ARRAY_SIZE(plain));
    cJSON_ArrayForEach (service, services) {
        services_add_service(table, service, has_documents);
    }
    return table_print(table) < 0 ? report_error(invocation, CLI_FAILED, "out of memory") : CLI_DONE;
}

/* "HEALTHY", "DRAINING", or that the kernel skips it and for how much longer. */
static void add_state(struct table *table, const cJSON *endpoint)
{
    const char *health = text_member(endpoint, "health");
    enum text_colour colour = strcmp(health, "HEALTHY") == 0     ? TEXT_GREEN
                              : strcmp(health, "UNHEALTHY") == 0 ? TEXT_RED
                                                                 : TEXT_YELLOW;

    if (text_is_true(endpoint, "ejected"))
        table_add(table, TEXT_RED, "%s, ejected %llu s more", health,
                  (unsigned long long)text_number(endpoint, "ejectedSeconds") + 1);
    else
        table_add(table, colour, "%s", health);
}

/* Connects that failed; those the application gave up itself are none. */
static void add_failures(struct table *table, const cJSON *endpoint)
{
    const cJSON *outcomes = text_child(endpoint, "outcomes");
    uint64_t failed = text_number(outcomes, "refused") + text_number(outcomes, "retransmitted") +
                      text_number(outcomes, "resetEarly") + text_number(outcomes, "unreachable");

    table_add(table, failed ? TEXT_YELLOW : TEXT_PLAIN, "%llu", (unsigned long long)failed);
}

int command_endpoints(const struct invocation *invocation)
{
    static const struct table_column columns[] = {
        {"NAMESPACE", false}, {"SERVICE", false}, {"ID", false},       {"ADDRESS", false},
        {"WEIGHT", true},     {"HEALTH", false},  {"ELIGIBLE", false}, {"CONNECTIONS", true},
        {"OPEN", true},       {"FAILED", true},   {"REASON", false},
    };
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_table_ struct table *table = NULL;
    const cJSON *endpoints;
    const cJSON *endpoint;
    int status = api_read(invocation, "/v1/endpoints", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    endpoints = text_child(response.json, "endpoints");
    if (cJSON_GetArraySize(endpoints) == 0) {
        hint_register(invocation, "instances");
        return CLI_DONE;
    }
    table = table_new(columns, ARRAY_SIZE(columns));
    cJSON_ArrayForEach (endpoint, endpoints) {
        bool is_eligible = text_is_true(endpoint, "eligible");
        char address[TEXT_ENDPOINT_SIZE];
        _cleanup_free_ char *reason = text_printable(text_member(endpoint, "reason"));

        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "namespace"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "service"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "id"));
        if (*text_member(endpoint, "address"))
            table_add(table, TEXT_PLAIN, "%s", text_endpoint(endpoint, address));
        else /* a host name that has not been resolved yet */
            table_add(table, TEXT_YELLOW, "%s:%llu", text_member(endpoint, "host"),
                      (unsigned long long)text_number(endpoint, "port"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "weight"));
        add_state(table, endpoint);
        table_add(table, is_eligible ? TEXT_PLAIN : TEXT_YELLOW, "%s", is_eligible ? "yes" : "no");
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "connections"));
        table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(endpoint, "open"));
        add_failures(table, endpoint);
        table_add(table, TEXT_DIM, "%s", reason ? reason : "");
    }
    return table_print(table) < 0 ? report_error(invocation, CLI_FAILED, "out of memory") : CLI_DONE;
}
