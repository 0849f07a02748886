/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "events/connection_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/legible.h"

int connection_log_init(struct connection_log *log)
{
    *log = (struct connection_log){.ring = calloc(CONNECTION_LOG_CAPACITY, sizeof(*log->ring))};
    return log->ring ? 0 : -ENOMEM;
}

void connection_log_done(struct connection_log *log)
{
    for (size_t i = 0; log->ring && i < CONNECTION_LOG_CAPACITY; i++)
        free(log->ring[i].texts);
    free(log->ring);
    *log = (struct connection_log){0};
}

/* The names, copied into one piece of memory. */
static char *copy_names(const struct connection_names *names, struct connection_names *ret_names)
{
    const char *const from[] = {names->namespace_name, names->client,  names->cgroup,
                                names->alias,          names->service, names->instance};
    const char **to[] = {&ret_names->namespace_name, &ret_names->client,  &ret_names->cgroup,
                         &ret_names->alias,          &ret_names->service, &ret_names->instance};
    size_t size = 0;
    char *texts, *next;

    for (size_t i = 0; i < ARRAY_SIZE(from); i++)
        size += strlen(from[i]) + 1;
    next = texts = malloc(size);
    for (size_t i = 0; texts && i < ARRAY_SIZE(from); i++) {
        *to[i] = next;
        next = stpcpy(next, from[i]) + 1;
    }
    return texts;
}

void connection_log_add(struct connection_log *log, const struct svc_connection *what, int64_t time_ms,
                        const struct connection_names *names)
{
    struct connection_entry entry = {.time_ms = time_ms, .what = *what};
    struct connection_entry *place;

    if (!log->ring)
        return;
    entry.texts = copy_names(names, &entry.names);
    if (!entry.texts)
        return;
    entry.what.process[SVC_PROCESS_SIZE - 1] = '\0';
    text_make_legible(entry.what.process); /* a process calls itself what it likes */
    entry.sequence = ++log->newest;
    place = &log->ring[entry.sequence % CONNECTION_LOG_CAPACITY];
    free(place->texts);
    *place = entry;
}

uint64_t connection_log_oldest(const struct connection_log *log)
{
    return log->newest < CONNECTION_LOG_CAPACITY ? 1 : log->newest - CONNECTION_LOG_CAPACITY + 1;
}

const struct connection_entry *connection_log_next(const struct connection_log *log, uint64_t after)
{
    uint64_t sequence = after + 1;

    if (sequence < connection_log_oldest(log))
        sequence = connection_log_oldest(log);
    return sequence > log->newest ? NULL : &log->ring[sequence % CONNECTION_LOG_CAPACITY];
}

uint64_t connection_duration_us(const struct svc_connection *what)
{
    if (!what->begun)
        return UINT64_MAX;
    return what->ended > what->begun ? (what->ended - what->begun) / 1000 : 0;
}

static bool is_name_wanted(const char *wanted, const char *name)
{
    return !wanted || strcmp(wanted, name) == 0;
}

bool connection_is_wanted(const struct connection_filter *filter, const struct connection_entry *entry)
{
    const struct connection_names *names = &entry->names;

    return is_name_wanted(filter->namespace_name, names->namespace_name) &&
           is_name_wanted(filter->client, *names->client ? names->client : names->cgroup) &&
           is_name_wanted(filter->service, *names->service ? names->service : names->alias) &&
           (!filter->only_failed || entry->what.outcome != CLOSED) &&
           (!filter->slow_us || connection_duration_us(&entry->what) >= filter->slow_us);
}

const char *connection_outcome(uint32_t outcome)
{
    static const char *const names[] = {
        [REFUSED] = "refused",
        [TIMED_OUT] = "timedOut",
        [GAVE_UP] = "gaveUp",
        [CLOSED] = "closed",
        [RESET_EARLY] = "resetEarly",
        [SVC_REFUSED_NO_ENDPOINT] = "noEndpoint",
        [SVC_REFUSED_NO_ALIAS] = "noAlias",
        [SVC_REFUSED_POLICY] = "denied",
    };

    return outcome < ARRAY_SIZE(names) && names[outcome] ? names[outcome] : "unknown";
}

const char *connection_reason(uint32_t outcome)
{
    static const char *const reasons[] = {
        [REFUSED] = "nobody listens at the endpoint (ECONNREFUSED)",
        [TIMED_OUT] = "nothing came back in time (ETIMEDOUT)",
        [GAVE_UP] = "the client closed it before an answer came",
        [RESET_EARLY] = "the endpoint reset it before it had answered (ECONNRESET)",
        [SVC_REFUSED_NO_ENDPOINT] = "the alias has no endpoint that connects are sent to (ECONNREFUSED)",
        [SVC_REFUSED_NO_ALIAS] = "the task has no alias at that address and port (ECONNREFUSED)",
        [SVC_REFUSED_POLICY] = "the task may not call the service (EACCES)",
    };

    return outcome < ARRAY_SIZE(reasons) ? reasons[outcome] : NULL;
}
