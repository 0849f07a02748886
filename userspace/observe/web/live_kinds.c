/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is told in a round, one kind after the other, and of each what its reader does not know yet. */
#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/callers.h"
#include "api/read/reads.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "observe/web/live_internal.h"

#define LIVE_FEW_EVENTS 1024 /* digests of events that are kept though they cannot change any more */

static const char *const live_names[LIVE_KINDS] = {
    [LIVE_SERVICE] = "service", [LIVE_ALIAS] = "alias",   [LIVE_ENDPOINT] = "endpoint", [LIVE_TASK] = "task",
    [LIVE_CALLER] = "caller",   [LIVE_CANARY] = "canary", [LIVE_EVENT] = "event",
};

/* ---- telling ---- */

static int tell_text(const struct live *live, const char *event, const char *text)
{
    return evbuffer_add_printf(live->out, "event: %s\ndata: ", event) < 0 ||
                   evbuffer_add(live->out, text, strlen(text)) < 0 || evbuffer_add(live->out, "\n\n", 2) < 0
               ? -ENOMEM
               : 0;
}

/* Frees the text; NULL: there is nothing to be told. */
static int tell_item(struct live *live, enum live_kind kind, uint64_t key, char *text)
{
    int r = 0;

    if (text)
        r = live_seen_take(&live->seen, kind, key, live_digest(0, text, strlen(text)));
    if (r > 0)
        r = tell_text(live, live_names[kind], text);
    free(text);
    return r;
}

static int tell_object(struct live *live, enum live_kind kind, uint64_t key, cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);

    cJSON_Delete(object);
    return text ? tell_item(live, kind, key, text) : -ENOMEM;
}

static uint64_t key_of(enum live_kind kind, const struct list_key *key)
{
    const uint32_t numbers[] = {kind, key->port, key->protocol};
    uint64_t digest = live_digest(0, numbers, sizeof(numbers));

    digest = live_digest(digest, key->namespace_name, strlen(key->namespace_name) + 1);
    return live_digest(digest, key->name, strlen(key->name) + 1);
}

/* All of a kind had their turn. Where some have gone, those that are left come anew with the next round. */
static int end_kind(struct live *live, enum live_kind kind)
{
    char text[64];

    if (!live_seen_lacks(&live->seen, kind))
        return 0;
    (void)snprintf(text, sizeof(text), "{\"kind\":\"%s\"}", live_names[kind]);
    live->steps = 0; /* which begins soon */
    if (kind == LIVE_TASK)
        live->tasks_ms = 0;
    return live_seen_forget(&live->seen, kind) < 0 ? -ENOMEM : tell_text(live, "again", text);
}

/* ---- kinds; each is a step: 1: the stage goes on, 0: it has ended ---- */

void live_begin_noting(struct live *live, list_note_fn note)
{
    list_names_done(&live->noting.names);
    live->noting = (struct list_noting){.engine = live->settings.api->engine, .note = note};
}

/* Items begin with id and address, by which those of a service are told apart. */
static uint64_t endpoint_key(const struct list_key *service, const char *text)
{
    const char *end = strstr(text, ",\"port\":");

    return live_digest(key_of(LIVE_ENDPOINT, service), text, end ? (size_t)(end - text) : strlen(text));
}

/* The next of a service. 1: there may be more; 0: that was the last. */
static int tell_endpoint(struct live *live, const struct list_key *service)
{
    char *text = NULL;
    int r = live_endpoint_text(live->settings.api, service, &live->endpoints, &text);
    int told = r >= 0 && text ? tell_item(live, LIVE_ENDPOINT, endpoint_key(service, text), text) : 0;

    if (r > 0 && told >= 0)
        return 1;
    live_endpoints_done(&live->endpoints);
    return r < 0 ? r : told < 0 ? told : 0;
}

static bool tells_all_endpoints(const struct live *live)
{
    return live->settings.has_all_endpoints &&
           engine_catalog(live->settings.api->engine)->n_instances <= LIVE_MOST_ENDPOINTS;
}

int live_services_step(struct live *live)
{
    struct list_key key;
    char *text = NULL;
    int r;

    if (live->next == live->noting.names.n) {
        live_begin_noting(live, alias_list.note);
        return end_kind(live, LIVE_SERVICE);
    }
    key = list_names_key(&live->noting.names, live->next);
    if (live->is_in_service) {
        r = tell_endpoint(live, &key);
        live->is_in_service = r > 0;
        live->next += !live->is_in_service;
        return r < 0 ? r : 1;
    }
    r = live_service_text(&live->settings, &key, &text);
    if (r == 0)
        r = tell_item(live, LIVE_SERVICE, key_of(LIVE_SERVICE, &key), text);
    live->is_in_service = tells_all_endpoints(live);
    live->next += !live->is_in_service;
    return r < 0 ? r : 1;
}

int live_aliases_step(struct live *live)
{
    struct list_key key;
    char *text = NULL;
    int r;

    if (live->next == live->noting.names.n)
        return end_kind(live, LIVE_ALIAS);
    key = list_names_key(&live->noting.names, live->next++);
    r = live_alias_text(live->settings.api, &key, &text);
    if (r == 0)
        r = tell_item(live, LIVE_ALIAS, key_of(LIVE_ALIAS, &key), text);
    return r < 0 ? r : 1;
}

int live_endpoints_step(struct live *live)
{
    const struct list_key key = {.namespace_name = live->namespace_name, .name = live->service};
    int r = live->service && !tells_all_endpoints(live) ? tell_endpoint(live, &key) : 0;

    return r == 0 ? end_kind(live, LIVE_ENDPOINT) : r;
}

int live_note_tasks(struct live *live)
{
    const struct task *all = live->settings.api->tasks ? live->settings.api->tasks->all : NULL;
    uint64_t *larger = realloc(live->tasks, (HASH_COUNT(all) + 1) * sizeof(*larger));

    if (!larger)
        return -ENOMEM;
    live->tasks = larger;
    live->n_tasks = 0;
    live->next = 0;
    for (const struct task *task = all; task; task = task->hh.next)
        live->tasks[live->n_tasks++] = task->cgroup.id;
    live->tasks_ms = live->began_ms;
    return 0;
}

int live_tasks_step(struct live *live)
{
    struct api *api = live->settings.api;
    const struct task *task = NULL;
    uint64_t key[2] = {LIVE_TASK};
    int r = 0;

    if (live->next == live->n_tasks)
        return end_kind(live, LIVE_TASK);
    key[1] = live->tasks[live->next++];
    HASH_FIND(hh, api->tasks->all, &key[1], sizeof(key[1]), task);
    if (task)
        r = tell_object(live, LIVE_TASK, live_digest(0, key, sizeof(key)), read_task(api, task));
    return r < 0 ? r : 1;
}

/* Row by row, as the list of them tells each. */
int live_callers_step(struct live *live)
{
    const struct api *api = live->settings.api;
    uint64_t key[2] = {LIVE_CALLER};
    cJSON *item;
    int r = 0;

    if (!live->settings.has_callers || !live->settings.callers)
        return 0;
    while (live->caller < SVC_CALLERS && !datapath_caller(api->datapath, live->caller + 1)->caller)
        live->caller++;
    if (live->caller == SVC_CALLERS) {
        live->caller = 0;
        return end_kind(live, LIVE_CALLER);
    }
    key[1] = ++live->caller;
    item = read_caller(api, live->caller);
    if (item)
        r = tell_object(live, LIVE_CALLER, live_digest(0, key, sizeof(key)), item);
    return r < 0 ? r : 1;
}

static const char *live_member(const cJSON *object, const char *member)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));

    return text ? text : "";
}

/* There are few, so they are one piece. */
int live_canaries_step(struct live *live)
{
    struct evkeyvalq none = {0};
    const struct control_call call = {.query = &none};
    cJSON *answer = NULL;
    struct error error;
    int r = read_canaries(&call, &answer, &error, live->settings.api);
    cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "canaries");

    while (r >= 0 && cJSON_GetArraySize(list) > 0) {
        cJSON *item = cJSON_DetachItemFromArray(list, 0);
        const struct list_key key = {
            .namespace_name = live_member(item, "namespace"),
            .name = live_member(item, "dnsName"),
            .port = (uint16_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(item, "port")),
        };
        uint64_t number = live_digest(key_of(LIVE_CANARY, &key), live_member(item, "client"),
                                      strlen(live_member(item, "client")));

        r = tell_object(live, LIVE_CANARY, number, item);
    }
    cJSON_Delete(answer);
    return r < 0 ? r : end_kind(live, LIVE_CANARY);
}

/* Those that may still change are looked at in each round. */
int live_events_step(struct live *live)
{
    const struct event_log *log = live->settings.api->events;
    const struct event_entry *entry = log ? event_log_next(log, live->event) : NULL;
    uint64_t key[2] = {LIVE_EVENT};
    int r;

    if (!entry && live->seen.n_of_kind[LIVE_EVENT] > LIVE_FEW_EVENTS && live->event == live->settled_events)
        return live_seen_forget(&live->seen, LIVE_EVENT);
    if (!entry)
        return 0;
    if (live->event == live->settled_events && !event_log_is_open(log, entry))
        live->settled_events = entry->sequence;
    live->event = entry->sequence;
    key[1] = entry->sequence;
    r = tell_object(live, LIVE_EVENT, live_digest(0, key, sizeof(key)), read_event(entry));
    return r < 0 ? r : 1;
}

int live_status_step(const struct live *live)
{
    struct evkeyvalq none = {0};
    const struct control_call call = {.query = &none};
    _cleanup_free_ char *text = NULL;
    cJSON *answer = NULL;
    struct error error;
    int r = live->settings.has_status ? read_status(&call, &answer, &error, live->settings.api) : 0;

    if (r < 0 || !answer)
        return r;
    text = cJSON_PrintUnformatted(answer);
    cJSON_Delete(answer);
    return text ? tell_text(live, "status", text) : -ENOMEM;
}
