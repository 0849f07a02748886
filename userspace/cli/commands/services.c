/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* services: the answer's list in, a table out. */
#include <stdio.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"

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

    table_begin(table, service);
    table_add(table, TEXT_PLAIN, "%s", text_member(service, "namespace"));
    table_add(table, TEXT_PLAIN, "%s", text_member(service, "name"));
    table_add(table, TEXT_PLAIN, "%llu", (unsigned long long)text_number(service, "instances"));
    table_add(table, eligible ? TEXT_PLAIN : TEXT_RED, "%llu", (unsigned long long)eligible);
    if (has_documents)
        table_add(table, TEXT_PLAIN, "%s", *document ? document : "-");
    table_add(table, TEXT_PLAIN, "%s", aliases && *aliases ? aliases : "-");
}

#define NAMESPACE_COLUMN                                                                                     \
    {                                                                                                        \
        .header = "NAMESPACE", .rank = 3, .least = 9, .is_dull_when_same = true                              \
    }
#define SERVICE_COLUMN                                                                                       \
    {                                                                                                        \
        .header = "SERVICE", .least = 20                                                                     \
    }
#define ALIASES_COLUMN                                                                                       \
    {                                                                                                        \
        .header = "ALIASES", .rank = 4, .least = 16                                                          \
    }

static struct table *services_fill(const struct invocation *invocation, const cJSON *services)
{
    static const struct table_column plain[] = {
        NAMESPACE_COLUMN,
        SERVICE_COLUMN,
        {.header = "INSTANCES", .rank = 2, .is_number = true},
        {.header = "ELIGIBLE", .rank = 1, .is_number = true},
        ALIASES_COLUMN,
    };
    static const struct table_column documented[] = {
        NAMESPACE_COLUMN,
        SERVICE_COLUMN,
        {.header = "INSTANCES", .rank = 2, .is_number = true},
        {.header = "ELIGIBLE", .rank = 1, .is_number = true},
        {.header = "DOCUMENT", .rank = 5, .least = 12},
        ALIASES_COLUMN,
    };
    bool has_documents = has_document(services);
    struct table *table =
        has_documents ? table_new(documented, ARRAY_SIZE(documented)) : table_new(plain, ARRAY_SIZE(plain));
    const cJSON *service;

    (void)invocation;
    cJSON_ArrayForEach (service, services) {
        services_add_service(table, service, has_documents);
    }
    return table;
}

static void services_print_name(const struct invocation *invocation, const cJSON *service)
{
    (void)invocation;
    list_print_word(text_member(service, "name"));
}

static int services_tell_empty(const struct invocation *invocation)
{
    const char *name = invocation->options[OPTION_NAMESPACE];

    report_hint(invocation, "No services yet%s%s. Next: svcconnect register SERVICE --address IP:PORT%s%s",
                name ? " in " : "", name ? name : "", name ? " -n " : "", name ? name : "");
    return CLI_DONE;
}

const struct list services_list = {
    .path = "/v1/services",
    .member = "services",
    .fill = services_fill,
    .print_name = services_print_name,
    .tell_empty = services_tell_empty,
};
