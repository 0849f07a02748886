/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/documents: texts of files in, what changed or everything that is wrong out. */
#include "api/change/documents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "apply/apply.h"
#include "api/change/changes.h"
#include "daemon/daemon.h"

/* One finding as the API lists it. */
static cJSON *finding_object(const struct finding *finding)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "source", finding->source);
    (void)cJSON_AddStringToObject(object, "path", finding->error.field);
    (void)cJSON_AddStringToObject(object, "value", finding->error.value);
    (void)cJSON_AddStringToObject(object, "allowed", finding->error.allowed);
    (void)cJSON_AddStringToObject(object, "message", finding->error.message);
    return object;
}

static cJSON *refusal(const struct findings *findings)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON *errors = cJSON_CreateArray();
    cJSON *first = NULL;

    for (size_t i = 0; i < findings->n; i++) {
        if (findings->items[i].severity != FINDING_ERROR)
            continue;
        if (!first) {
            first = cJSON_AddObjectToObject(answer, "error");
            (void)cJSON_AddStringToObject(first, "message", findings->items[i].error.message);
            (void)cJSON_AddStringToObject(first, "field", findings->items[i].error.field);
            (void)cJSON_AddStringToObject(first, "value", findings->items[i].error.value);
            (void)cJSON_AddStringToObject(first, "allowed", findings->items[i].error.allowed);
        }
        (void)cJSON_AddItemToArray(errors, finding_object(&findings->items[i]));
    }
    (void)cJSON_AddItemToObject(answer, "errors", errors);
    (void)cJSON_AddNumberToObject(answer, "errorCount", (double)findings->n_errors);
    return answer;
}

static void add_warnings(cJSON *answer, const struct findings *findings)
{
    cJSON *list = cJSON_AddArrayToObject(answer, "warnings");
    char text[1024];

    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == FINDING_WARNING) {
            (void)snprintf(text, sizeof(text), "%s: %s", findings->items[i].source,
                           findings->items[i].error.message);
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
        }
}

/* Every source is parsed, so that all errors of all files come at once. */
static int parse_sources(const struct daemon *daemon, const cJSON *sources, const char *namespace_name,
                         struct document_list *documents, struct findings *findings, struct error *error)
{
    static const char *const known[] = {"source", "text", NULL};
    struct documents_options options = apply_options(namespace_name, engine_host_rights(daemon->engine));
    const cJSON *item;
    bool is_refused = false;

    cJSON_ArrayForEach (item, sources) {
        const char *source = "(unnamed)";
        const char *text = NULL;
        int r = json_check_members(item, known, error);

        if (r == 0)
            r = json_get_string(item, "source", false, &source, error);
        if (r == 0)
            r = json_get_string(item, "text", true, &text, error);
        if (r < 0)
            return r;
        r = documents_parse(source, text, strlen(text), &options, documents, findings);
        if (r == -ENOMEM)
            return error_errno(error, r, "applying documents");
        is_refused = is_refused || r < 0;
    }
    return is_refused ? -EINVAL : 0;
}

static int apply(struct daemon *daemon, const cJSON *sources, const char *namespace_name, bool is_dry_run,
                 struct findings *findings, cJSON **ret_answer, struct error *error)
{
    _cleanup_(document_list_done) struct document_list documents = {0};
    struct apply_request request = {.documents = &documents, .is_dry_run = is_dry_run};
    cJSON *changes = NULL;
    uint64_t revision = 0;
    int r = parse_sources(daemon, sources, namespace_name, &documents, findings, error);

    if (r == 0)
        r = apply_documents(daemon->engine, &request, findings, &changes, &revision, error);
    if (r < 0) {
        if (findings->n_errors > 0)
            *ret_answer = refusal(findings);
        return r;
    }
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(*ret_answer, "revision", (double)revision);
    (void)cJSON_AddBoolToObject(*ret_answer, "dryRun", is_dry_run);
    (void)cJSON_AddItemToObject(*ret_answer, "changes", changes);
    add_warnings(*ret_answer, findings);
    return 0;
}

int handle_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"documents", "namespace", "dryRun", NULL};
    const cJSON *sources = cJSON_GetObjectItemCaseSensitive(call->body, "documents");
    _cleanup_(findings_done) struct findings findings = {0};
    const char *namespace_name = NULL;
    bool is_dry_run = false;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = change_namespace(call->body, &namespace_name, error);
    if (r == 0)
        r = json_get_bool(call->body, "dryRun", false, &is_dry_run, error);
    if (r == 0 && (!cJSON_IsArray(sources) || cJSON_GetArraySize(sources) < 1))
        r = error_input(error, "documents", sources ? "(not such a list)" : "(missing)",
                        "a list of at least one object with source and text");
    return r < 0 ? r : apply(user, sources, namespace_name, is_dry_run, &findings, ret_answer, error);
}
