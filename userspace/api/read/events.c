/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/events: the event log from a number on. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "api/api.h"
#include "events/event_log.h"
#include "api/read/reads.h"

#define MAX_SEQUENCE ((uint64_t)1 << 53) /* what a JSON number holds exactly */

struct wanted {
    const char *namespace_name; /* NULL: all */
    bool has_after;
    uint64_t after;
    bool only_settled;
};

static int read_query(const struct api *api, const struct control_call *call, struct wanted *wanted,
                      struct error *error)
{
    const char *after = evhttp_find_header(call->query, "after");
    const char *settled = evhttp_find_header(call->query, "settled");

    wanted->namespace_name = read_wanted_namespace(api, call);
    wanted->has_after = after != NULL;
    if (after && parse_number(after, 0, MAX_SEQUENCE, &wanted->after) < 0)
        return error_input(error, "after", after, "the sequence number of an event, or 0");
    if (settled && strcmp(settled, "true") != 0 && strcmp(settled, "false") != 0)
        return error_input(error, "settled", settled, "true or false");
    wanted->only_settled = settled && strcmp(settled, "true") == 0;
    return 0;
}

static void events_add_time(cJSON *object, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    char date[32];
    char text[48];

    if (!gmtime_r(&seconds, &parts) || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        date[0] = '\0';
    (void)snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(time_ms % 1000));
    (void)cJSON_AddStringToObject(object, "time", text);
}

cJSON *read_event(const struct event_entry *entry)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(object, "sequence", (double)entry->sequence);
    events_add_time(object, entry->time_ms);
    (void)cJSON_AddStringToObject(object, "kind", event_kind_name(entry->kind));
    (void)cJSON_AddStringToObject(object, "namespace", entry->namespace_name);
    (void)cJSON_AddStringToObject(object, "service", entry->service);
    (void)cJSON_AddStringToObject(object, "instance", entry->instance);
    (void)cJSON_AddStringToObject(object, "message", entry->message);
    (void)cJSON_AddNumberToObject(object, "count", entry->count);
    return object;
}

/* What concerns no namespace concerns everybody. */
static bool events_is_wanted(const struct wanted *wanted, const struct event_entry *entry)
{
    return !wanted->namespace_name || !entry->namespace_name[0] ||
           strncmp(wanted->namespace_name, entry->namespace_name, sizeof(entry->namespace_name) - 1) == 0;
}

int read_events(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const struct event_log *log = ((struct api *)user)->events;
    const struct event_entry *entry;
    struct wanted wanted = {0};
    uint64_t next;
    cJSON *answer, *list;
    int r = read_query(user, call, &wanted, error);

    if (r < 0)
        return r;
    answer = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(answer, "events");
    /* A number from before a restart: where the new ones end. */
    next = wanted.after < event_log_newest(log) ? wanted.after : event_log_newest(log);
    while ((entry = event_log_next(log, next))) {
        if (wanted.only_settled && event_log_is_open(log, entry))
            break;
        if (events_is_wanted(&wanted, entry))
            (void)cJSON_AddItemToArray(list, read_event(entry));
        next = entry->sequence;
    }
    (void)cJSON_AddNumberToObject(answer, "next", (double)next);
    (void)cJSON_AddBoolToObject(answer, "lost", wanted.has_after && wanted.after + 1 < event_log_oldest(log));
    (void)cJSON_AddStringToObject(answer, "epoch", event_log_epoch(log));
    *ret_answer = answer;
    return 0;
}
