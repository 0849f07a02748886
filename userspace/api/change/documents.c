/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/documents: texts of files in, what changed or everything that is wrong out. */
#include "api/change/documents.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "apply/submit.h"
#include "base/cleanup.h"
#include "api/change/changes.h"
#include "api/api.h"

/* One finding as the API lists it. */
static cJSON *finding_object(const struct finding *finding)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "source", finding->source);
    (void)cJSON_AddStringToObject(object, "path", finding->error.field);
    (void)cJSON_AddStringToObject(object, "value", finding->error.value);
    (void)cJSON_AddStringToObject(object, "allowed", finding->error.allowed);
    (void)cJSON_AddStringToObject(object, "message", finding->error.message);
    (void)cJSON_AddStringToObject(object, "code", error_code_name(error_code_of(&finding->error)));
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
            (void)cJSON_AddStringToObject(first, "code",
                                          error_code_name(error_code_of(&findings->items[i].error)));
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

static void add_sources(const struct finding *finding, cJSON *group)
{
    cJSON *sources = cJSON_AddArrayToObject(group, "sources");

    (void)cJSON_AddItemToArray(sources, cJSON_CreateString(finding->source));
    for (size_t i = 0; i < finding->n_more_sources; i++)
        (void)cJSON_AddItemToArray(sources, cJSON_CreateString(finding->more_sources[i]));
}

/* `warnings`, a text for each file that is named, and `warningGroups`, an object for each that differs. */
static cJSON *warnings(const struct findings *findings)
{
    cJSON *both = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(both, "warnings");
    cJSON *groups = cJSON_AddArrayToObject(both, "warningGroups");
    char text[1024];

    for (size_t i = 0; i < findings->n; i++) {
        const struct finding *finding = &findings->items[i];
        cJSON *group;

        if (finding->severity != FINDING_WARNING)
            continue;
        for (size_t s = 0; s <= finding->n_more_sources; s++) {
            (void)snprintf(text, sizeof(text), "%s: %s",
                           s == 0 ? finding->source : finding->more_sources[s - 1], finding->error.message);
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
        }
        group = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(group, "message", finding->error.message);
        (void)cJSON_AddNumberToObject(group, "count", (double)finding->times);
        add_sources(finding, group);
        (void)cJSON_AddItemToArray(groups, group);
    }
    (void)cJSON_AddNumberToObject(both, "warningCount", (double)findings->n_warnings);
    return both;
}

static void add_counts(cJSON *summary, const char *kind, size_t created, size_t updated, size_t deleted)
{
    cJSON *counts = cJSON_AddObjectToObject(summary, kind);

    (void)cJSON_AddNumberToObject(counts, "created", (double)created);
    (void)cJSON_AddNumberToObject(counts, "updated", (double)updated);
    (void)cJSON_AddNumberToObject(counts, "deleted", (double)deleted);
}

static void add_unchanged(cJSON *summary, const char *kind, size_t all, size_t created, size_t updated)
{
    (void)cJSON_AddNumberToObject(cJSON_GetObjectItem(summary, kind), "unchanged",
                                  all > created + updated ? (double)(all - created - updated) : 0);
}

static void add_summary(const struct apply_end *end, cJSON *answer)
{
    const struct change_counts *counts = &end->counts;
    cJSON *summary = cJSON_AddObjectToObject(answer, "summary");

    add_counts(summary, "services", counts->services.created, counts->services.updated,
               counts->services.deleted);
    add_unchanged(summary, "services", end->n_services, counts->services.created, counts->services.updated);
    add_counts(summary, "routes", counts->routes.created, counts->routes.updated, counts->routes.deleted);
    add_counts(summary, "documents", counts->documents.created, counts->documents.updated,
               counts->documents.deleted);
    add_unchanged(summary, "documents", end->n_documents, counts->documents.created,
                  counts->documents.updated);
}

/* A request while its texts are parsed and applied. They stay in its body, which lives as long
 * as the reply. */
struct documents_request {
    struct control_reply *reply;
    bool is_dry_run;
    char *namespace_name; /* the default one: the worker reads it while the catalog may change */
    struct apply_text *texts;
};

static void free_request(struct documents_request *request)
{
    free(request->namespace_name);
    free(request->texts);
    free(request);
}

/* As text: the changes may be a hundred thousand, and are text already. */
static void send_changes(const struct documents_request *request, struct apply_end *end)
{
    _cleanup_json_ cJSON *more = warnings(&end->findings);
    struct evbuffer *text = evbuffer_new();
    struct error error = {0};
    char *said;

    add_summary(end, more);
    said = cJSON_PrintUnformatted(more);

    if (said && text &&
        evbuffer_add_printf(text, "{\"revision\":%" PRIu64 ",\"dryRun\":%s,\"changes\":", end->revision,
                            request->is_dry_run ? "true" : "false") >= 0 &&
        evbuffer_add_buffer(text, end->changes) == 0 &&
        evbuffer_add_printf(text, ",%s", said + 1) >= 0) /* its members follow those */
        control_reply_send_text(request->reply, text);
    else
        control_reply_send(request->reply, -ENOMEM, NULL, &error);
    cJSON_free(said);
    if (text)
        evbuffer_free(text);
}

static void documents_on_applied(struct apply_end *end, void *user)
{
    struct documents_request *request = user;

    if (end->result == 0)
        send_changes(request, end);
    else
        control_reply_send(request->reply, end->result,
                           end->findings.n_errors > 0 ? refusal(&end->findings) : NULL, &end->error);
    free_request(request);
}

static int read_sources(const cJSON *sources, struct apply_text *texts, struct error *error)
{
    static const char *const known[] = {"source", "text", NULL};
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, sources) {
        int r = json_check_members(item, known, error);

        texts[n].source = "(unnamed)";
        if (r == 0)
            r = json_get_string(item, "source", false, &texts[n].source, error);
        if (r == 0)
            r = json_get_string(item, "text", true, &texts[n].text, error);
        if (r < 0) {
            char prefix[32];

            (void)snprintf(prefix, sizeof(prefix), "documents[%zu]", n);
            error_prefix_field(error, prefix);
            return r;
        }
        n++;
    }
    return 0;
}

static int apply(struct api *api, const struct control_call *call, const cJSON *sources,
                 const char *namespace_name, bool is_dry_run, struct error *error)
{
    struct documents_request *request = calloc(1, sizeof(*request));
    struct apply_texts texts = {
        .n = (size_t)cJSON_GetArraySize(sources),
        .is_dry_run = is_dry_run,
        .wants_changes = true,
        .by = control_call_actor(call),
    };
    int r;

    if (!request)
        return -ENOMEM;
    request->is_dry_run = is_dry_run;
    texts.default_namespace = request->namespace_name = strdup(namespace_name);
    texts.items = request->texts = calloc(texts.n, sizeof(*request->texts));
    r = request->texts && request->namespace_name ? read_sources(sources, request->texts, error) : -ENOMEM;
    if (r == 0)
        r = control_call_defer(call, &request->reply, error);
    if (r < 0) {
        free_request(request);
        return r;
    }
    r = apply_submit_texts(api->engine, api->documents_worker, &texts, documents_on_applied, request);
    if (r < 0) {
        struct apply_end refused = {0};

        refused.result = change_not_taken(r, &refused.error);
        documents_on_applied(&refused, request);
    }
    return CONTROL_LATER;
}

int handle_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"documents", "namespace", "dryRun", NULL};
    const cJSON *sources = cJSON_GetObjectItemCaseSensitive(call->body, "documents");
    const char *namespace_name = NULL;
    bool is_dry_run = false;
    struct api *api = user;
    int r = json_check_members(call->body, known, error);

    (void)ret_answer;
    if (r == 0)
        r = change_namespace(api->engine, call->body, &namespace_name, error);
    if (r == 0)
        r = json_get_bool(call->body, "dryRun", false, &is_dry_run, error);
    if (r == 0 && (!cJSON_IsArray(sources) || cJSON_GetArraySize(sources) < 1))
        r = error_input(error, "documents", sources ? "(not such a list)" : "(missing)",
                        "a list of at least one object with source and text");
    return r < 0 ? r : apply(api, call, sources, namespace_name, is_dry_run, error);
}
