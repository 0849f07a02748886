/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* explain: why a connect goes where, from the name to the endpoints. The daemon knows; here it is laid out. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

/* ---- the question ---- */

struct target_words {
    char *name;
    bool has_port;
    uint64_t port;
    const char *protocol; /* NULL: not said */
};

/* NAME, NAME:PORT, NAME:PORT/udp; an address, [IPV6]:PORT. -EINVAL, -ENOMEM. */
static int split_target(char *word, struct target_words *ret_words)
{
    char text[IP_ADDRESS_TEXT_SIZE];
    struct target_words words = {0};
    struct ip_address address;
    uint16_t port;
    char *slash = strrchr(word, '/');

    if (slash && (strcmp(slash, "/udp") == 0 || strcmp(slash, "/tcp") == 0)) {
        words.protocol = slash[1] == 'u' ? "udp" : "tcp";
        *slash = '\0';
    }
    *ret_words = words;
    if (ip_address_parse(word, &address) == 0)
        return (ret_words->name = strdup(word)) ? 0 : -ENOMEM;
    if (ip_endpoint_parse(word, &address, &port) < 0)
        return argument_name_port(word, &ret_words->name, &ret_words->has_port, &ret_words->port);
    ret_words->has_port = true;
    ret_words->port = port;
    ret_words->name = strdup(ip_address_format(&address, text));
    return ret_words->name ? 0 : -ENOMEM;
}

/* The path with all that was said. The caller frees it; NULL: no memory. */
static char *explain_path(const struct invocation *invocation, const struct target_words *words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int r;

    if (!out)
        return NULL;
    (void)fputs("/v1/explain", out);
    api_add_query(out, '?', "name", words->name);
    if (words->has_port)
        (void)fprintf(out, "&port=%llu", (unsigned long long)words->port);
    api_add_query(out, '&', "protocol", words->protocol);
    api_add_query(out, '&', "cgroup", invocation->options[OPTION_TASK]);
    api_add_query(out, '&', "pid", invocation->options[OPTION_PID]);
    api_add_query(out, '&', "service", invocation->options[OPTION_CLIENT]);
    r = fclose(out);
    if (r == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- the answer ---- */

static void print_line(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print_line(const char *what, const char *format, ...)
{
    char text[1024];
    _cleanup_free_ char *printable = NULL;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printable = text_printable(text);
    (void)printf("%-9s %s\n", what, printable ? printable : "");
}

static void print_scope(const cJSON *answer)
{
    const cJSON *scope = text_child(answer, "scope");
    const char *client = text_member(scope, "client");
    const char *cgroup = text_member(text_child(answer, "task"), "cgroup");

    print_line("task", "%s%snamespace %s%s%s%s", cgroup,
               *cgroup ? ": " : "any: ", text_member(scope, "namespace"),
               *client ? ", service " : ", of no service", client,
               text_is_true(scope, "hasRoutesOfItsOwn") ? ", with routes of its own" : "");
}

static void print_resolution(const cJSON *answer)
{
    const cJSON *resolution = text_child(answer, "resolution");
    const cJSON *address;
    char addresses[128] = "";
    size_t used = 0;

    cJSON_ArrayForEach (address, text_child(resolution, "addresses")) {
        int n = used < sizeof(addresses) ? snprintf(addresses + used, sizeof(addresses) - used, "%s%s",
                                                    used ? ", " : "", cJSON_GetStringValue(address))
                                         : 0;

        used += n > 0 ? (size_t)n : 0;
    }
    print_line("name", "%s: %s%s%s", text_member(answer, "name"), text_member(resolution, "text"),
               used ? ": " : "", addresses);
    if (*text_member(resolution, "searchDomain"))
        print_line("", "without the search domain %s", text_member(resolution, "searchDomain"));
    if (*text_member(resolution, "problem"))
        print_line("", "but a process keeps to its own name servers: %s", text_member(resolution, "problem"));
}

static void print_route_of(const cJSON *answer)
{
    const cJSON *route = text_child(answer, "route");
    const cJSON *alias = text_child(answer, "alias");
    const char *client = text_member(route, "client");
    bool is_route = strcmp(text_member(route, "origin"), "route") == 0;
    const cJSON *target;
    char text[512] = "";
    size_t used = 0;

    if (!route)
        return;
    cJSON_ArrayForEach (target, text_child(route, "targets")) {
        char share[TEXT_PERCENT_SIZE];
        int n = used < sizeof(text) ? snprintf(text + used, sizeof(text) - used, "%s%s %s", used ? ", " : "",
                                               text_member(target, "service"),
                                               text_percent(text_child(target, "wantedPercent"), share))
                                    : 0;

        used += n > 0 ? (size_t)n : 0;
    }
    print_line("route", "%s:%llu/%s %s%s: %s%s", text_member(alias, "dnsName"),
               (unsigned long long)text_number(alias, "port"), text_member(alias, "protocol"),
               !is_route ? "has no route, and is its service's"
               : *client ? "for tasks of "
                         : "for everybody",
               is_route ? client : "", text,
               strcmp(text_member(route, "onEmpty"), "unhealthy") == 0 ? "; with nobody healthy the unhealthy"
                                                                       : "");
    if (*text_member(route, "affinity"))
        print_line("", "shares are of clients: each %s keeps its endpoint (affinity)",
                   text_member(route, "affinity"));
    if (*text_member(route, "balance"))
        print_line("", "shares follow the load: of two endpoints the one %s (balance)",
                   strcmp(text_member(route, "balance"), "leastTime") == 0 ? "that is done sooner"
                                                                           : "with fewer open connections");
    cJSON_ArrayForEach (target, text_child(route, "targets")) {
        if (*text_member(target, "zone") && *text_member(answer, "zone"))
            print_line("zone", "%s: %s", text_member(target, "service"), text_member(target, "zone"));
    }
}

/* All reasons, those that keep it from being drawn first. */
static void add_reasons_text(struct table *table, const cJSON *endpoint)
{
    char text[1024] = "";
    _cleanup_free_ char *printable = NULL;
    size_t used = 0;
    const cJSON *reason;

    for (int round = 0; round < 2; round++)
        cJSON_ArrayForEach (reason, text_child(endpoint, "reasons")) {
            int n = 0;

            if (text_is_true(reason, "against") == (round == 0) && used < sizeof(text))
                n = snprintf(text + used, sizeof(text) - used, "%s%s%s%s", used ? "; " : "",
                             text_member(reason, "text"), *text_member(reason, "since") ? " since " : "",
                             text_member(reason, "since"));
            used += n > 0 ? (size_t)n : 0;
        }
    printable = text_printable(text);
    table_add(table, TEXT_DIM, "%s", printable ? printable : "");
}

static void add_percents_of(struct table *table, const cJSON *endpoint, const char *member, bool has_both)
{
    const cJSON *percents = text_child(endpoint, member);
    char ipv4[TEXT_PERCENT_SIZE], ipv6[TEXT_PERCENT_SIZE];

    (void)text_percent(text_child(percents, "ipv4"), ipv4);
    (void)text_percent(text_child(percents, "ipv6"), ipv6);
    table_add(table, TEXT_PLAIN, "%s%s%s", ipv4, has_both ? " / " : "", has_both ? ipv6 : "");
}

/* Do IPv6 sockets get others than IPv4 ones? */
static bool differs_by_family(const cJSON *endpoints)
{
    const cJSON *endpoint;

    cJSON_ArrayForEach (endpoint, endpoints) {
        const cJSON *share = text_child(endpoint, "sharePercent");

        if (!cJSON_Compare(text_child(share, "ipv4"), text_child(share, "ipv6"), true))
            return true;
    }
    return false;
}

static int print_endpoints(const struct invocation *invocation, const cJSON *answer)
{
    const cJSON *endpoints = text_child(answer, "endpoints");
    bool has_both = differs_by_family(endpoints);
    const struct table_column columns[] = {
        {.header = "SERVICE", .rank = 1},
        {.header = "ID"},
        {.header = "ADDRESS", .rank = 3},
        {.header = has_both ? "SHARE IPV4 / IPV6" : "SHARE", .rank = 2, .is_number = true},
        {.header = has_both ? "NOW IPV4 / IPV6" : "NOW", .is_number = true},
        {.header = "DRAWN"},
        {.header = "REASON", .least = 40},
    };
    _cleanup_table_ struct table *table = NULL;
    const cJSON *endpoint;
    int status;

    if (cJSON_GetArraySize(endpoints) == 0)
        return CLI_DONE;
    table = table_new(columns, ARRAY_SIZE(columns));
    cJSON_ArrayForEach (endpoint, endpoints) {
        bool is_drawn = text_is_true(endpoint, "drawn");
        char address[TEXT_ENDPOINT_SIZE];

        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "service"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "id"));
        table_add(table, TEXT_PLAIN, "%s", text_endpoint(endpoint, address));
        add_percents_of(table, endpoint, "sharePercent", has_both);
        add_percents_of(table, endpoint, "chancePercent", has_both);
        table_add(table, is_drawn ? TEXT_GREEN : TEXT_YELLOW, "%s", is_drawn ? "yes" : "no");
        add_reasons_text(table, endpoint);
    }
    status = list_print_table(invocation, table);
    if (status == CLI_DONE && text_number(answer, "endpointsInAll") > (uint64_t)cJSON_GetArraySize(endpoints))
        (void)printf("... and %llu more\n", (unsigned long long)text_number(answer, "endpointsInAll") -
                                                (unsigned long long)cJSON_GetArraySize(endpoints));
    return status;
}

int command_explain(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *word = strdup(invocation->arguments[0]);
    _cleanup_free_ char *path = NULL;
    struct target_words words = {0};
    int r = word ? split_target(word, &words) : -ENOMEM;
    const cJSON *answer;
    int status;

    if (r == -EINVAL)
        return report_usage(invocation, "\"%s\" is not of the form NAME, NAME:PORT or NAME:PORT/udp",
                            invocation->arguments[0]);
    if (r == 0)
        path = explain_path(invocation, &words);
    free(words.name);
    if (!path)
        return report_error(invocation, CLI_FAILED, "out of memory");
    status = api_read(invocation, path, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    answer = response.json;
    print_scope(answer);
    print_resolution(answer);
    print_route_of(answer);
    if (text_child(answer, "policy"))
        print_line("policy", "%s: %s", text_member(text_child(answer, "policy"), "outcome"),
                   text_member(text_child(answer, "policy"), "text"));
    print_line("connect", "%s: %s", text_member(text_child(answer, "connect"), "outcome"),
               text_member(text_child(answer, "connect"), "text"));
    return print_endpoints(invocation, answer);
}
