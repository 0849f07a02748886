/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* endpoints, and endpoints --hosts: what each host of a fleet has found against endpoints, from etcd. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_etcd.h"
#include "cli/list.h"
#include "cli/report.h"
#include "registry/etcd/etcd_seen.h"

/* Is it asked for? */
static bool is_wanted_endpoint(const struct invocation *invocation, const cJSON *endpoint)
{
    const char *service = invocation->arguments[0], *name = invocation->options[OPTION_NAMESPACE];

    if (service && strcmp(text_member(endpoint, "service"), service) != 0)
        return false;
    return (!service && !name) ||
           strcmp(text_member(endpoint, "namespace"), invocation_namespace(invocation)) == 0;
}

struct hearing {
    const struct invocation *invocation;
    cJSON *hosts; /* an array */
};

static void drop_unwanted(const struct invocation *invocation, cJSON *list)
{
    cJSON *next;

    for (cJSON *item = list ? list->child : NULL; item; item = next) {
        next = item->next;
        if (!is_wanted_endpoint(invocation, item))
            cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
    }
}

/* What is no text of a daemon's is a host that has found nothing. */
static int hear_host(const char *host, const char *text, void *user)
{
    struct hearing *hearing = user;
    static const char *const lists[] = {"endpoints", "names"};
    cJSON *json = cJSON_Parse(text);

    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        json = cJSON_CreateObject();
    }
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        drop_unwanted(hearing->invocation, cJSON_GetObjectItemCaseSensitive(json, lists[i]));
    (void)cJSON_AddStringToObject(json, "host", host);
    return cJSON_AddItemToArray(hearing->hosts, json) ? 0 : -1;
}

static size_t add_sights_of(struct table *table, const cJSON *host, const char *list)
{
    const cJSON *endpoint;
    size_t n = 0;

    cJSON_ArrayForEach (endpoint, text_child(host, list)) {
        table_begin(table, endpoint);
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "namespace"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "service"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "id"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "address"));
        table_add(table, TEXT_PLAIN, "%s", text_member(host, "host"));
        table_add(table, TEXT_PLAIN, "%s", text_member(host, "name"));
        table_add(table, strcmp(list, "names") == 0 ? TEXT_PLAIN : TEXT_YELLOW, "%s",
                  text_member(endpoint, "sees"));
        table_add(table, TEXT_PLAIN, "%s", text_member(endpoint, "reason"));
        n++;
    }
    return n;
}

static int print_sights(const struct invocation *invocation, const cJSON *hosts)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 4, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 12},
        {.header = "ID", .least = 16},
        {.header = "ADDRESS", .rank = 3, .least = 9},
        {.header = "HOST", .least = 8},
        {.header = "NAME", .rank = 2, .least = 8},
        {.header = "SEES"},
        {.header = "REASON", .rank = 1, .least = 24, .is_note = true},
    };
    _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
    unsigned long long n = 0, more = 0;
    struct error error = {0};
    const cJSON *host;
    int r = 0;

    cJSON_ArrayForEach (host, hosts) {
        n += add_sights_of(table, host, "endpoints");
        n += add_sights_of(table, host, "names");
        more += text_number(host, "more");
    }
    for (size_t i = 0; i < invocation->filter_count && r == 0; i++)
        r = table_filter(table, invocation->filters[i], &error);
    r = r == 0 ? table_sort(table, invocation->options[OPTION_SORT] ? invocation->options[OPTION_SORT] : "id",
                            &error)
               : r;
    if (r < 0)
        return report_usage(invocation, "%s", error.message);
    if (more)
        report_hint(invocation, "Of %llu more endpoints some host has told only that there are so many.",
                    more);
    if (n == 0) {
        report_hint(invocation,
                    "%d hosts tell what they see, and none has found anything against an endpoint.",
                    cJSON_GetArraySize(hosts));
        return CLI_DONE;
    }
    return list_print_table(invocation, table);
}

static int command_endpoints_of_hosts(const struct invocation *invocation)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    struct hearing hearing = {invocation, cJSON_AddArrayToObject(json, "hosts")};
    struct registry_etcd etcd = {0};
    struct error error = {0};
    int status = list_check_form(invocation);

    if (status == CLI_DONE && invocation->options[OPTION_WATCH])
        status = report_usage(invocation, "--hosts: one look at a time, without --watch");
    if (status != CLI_DONE)
        return status;
    status = registry_etcd_read(invocation, invocation->options[OPTION_FROM], &etcd);
    if (status == CLI_DONE && etcd_seen_list(&etcd.settings, hear_host, &hearing, &error) < 0)
        status = report_error(invocation, CLI_FAILED, "%s", error.message);
    registry_etcd_done(&etcd);
    if (status != CLI_DONE)
        return status;
    return invocation->is_json ? api_print_json(invocation, json, NULL)
                               : print_sights(invocation, hearing.hosts);
}

int command_endpoints(const struct invocation *invocation)
{
    static const enum cli_option of_hosts[] = {OPTION_CONFIG, OPTION_FROM};

    if (invocation->options[OPTION_HOSTS])
        return command_endpoints_of_hosts(invocation);
    for (size_t i = 0; i < ARRAY_SIZE(of_hosts); i++)
        if (invocation->options[of_hosts[i]])
            return report_usage(invocation,
                                "--config and --from are of --hosts: the daemon's list needs neither");
    return list_command(invocation);
}
