/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to web/: the live stream between its rounds (live.c) and what it tells in them (live_kinds.c). */
#pragma once

#include "observe/web/live.h"
#include "observe/web/live_items.h"
#include "observe/web/live_seen.h"

enum live_stage {
    LIVE_WAITING,
    LIVE_LOOKING, /* at the endpoints */
    LIVE_LOOKING_AT_CALLERS,
    LIVE_NOTING_SERVICES,
    LIVE_SERVICES,
    LIVE_NOTING_ALIASES,
    LIVE_ALIASES,
    LIVE_ENDPOINTS,
    LIVE_NOTING_TASKS,
    LIVE_TASKS,
    LIVE_CALLERS,
    LIVE_CANARIES,
    LIVE_EVENTS_OF_LOG,
    LIVE_STATUS,
    LIVE_END,
};

struct live {
    struct live_settings settings;
    char *namespace_name, *service; /* NULL: no service's endpoints */
    struct live_seen seen;
    struct evbuffer *out; /* of the slice that is being written */
    enum live_stage stage;
    bool has_begun;

    uint64_t began_ms, spent_ns; /* of this round */
    uint64_t steps;              /* the engine's, as it began */
    uint64_t totals_round;
    struct list_noting noting;
    size_t next;
    struct live_endpoints endpoints;
    bool is_in_service; /* whose endpoints are told behind it */
    uint64_t *tasks;    /* cgroup ids */
    size_t n_tasks;
    uint32_t caller;                /* the row that had its turn last */
    uint64_t tasks_ms;              /* when they were looked at; 0: never */
    uint64_t event, settled_events; /* the last that had its turn; that cannot change any more */
};

/* Steps of a stage. 1: it goes on; 0: it has ended; a negative errno. */
int live_services_step(struct live *live);
int live_aliases_step(struct live *live);
int live_endpoints_step(struct live *live);
int live_note_tasks(struct live *live);
int live_tasks_step(struct live *live);
int live_callers_step(struct live *live);
int live_canaries_step(struct live *live);
int live_events_step(struct live *live);
int live_status_step(const struct live *live);

/* Notes what there is of it, in the stage that follows. */
void live_begin_noting(struct live *live, list_note_fn note);
