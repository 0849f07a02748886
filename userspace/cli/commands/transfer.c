/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* export and import: everything that is registered out as JSON, a line for each item, and in again: only what differs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/bulk.h"
#include "cli/commands/commands.h"
#include "cli/difference.h"
#include "cli/report.h"
#include "cli/state.h"
#include "cli/text.h"

static int print_part(const cJSON *state, const char *member, bool is_last)
{
    const cJSON *items = text_child(state, member);
    const cJSON *item;

    (void)printf("\"%s\": [", member);
    cJSON_ArrayForEach (item, items) {
        _cleanup_free_ char *text = cJSON_PrintUnformatted(item);

        if (!text)
            return -ENOMEM;
        (void)printf("%s\n%s", item == items->child ? "" : ",", text);
    }
    (void)printf("%s]%s\n", items && items->child ? "\n" : "", is_last ? "}" : ",");
    return 0;
}

int command_export(const struct invocation *invocation)
{
    _cleanup_json_ cJSON *state = NULL;
    int status;

    if (invocation->options[OPTION_ALL] && invocation->options[OPTION_NAMESPACE])
        return report_usage(invocation,
                            "give either -n NS for one namespace, or --all (which is the default)");
    status = state_read(invocation, &state);
    if (status != CLI_DONE)
        return status;
    (void)printf("{\"" STATE_FORMAT "\": 1,\n");
    for (size_t i = 0; i < state_part_count; i++)
        if (print_part(state, state_parts[i].member, i + 1 == state_part_count) < 0)
            return report_error(invocation, CLI_FAILED, "out of memory");
    return CLI_DONE;
}

/* ---- import ---- */

static int read_export(const struct invocation *invocation, const char *file, struct records *records)
{
    const cJSON *version;
    int status = records_read(invocation, file, records);

    if (status != CLI_DONE)
        return status;
    version = records->count == 1 ? text_child(records->items[0].json, STATE_FORMAT) : NULL;
    if (!cJSON_IsNumber(version))
        return report_error(
            invocation, CLI_FAILED,
            "%s: this is no export; give what svcconnect export printed (many instances: register -f, "
            "ECS documents: apply -f)",
            records->source);
    if (version->valueint != 1)
        return report_error(invocation, CLI_FAILED, "%s: \"%s\" is %g; this version of svcconnect reads 1",
                            records->source, STATE_FORMAT, version->valuedouble);
    for (const cJSON *member = records->items[0].json->child; member; member = member->next) {
        bool is_known = strcmp(member->string, STATE_FORMAT) == 0;

        for (size_t i = 0; i < state_part_count; i++)
            is_known =
                is_known || (strcmp(member->string, state_parts[i].member) == 0 && cJSON_IsArray(member));
        if (!is_known)
            return report_error(
                invocation, CLI_FAILED,
                "%s: \"%s\" is not allowed; an export has the lists documents, services, instances, "
                "settings and routes",
                records->source, member->string);
    }
    return CLI_DONE;
}

/* Beyond so many lines an import says how many there are of each kind; a dry run is for reading them. */
#define LINES_MAX 100

static void say_change(const struct invocation *invocation, const struct differences *differences,
                       const struct difference *difference)
{
    bool is_planned = invocation->options[OPTION_DRY_RUN] != NULL;

    if (!invocation->is_json && (is_planned || differences->count <= LINES_MAX))
        (void)printf("%s%s %s %s\n", is_planned ? "would " : "", difference->is_new ? "create" : "update",
                     difference->part->what, difference->name);
}

/* "services: 200 created", a line for each kind of change. */
static void say_counts(const struct invocation *invocation, const struct differences *first,
                       const struct differences *rest)
{
    for (size_t part = 0; part < state_part_count; part++) {
        /* Documents were made before the others were looked at once more. */
        const struct differences *differences = state_parts[part].op ? rest : first;

        for (unsigned is_new = 0; is_new < 2; is_new++) {
            size_t count = 0;

            for (size_t i = 0; i < differences->count; i++)
                count += differences->items[i].part == &state_parts[part] &&
                         differences->items[i].is_new == (is_new != 0);
            if (count && !invocation->is_json)
                (void)printf("%s: %zu %s\n", state_parts[part].member, count, is_new ? "created" : "updated");
        }
    }
}

/* Documents go first, namespace by namespace: they make services. */
static int import_documents(const struct invocation *invocation, const struct differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];
        _cleanup_control_response_ struct control_response response = {0};
        cJSON *body;
        cJSON *documents;
        cJSON *document;
        char *text;
        int status;

        if (difference->part->op)
            continue;
        say_change(invocation, differences, difference);
        body = cJSON_CreateObject();
        document = cJSON_CreateObject();
        documents = cJSON_CreateArray();
        text = cJSON_PrintUnformatted(text_child(difference->item, "document"));
        api_add_string(&document, "source", difference->name);
        api_add_string(&document, "text", text ? text : "");
        cJSON_free(text);
        if (!document || !cJSON_AddItemToArray(documents, document))
            cJSON_Delete(document);
        api_add_item(&body, "documents", documents);
        api_add_string(&body, "namespace", text_member(difference->item, "namespace"));
        if (invocation->options[OPTION_DRY_RUN])
            api_add_true(&body, "dryRun");
        if (!body)
            return report_error(invocation, CLI_FAILED, "out of memory");
        status = api_exchange(invocation, "POST", "/v1/documents", body, &response);
        cJSON_Delete(body);
        if (status != CLI_DONE)
            return status;
        api_report_warnings(invocation, response.json);
    }
    return CLI_DONE;
}

/* What is to be changed now, in the order in which it has to be. */
static int compare_with_daemon(const struct invocation *invocation, const cJSON *wanted,
                               struct differences *differences)
{
    _cleanup_json_ cJSON *state = NULL;
    struct error error = {0};
    int status = state_read(invocation, &state);
    int r;

    if (status != CLI_DONE)
        return status;
    r = differences_find(wanted, state, differences, &error);
    return r < 0 ? report_error(invocation, CLI_FAILED, "%s; nothing was done", error.message) : CLI_DONE;
}

static int import_changes(const struct invocation *invocation, const struct differences *differences,
                          size_t *ret_count)
{
    _cleanup_records_ struct records changes = {.source = "import"};
    int status;

    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];

        if (!difference->part->op)
            continue;
        say_change(invocation, differences, difference);
        if (difference_add_changes(difference, &changes) < 0)
            return report_error(invocation, CLI_FAILED, "out of memory");
        (*ret_count)++;
    }
    /* A dry run of the first batch knows nothing of what documents would have made. */
    status = invocation->options[OPTION_DRY_RUN] ? CLI_DONE : bulk_send(invocation, &changes, false);
    return status;
}

int command_import(const struct invocation *invocation)
{
    const char *file = invocation->argument_count ? invocation->arguments[0] : "-";
    _cleanup_records_ struct records records = {0};
    _cleanup_(differences_done) struct differences first = {0};
    _cleanup_(differences_done) struct differences rest = {0};
    bool is_dry_run = invocation->options[OPTION_DRY_RUN] != NULL;
    size_t count = 0;
    int status = read_export(invocation, file, &records);

    if (status == CLI_DONE)
        status = compare_with_daemon(invocation, records.items[0].json, &first);
    if (status == CLI_DONE)
        status = import_documents(invocation, &first);
    if (status == CLI_DONE && !is_dry_run)
        status = compare_with_daemon(invocation, records.items[0].json, &rest);
    if (status == CLI_DONE)
        status = import_changes(invocation, is_dry_run ? &first : &rest, &count);
    if (status != CLI_DONE)
        return status;
    for (size_t i = 0; i < first.count; i++)
        count += !first.items[i].part->op;
    if (!is_dry_run && (first.count > LINES_MAX || rest.count > LINES_MAX))
        say_counts(invocation, &first, &rest);
    if (invocation->is_json)
        (void)printf("{\"changes\":%zu,\"dryRun\":%s}\n", count, is_dry_run ? "true" : "false");
    else if (count == 0)
        (void)puts("nothing to change");
    return CLI_DONE;
}
