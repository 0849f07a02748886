/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/history: what was changed, by whom, newest first. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/read/reads.h"
#include "base/json.h"
#include "base/number.h"
#include "engine/engine.h"
#include "engine/history/history.h"
#include "registry/row_difference.h"
#include "registry/rows.h"

#define DEFAULT_LIMIT 100
#define MOST          1000

struct history_wanted {
    const char *namespace_name; /* NULL: all */
    const char *service;        /* NULL: all */
    uint64_t limit;
    uint64_t before; /* sequence; 0: from the newest on */
};

static int history_read_query(const struct api *api, const struct control_call *call,
                              struct history_wanted *wanted, struct error *error)
{
    const char *limit = evhttp_find_header(call->query, "limit");
    const char *before = evhttp_find_header(call->query, "before");

    wanted->namespace_name = read_wanted_namespace(api, call);
    wanted->service = evhttp_find_header(call->query, "service");
    wanted->limit = DEFAULT_LIMIT;
    if (limit && parse_number(limit, 1, MOST, &wanted->limit) < 0)
        return error_input(error, "limit", limit, "a whole number from 1 to %d", MOST);
    if (before && parse_number(before, 1, (uint64_t)1 << 53, &wanted->before) < 0)
        return error_input(error, "before", before, "the sequence number of an entry");
    return 0;
}

static const char *row_kind_text(enum row_kind kind)
{
    static const char *const names[] = {
        [ROW_NAMESPACE] = "namespace", [ROW_SERVICE] = "service",   [ROW_INSTANCE] = "instance",
        [ROW_ROUTE] = "route",         [ROW_DOCUMENT] = "document", [ROW_GLOBAL_SETTINGS] = "settings",
        [ROW_CANARY] = "canary",       [ROW_AWS] = "aws",
    };

    return (size_t)kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "other";
}

/* Whether text, which is JSON of ours, has this service among a route's or a canary's. */
static bool names_service(const char *text, const char *service)
{
    char part[256];

    (void)snprintf(part, sizeof(part), ":\"%s\"", service);
    return text && strstr(text, part);
}

static bool history_is_wanted(const struct history_wanted *wanted, const struct row_name *name)
{
    if (wanted->namespace_name &&
        (!name->namespace_name || strcmp(name->namespace_name, wanted->namespace_name) != 0))
        return false;
    if (!wanted->service)
        return true;
    if (name->service)
        return strcmp(name->service, wanted->service) == 0;
    return name->kind == ROW_ROUTE || name->kind == ROW_CANARY ||
           (name->kind == ROW_DOCUMENT && strcmp(name->last, wanted->service) == 0);
}

static bool is_route_of(const struct row_name *name, const struct history_entry *entry, const char *service)
{
    size_t length = strlen(service);

    return (strncmp(name->last, service, length) == 0 && name->last[length] == ':') ||
           names_service(entry->before, service) || names_service(entry->after, service);
}

static void history_add_time(cJSON *object, int64_t time_ms)
{
    json_add_time(object, "time", (time_t)(time_ms / 1000));
}

static cJSON *history_object_of(const struct row_name *name, const struct history_entry *entry)
{
    const char *was = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry->json, "was"));
    cJSON *object = cJSON_CreateObject();
    char what[1024];

    if (entry->is_withheld)
        (void)snprintf(what, sizeof(what), "%s", was ? was : "changed");
    else
        row_tell_difference(entry->before, entry->after, what, sizeof(what));
    (void)cJSON_AddNumberToObject(object, "sequence", (double)entry->sequence);
    (void)cJSON_AddNumberToObject(object, "revision", (double)entry->revision);
    history_add_time(object, entry->time_ms);
    (void)cJSON_AddItemToObject(object, "by", actor_json(&entry->by));
    (void)cJSON_AddStringToObject(object, "operation", entry->operation);
    (void)cJSON_AddStringToObject(object, "kind", row_kind_text(name->kind));
    (void)cJSON_AddStringToObject(object, "namespace", name->namespace_name ? name->namespace_name : "");
    (void)cJSON_AddStringToObject(object, "service", name->service ? name->service : "");
    (void)cJSON_AddStringToObject(object, "name", name->last ? name->last : "");
    (void)cJSON_AddStringToObject(object, "client", name->client ? name->client : "");
    (void)cJSON_AddStringToObject(object, "change", what);
    if (entry->before)
        (void)cJSON_AddRawToObject(object, "before", entry->before);
    if (entry->after)
        (void)cJSON_AddRawToObject(object, "after", entry->after);
    if (entry->is_withheld)
        (void)cJSON_AddTrueToObject(object, "isWithheld");
    if (entry->more)
        (void)cJSON_AddNumberToObject(object, "more", entry->more);
    return object;
}

int read_history(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct api *api = user;
    const struct history *history = engine_history(api->engine);
    struct history_wanted wanted = {0};
    uint64_t sequence, oldest, n = 0;
    cJSON *answer, *list;
    int r = history_read_query(api, call, &wanted, error);

    if (r < 0)
        return r;
    answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(answer, "history");
    oldest = history_oldest(history);
    sequence = history_newest(history);
    if (wanted.before && wanted.before <= sequence)
        sequence = wanted.before - 1;
    for (; oldest && sequence >= oldest && n < wanted.limit; sequence--) {
        const char *key = history_key(history, sequence);
        struct history_entry entry;
        struct row_name name;

        if (!key || row_parse_key(key, &name) < 0 || !history_is_wanted(&wanted, &name) ||
            history_read(history, sequence, &entry) < 0)
            continue;
        if (!wanted.service || name.service || name.kind == ROW_DOCUMENT ||
            is_route_of(&name, &entry, wanted.service)) {
            (void)cJSON_AddItemToArray(list, history_object_of(&name, &entry));
            n++;
        }
        history_entry_done(&entry);
    }
    (void)cJSON_AddNumberToObject(answer, "oldest", (double)oldest);
    (void)cJSON_AddNumberToObject(answer, "next", oldest && sequence >= oldest ? (double)(sequence + 1) : 0);
    *ret_answer = answer;
    return 0;
}
