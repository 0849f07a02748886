/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* register -f and delete -f: records of files in, batches of changes out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/bulk.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"

/* Makes a record an item of a batch: the namespace of -n where it names none. False: no memory. */
static bool bulk_complete(const struct invocation *invocation, cJSON *json, const char *op)
{
    const char *namespace_name = invocation->options[OPTION_NAMESPACE];

    if (namespace_name && !text_child(json, "namespace") &&
        !cJSON_AddStringToObject(json, "namespace", namespace_name))
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(json, "op");
    return cJSON_AddStringToObject(json, "op", op) != NULL;
}

/* What is left of a record of an instance to name it: service, namespace, and its id or what that would be. */
static const char *name_to_delete(const struct invocation *invocation, cJSON *json)
{
    static const char *const others[] = {"address", "weight", "health", "protocol", "zone"};
    const char *address = cJSON_GetStringValue(text_child(json, "address"));
    bool is_udp = strcmp(text_member(json, "protocol"), "udp") == 0;
    char id[512];

    if (address && !text_child(json, "id")) {
        (void)snprintf(id, sizeof(id), "%s%s", address, is_udp ? "/udp" : "");
        (void)cJSON_AddStringToObject(json, "id", id);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(json, others[i]);
    if (!text_child(json, "id"))
        return "delete-service";
    if (invocation->options[OPTION_NOW])
        (void)cJSON_AddTrueToObject(json, "now");
    return "deregister";
}

/* All records of all files, in their order, sent file by file. */
static int bulk_files(const struct invocation *invocation, bool is_delete, const char *verb)
{
    size_t sum = 0;

    for (size_t i = 0; i < invocation->file_count; i++) {
        _cleanup_records_ struct records records = {0};
        int status = records_read(invocation, invocation->files[i], &records);

        for (size_t n = 0; status == CLI_DONE && n < records.count; n++) {
            cJSON *json = records.items[n].json;

            if (!bulk_complete(invocation, json, is_delete ? name_to_delete(invocation, json) : "register"))
                status = report_error(invocation, CLI_FAILED, "out of memory");
        }
        if (status == CLI_DONE)
            status = bulk_send(invocation, &records, true);
        if (status != CLI_DONE)
            return status;
        sum += records.count;
    }
    if (invocation->is_json)
        (void)printf("{\"%s\":%zu,\"dryRun\":%s}\n", verb, sum,
                     invocation->options[OPTION_DRY_RUN] ? "true" : "false");
    else
        (void)printf("%s%s %zu\n", invocation->options[OPTION_DRY_RUN] ? "would have " : "", verb, sum);
    return CLI_DONE;
}

int bulk_register(const struct invocation *invocation)
{
    static const enum cli_option others[] = {OPTION_ADDRESS, OPTION_ID,       OPTION_WEIGHT,
                                             OPTION_HEALTH,  OPTION_PROTOCOL, OPTION_ZONE};

    if (invocation->argument_count > 0)
        return report_usage(invocation, "with -f each record names its service; leave out \"%s\"",
                            invocation->arguments[0]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (invocation->options[others[i]])
            return report_usage(invocation, "with -f each record has its own \"%s\"; leave out --%s",
                                cli_option_rows[others[i]].name, cli_option_rows[others[i]].name);
    return bulk_files(invocation, false, "registered");
}

int command_delete(const struct invocation *invocation)
{
    return bulk_files(invocation, true, "deleted");
}
