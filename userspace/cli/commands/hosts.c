/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* hosts: names and alias addresses in, lines of hosts(5) out, grouped where one name may stand
 * for several. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"

/* Array elements in the order of their namespaces, otherwise as they came. */
struct host {
    const char *namespace_name;
    const cJSON *item;
    size_t position;
};

static int hosts_compare(const void *a, const void *b)
{
    const struct host *left = a;
    const struct host *right = b;
    int order = strcmp(left->namespace_name, right->namespace_name);

    return order ? order : (left->position > right->position) - (left->position < right->position);
}

static void hosts_print_line(const char *address, const cJSON *item)
{
    if (*address)
        (void)printf("%-24s %s\n", address, text_member(item, "name"));
}

static void print_hosts(const struct host *hosts, size_t count)
{
    bool has_several = strcmp(hosts[0].namespace_name, hosts[count - 1].namespace_name) != 0;

    for (size_t i = 0; i < count; i++) {
        bool is_first = i == 0 || strcmp(hosts[i].namespace_name, hosts[i - 1].namespace_name) != 0;

        if (has_several && is_first)
            (void)printf("%s# namespace %s\n", i ? "\n" : "", hosts[i].namespace_name);
        hosts_print_line(text_member(hosts[i].item, "address"), hosts[i].item);
        hosts_print_line(text_member(hosts[i].item, "address6"), hosts[i].item);
    }
}

int command_hosts(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ struct host *hosts = NULL;
    const cJSON *list;
    const cJSON *item;
    size_t count = 0;
    int status = api_read(invocation, "/v1/hosts", &response);

    if (status != CLI_DONE || invocation->is_json)
        return status;
    list = text_child(response.json, "hosts");
    if (cJSON_GetArraySize(list) == 0) {
        report_hint(invocation, "No names yet. Next: svcconnect register SERVICE --address IP:PORT");
        return CLI_DONE;
    }
    hosts = calloc((size_t)cJSON_GetArraySize(list), sizeof(*hosts));
    if (!hosts)
        return report_error(invocation, CLI_FAILED, "out of memory");
    cJSON_ArrayForEach (item, list) {
        hosts[count] = (struct host){text_member(item, "namespace"), item, count};
        count++;
    }
    qsort(hosts, count, sizeof(*hosts), hosts_compare);
    print_hosts(hosts, count);
    return CLI_DONE;
}
