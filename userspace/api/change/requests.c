/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The request table, and the requests that change something. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "canaries/canaries.h"
#include "api/change/changes.h"
#include "api/api.h"
#include "engine/engine.h"
#include "api/read/reads.h"
#include "api/change/documents.h"
#include "api/change/ejections.h"
#include "api/change/policy_close.h"
#include "api/change/rollback.h"
#include "api/change/registry.h"
#include "api/change/starts.h"
#include "api/change/stops.h"
#include "api/change/tasks.h"
#include "api/change/warnings.h"
#include "documents/documents.h"
#include "model/names.h"
#include "engine/change/job.h"

#define MAX_BATCH 10000

/* How long a batch puts rows before it gives the loop to others. */
#define BATCH_PIECE_NS 2000000

cJSON *requests_new_answer(void)
{
    cJSON *answer = cJSON_CreateObject();

    (void)cJSON_AddArrayToObject(answer, "warnings");
    return answer;
}

/* ---- changes: jobs whose end is the answer ---- */

struct change_request {
    struct api *api;
    struct control_reply *reply;
    change_fn change; /* NULL: a batch */
    cJSON *answer;
    cJSON *next; /* of a batch: the item that comes now */
    int n_done;
};

/* Of one change that has been made: `change`'s names are in its answer. What it takes away is told of all at
 * the end. */
static void requests_warn(const struct change_request *request, const struct transaction *transaction,
                          change_fn change, const cJSON *body, cJSON *answer)
{
    struct error error = {0};
    const char *namespace_name = NULL;
    const char *client;

    if (change != change_set_route ||
        change_namespace(transaction_engine(transaction), body, &namespace_name, &error) < 0)
        return;
    warnings_add_empty_targets(transaction, namespace_name, cJSON_GetObjectItemCaseSensitive(body, "targets"),
                               answer);
    client = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "client"));
    if (client && *client)
        warnings_add_client(request->api, namespace_name, client, answer);
}

static int requests_run_change(struct transaction *transaction, void *user, struct error *error)
{
    struct change_request *request = user;
    const cJSON *body = control_reply_call(request->reply)->body;
    int r;

    cJSON_Delete(request->answer);
    request->answer = requests_new_answer();
    r = request->change(transaction, body, request->answer, error);
    if (r == 0 || r == JOB_TAKE_BACK) {
        requests_warn(request, transaction, request->change, body, request->answer);
        warnings_add_losses(transaction, request->answer);
    }
    return r;
}

static void requests_on_done(int r, uint64_t revision, const struct error *error, void *user)
{
    struct change_request *request = user;
    struct error said = error ? *error : (struct error){0};

    if (r == 0)
        (void)cJSON_AddNumberToObject(request->answer, "revision", (double)revision);
    else
        cJSON_Delete(request->answer);
    control_reply_send(request->reply, r, r == 0 ? request->answer : NULL, &said);
    free(request);
}

static int requests_submit(const struct control_call *call, change_fn change,
                           int (*run)(struct transaction *transaction, void *user, struct error *error),
                           const char *operation, struct api *api, struct error *error)
{
    struct change_request *request = calloc(1, sizeof(*request));
    const struct job job = {.run = run,
                            .done = requests_on_done,
                            .user = request,
                            .by = control_call_actor(call),
                            .operation = operation};
    int r;

    if (!request)
        return -ENOMEM;
    request->api = api;
    request->change = change;
    r = control_call_defer(call, &request->reply, error);
    if (r < 0) {
        free(request);
        return r;
    }
    r = engine_submit(api->engine, &job);
    if (r < 0) {
        struct error refused = {0};

        requests_on_done(change_not_taken(r, &refused), 0, &refused, request);
    }
    return CONTROL_LATER;
}

#define CHANGE_REQUEST(name)                                                                                 \
    static int handle_##name(const struct control_call *call, cJSON **ret_answer, struct error *error,       \
                             void *user)                                                                     \
    {                                                                                                        \
        (void)ret_answer;                                                                                    \
        return requests_submit(call, change_##name, requests_run_change, #name, user, error);                \
    }

CHANGE_REQUEST(register)
CHANGE_REQUEST(update)
CHANGE_REQUEST(deregister)
CHANGE_REQUEST(drain)
CHANGE_REQUEST(declare)
CHANGE_REQUEST(delete_service)
CHANGE_REQUEST(set_route)
CHANGE_REQUEST(clear_route)
CHANGE_REQUEST(set_settings)
CHANGE_REQUEST(start_canary)
CHANGE_REQUEST(canary)
CHANGE_REQUEST(rollback)

/* ---- batches ---- */

/* One of a batch: "op" says which change, the rest is its body. It may be run again, so it is put together
 * again. */
static int batch_item(struct transaction *transaction, struct change_request *request, cJSON *item,
                      struct error *error)
{
    _cleanup_json_ cJSON *answer = requests_new_answer();
    const char *name = NULL;
    change_fn do_change;
    cJSON *op;
    int r = json_get_string(item, "op", true, &name, error);

    if (r < 0)
        return r;
    do_change = change_by_name(name);
    if (!do_change) {
        char names[160];

        change_list_names(names, sizeof(names));
        return error_input(error, "op", name, "%s", names);
    }
    op = cJSON_DetachItemFromObjectCaseSensitive(item, "op");
    r = do_change(transaction, item, answer, error);
    if (r == 0) {
        const cJSON *warning;

        requests_warn(request, transaction, do_change, item, answer);
        cJSON_ArrayForEach (warning, cJSON_GetObjectItemCaseSensitive(answer, "warnings"))
            warnings_add(request->answer, cJSON_GetStringValue(warning));
    }
    (void)cJSON_AddItemToObject(item, "op", op);
    return r;
}

/* As many items as fit into a piece of time. */
static int run_batch(struct transaction *transaction, void *user, struct error *error)
{
    struct change_request *request = user;
    const cJSON *body = control_reply_call(request->reply)->body;
    uint64_t until = clock_monotonic_ns() + BATCH_PIECE_NS;

    if (transaction_is_new_run(transaction)) {
        cJSON_Delete(request->answer);
        request->answer = requests_new_answer();
        request->next = cJSON_GetObjectItemCaseSensitive(body, "changes")->child;
        request->n_done = 0;
    }
    for (; request->next; request->next = request->next->next, request->n_done++) {
        int r;

        if (clock_monotonic_ns() >= until)
            return JOB_GO_ON;
        r = cJSON_IsObject(request->next) ? batch_item(transaction, request, request->next, error)
                                          : error_input(error, "", "(no object)", "an object with op");
        if (r == JOB_GO_ON)
            return r;
        if (r < 0) {
            char prefix[32];

            (void)snprintf(prefix, sizeof(prefix), "changes[%d]", request->n_done);
            error_prefix_field(error, prefix);
            return r;
        }
    }
    warnings_add_losses(transaction, request->answer);
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "dryRun")) ? JOB_TAKE_BACK : 0;
}

static int handle_batch(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"changes", "dryRun", NULL};
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(call->body, "changes");
    bool is_dry_run;
    int r = json_check_members(call->body, known, error);

    (void)ret_answer;
    if (r == 0)
        r = json_get_bool(call->body, "dryRun", false, &is_dry_run, error);
    if (r < 0)
        return r;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) < 1 || cJSON_GetArraySize(list) > MAX_BATCH)
        return error_input(error, "changes", list ? "(not such a list)" : "(missing)",
                           "a list of 1 to %d changes", MAX_BATCH);
    return requests_submit(call, NULL, run_batch, "batch", user, error);
}

static bool is_steady(const void *user)
{
    return engine_is_steady(((const struct api *)user)->engine);
}

static int when_steady(void *user, void (*function)(void *waiter), void *waiter)
{
    return engine_when_steady(((struct api *)user)->engine, function, waiter);
}

const struct control_gate api_gate = {is_steady, when_steady};

/* Changes do not wait for the gate, so that they share commits. */
const struct control_route api_requests[] = {
    {EVHTTP_REQ_POST, "/v1/instances", handle_register, 0, false},
    {EVHTTP_REQ_PATCH, "/v1/instances", handle_update, 0, false},
    {EVHTTP_REQ_DELETE, "/v1/instances", handle_deregister, 0, false},
    {EVHTTP_REQ_POST, "/v1/drains", handle_drain, 0, false},
    {EVHTTP_REQ_POST, "/v1/ejections", handle_eject, 0, true},
    {EVHTTP_REQ_DELETE, "/v1/ejections", handle_uneject, 0, true},
    {EVHTTP_REQ_PUT, "/v1/services", handle_declare, 0, false},
    {EVHTTP_REQ_DELETE, "/v1/services", handle_delete_service, 0, false},
    {EVHTTP_REQ_PUT, "/v1/routes", handle_set_route, 0, false},
    {EVHTTP_REQ_DELETE, "/v1/routes", handle_clear_route, 0, false},
    {EVHTTP_REQ_PUT, "/v1/settings", handle_set_settings, 0, false},
    {EVHTTP_REQ_GET, "/v1/settings", read_settings, 0, true},
    {EVHTTP_REQ_GET, "/v1/policies", read_policies, 0, true},
    {EVHTTP_REQ_GET, "/v1/policies/check", read_policy_check, 0, true},
    {EVHTTP_REQ_POST, "/v1/policies/close", handle_policy_close, 0, true},
    {EVHTTP_REQ_POST, "/v1/canaries", handle_start_canary, 0, false},
    {EVHTTP_REQ_PATCH, "/v1/canaries", handle_canary, 0, false},
    {EVHTTP_REQ_GET, "/v1/canaries", read_canaries, 0, true},
    {EVHTTP_REQ_POST, "/v1/batch", handle_batch, 0, false},
    {EVHTTP_REQ_POST, "/v1/documents", handle_documents, DOCUMENTS_MAX_BYTES, false},
    {EVHTTP_REQ_GET, "/v1/documents", read_documents, 0, true},
    {EVHTTP_REQ_POST, "/v1/tasks", change_attach, 0, true},
    {EVHTTP_REQ_DELETE, "/v1/tasks", change_detach, 0, true},
    {EVHTTP_REQ_POST, "/v1/starts", handle_start, 0, false},
    {EVHTTP_REQ_POST, "/v1/stops", handle_stop, 0, true},
    {EVHTTP_REQ_POST, "/v1/registry/accept", handle_accept_registry, 0, true},
    {EVHTTP_REQ_POST, "/v1/registry/restore", handle_restore_registry, 0, true},
    {EVHTTP_REQ_GET, "/v1/status", read_status, 0, true},
    {EVHTTP_REQ_GET, "/v1/services", read_services, 0, true},
    {EVHTTP_REQ_GET, "/v1/endpoints", read_endpoints, 0, true},
    {EVHTTP_REQ_GET, "/v1/aliases", read_aliases, 0, true},
    {EVHTTP_REQ_GET, "/v1/routes", read_routes, 0, true},
    {EVHTTP_REQ_GET, "/v1/containers", read_containers, 0, false},
    {EVHTTP_REQ_GET, "/v1/tasks", read_tasks, 0, true},
    {EVHTTP_REQ_GET, "/v1/callers", read_callers, 0, true},
    {EVHTTP_REQ_GET, "/v1/connections", read_connections, 0, false},
    {EVHTTP_REQ_GET, "/v1/explain", read_explain, 0, true},
    {EVHTTP_REQ_GET, "/v1/hosts", read_hosts, 0, true},
    {EVHTTP_REQ_GET, "/v1/history", read_history, 0, true},
    {EVHTTP_REQ_POST, "/v1/rollback", handle_rollback, 0, false},
    {EVHTTP_REQ_GET, "/v1/events", read_events, 0, true},
    {EVHTTP_REQ_GET, "/metrics", read_metrics, 0, true},
    {0, NULL, NULL, 0, false},
};
