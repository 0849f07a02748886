/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A data path on plain memory: its record, events, grace periods, and one run after the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/memory_internal.h"

#define EVENTS_AT_ONCE 1024

/* ---- the record ---- */

/* Without memory there is none, which no test takes for what it wants. */
static void start_record(struct memory *memory)
{
    if (memory->record)
        (void)fclose(memory->record);
    free(memory->record_text);
    memory->record_text = NULL;
    memory->record = open_memstream(&memory->record_text, &memory->record_size);
}

/* An entry of a hash map is put when it is one, deleted when it is none. */
static void memory_note(struct datapath *datapath, const char *what, uint32_t number, uint32_t count)
{
    if (strcmp(what, "slots") == 0)
        RECORD(datapath, "slots %u+%u\n", number, count);
    else if (strcmp(what, "identity") == 0 || strcmp(what, "tables") == 0)
        RECORD(datapath, "%s %u\n", what, number);
    else if (strcmp(what, "outlier") == 0)
        RECORD(datapath, "outlier\n");
    else
        RECORD(datapath, "%s %s %u\n", count ? "put" : "delete", what, number);
}

const char *memory_datapath_record(struct datapath *datapath)
{
    struct memory *memory = datapath->memory;

    if (!memory->record || fflush(memory->record) != 0)
        return "out of memory\n";
    return memory->record_text;
}

void memory_datapath_forget_record(struct datapath *datapath)
{
    start_record(datapath->memory);
}

/* ---- events ---- */

static int memory_listen(struct datapath *datapath,
                         void (*on_event)(const struct svc_event *event, void *user), void *user)
{
    datapath->memory->on_event = on_event;
    datapath->memory->user = user;
    return 0;
}

static int memory_events_fd(const struct datapath *datapath)
{
    return datapath->memory->events[0];
}

static void memory_read_events(struct datapath *datapath)
{
    struct memory *memory = datapath->memory;
    struct svc_event event;

    for (int i = 0; i < EVENTS_AT_ONCE; i++) {
        if (read(memory->events[0], &event, sizeof(event)) != sizeof(event))
            return;
        memory->on_event(&event, memory->user);
    }
}

int memory_datapath_tell(struct datapath *datapath, const struct svc_event *event)
{
    return write(datapath->memory->events[1], event, sizeof(*event)) < 0 ? -errno : 0;
}

static unsigned memory_read_connections(struct datapath *datapath, unsigned most, connection_fn on_connection,
                                        void *user)
{
    struct svc_connection connection;
    unsigned n = 0;

    while (n < most &&
           read(datapath->memory->connections[0], &connection, sizeof(connection)) == sizeof(connection)) {
        on_connection(&connection, user);
        n++;
    }
    return n;
}

int memory_datapath_log(struct datapath *datapath, const struct svc_connection *connection)
{
    return write(datapath->memory->connections[1], connection, sizeof(*connection)) < 0 ? -errno : 0;
}

/* ---- grace periods ---- */

void memory_datapath_hold_grace(struct datapath *datapath)
{
    datapath->memory->holds_grace = true;
}

void memory_datapath_end_grace(struct datapath *datapath)
{
    if (datapath->is_grace_running)
        (void)!write(datapath->grace_pipe[1], "g", 1);
}

static int memory_grace_start(struct datapath *datapath)
{
    RECORD(datapath, "grace begins\n");
    if (!datapath->memory->holds_grace)
        (void)!write(datapath->grace_pipe[1], "g", 1);
    return 0;
}

static void memory_grace_join(struct datapath *datapath)
{
    (void)datapath;
}

static void memory_grace_wait(struct datapath *datapath)
{
    RECORD(datapath, "grace waited for\n");
}

/* ---- from one run to the next ---- */

static void free_old(struct memory *memory)
{
    for (int map = 0; map < MAP_COUNT_; map++)
        memory_free_entries(&memory->old[map]);
    free(memory->old_outliers);
    memory->old_outliers = NULL;
}

/* Those whose cgroup is alive. */
static unsigned count_links(const struct memory *memory)
{
    const struct memory_link *link;
    unsigned n = 0;

    for (link = memory->links; link; link = link->hh.next)
        n += link->cgroup_id != 0;
    return n;
}

static int memory_activate(struct datapath *datapath, unsigned *ret_swapped, struct error *error)
{
    (void)error;
    *ret_swapped = datapath->origin == DATAPATH_MIGRATED ? count_links(datapath->memory) : 0;
    free_old(datapath->memory);
    RECORD(datapath, "activate\n");
    return 0;
}

static void free_arrays(const struct datapath *datapath)
{
    free(datapath->alias_index.buckets);
    free(datapath->peer_index.buckets);
    free(datapath->services);
    free(datapath->slots);
    free(datapath->outliers);
    free(datapath->attempts);
    free(datapath->resolvers);
    free(datapath->local_endpoints);
    free(datapath->neighbours);
    free(datapath->registry_seen);
    free(datapath->callers);
    free(datapath->caller_first_bytes);
}

/* All of them empty, or none. */
static int new_arrays(struct datapath *datapath)
{
    struct datapath made = *datapath;

    made.alias_index.buckets = calloc((size_t)made.alias_index.mask + 1, sizeof(*made.alias_index.buckets));
    made.peer_index.buckets = calloc((size_t)made.peer_index.mask + 1, sizeof(*made.peer_index.buckets));
    made.services = calloc(made.n_services, sizeof(*made.services));
    made.slots = calloc(made.n_slots, sizeof(*made.slots));
    made.outliers = calloc(made.n_outliers, sizeof(*made.outliers));
    made.attempts = calloc((size_t)made.n_shards * made.n_outliers, sizeof(*made.attempts));
    made.resolvers = calloc(made.n_resolvers, sizeof(*made.resolvers));
    made.local_endpoints = calloc(made.n_local_words, sizeof(*made.local_endpoints));
    made.neighbours = calloc(made.n_outliers, sizeof(*made.neighbours));
    made.registry_seen = calloc(1, sizeof(*made.registry_seen));
    made.callers = calloc(SVC_CALLERS + 1, sizeof(*made.callers));
    made.caller_first_bytes = calloc(SVC_CALLERS + 1, sizeof(*made.caller_first_bytes));
    if (!made.alias_index.buckets || !made.peer_index.buckets || !made.services || !made.slots ||
        !made.outliers || !made.attempts || !made.resolvers || !made.local_endpoints || !made.neighbours ||
        !made.registry_seen || !made.callers || !made.caller_first_bytes) {
        free_arrays(&made);
        return -ENOMEM;
    }
    *datapath = made;
    return 0;
}

static int put_counters(struct memory *memory)
{
    static const struct svc_counters none;
    static const uint32_t zero;

    return memory_add_entry(&memory->maps[MAP_COUNTERS], &zero, &none);
}

static int migrate(struct datapath *datapath)
{
    struct memory *memory = datapath->memory;
    struct datapath before = *datapath;
    struct memory_entry *counters = memory->maps[MAP_COUNTERS].all;
    int r = new_arrays(datapath);

    if (r < 0)
        return r;
    memory->maps[MAP_COUNTERS].all = NULL;
    r = put_counters(memory);
    if (r < 0) {
        memory->maps[MAP_COUNTERS].all = counters;
        free_arrays(datapath);
        *datapath = before;
        return r;
    }
    free_old(memory);
    memory->old_outliers = TAKE_PTR(before.outliers);
    datapath->old_registry_seen = *before.registry_seen;
    datapath->old_sizes = memory->sizes;
    free_arrays(&before);
    memory->old[MAP_COUNTERS] = counters;
    for (int map = 0; map < MAP_COUNT_; map++)
        if (map != MAP_COUNTERS && map != MAP_TASK_SCOPE) /* scopes outlive every swap */
            memory->old[map] = TAKE_PTR(memory->maps[map].all);
    return 0;
}

int memory_datapath_restart(struct datapath *datapath, enum datapath_origin origin)
{
    int r = origin == DATAPATH_MIGRATED ? migrate(datapath) : 0;

    if (r < 0)
        return r;
    datapath_grace_end(datapath);
    datapath->origin = origin;
    datapath->old_is_readable = origin == DATAPATH_MIGRATED;
    datapath->writes = 0;
    start_record(datapath->memory);
    return 0;
}

static void memory_close(struct datapath *datapath)
{
    struct memory *memory = datapath->memory;
    struct memory_link *link, *next;

    free_arrays(datapath);
    free_old(memory);
    for (int map = 0; map < MAP_COUNT_; map++)
        memory_free_entries(&memory->maps[map].all);
    HASH_ITER (hh, memory->links, link, next) {
        HASH_DEL(memory->links, link);
        free(link);
    }
    for (int i = 0; i < 2; i++) {
        if (memory->events[i] >= 0)
            (void)close(memory->events[i]);
        if (memory->connections[i] >= 0)
            (void)close(memory->connections[i]);
    }
    if (memory->record)
        (void)fclose(memory->record);
    free(memory->record_text);
    free(memory);
}

static const struct datapath_backend memory_backend = {
    .put = memory_put,
    .put_many = memory_put_many,
    .remove = memory_remove,
    .get = memory_get,
    .each = memory_each,
    .activate = memory_activate,
    .attach = memory_attach,
    .detach = memory_detach,
    .is_attached = memory_is_attached,
    .each_link = memory_each_link,
    .mend_directory = memory_mend_directory,
    .mend = memory_mend,
    .listen = memory_listen,
    .events_fd = memory_events_fd,
    .read_events = memory_read_events,
    .read_connections = memory_read_connections,
    .grace_start = memory_grace_start,
    .grace_join = memory_grace_join,
    .grace_wait = memory_grace_wait,
    .note = memory_note,
    .close = memory_close,
};

int datapath_new_in_memory(const struct datapath_config *config, struct datapath **ret_datapath)
{
    _cleanup_(datapath_close) struct datapath *datapath = calloc(1, sizeof(*datapath));
    struct memory *memory = calloc(1, sizeof(*memory));
    int r;

    if (!datapath || !memory) {
        free(TAKE_PTR(datapath));
        free(memory);
        return -ENOMEM;
    }
    datapath->backend = &memory_backend;
    datapath->memory = memory;
    datapath->grace_pipe[0] = datapath->grace_pipe[1] = memory->events[0] = memory->events[1] = -1;
    memory->connections[0] = memory->connections[1] = -1;
    datapath->n_cpus = 1;
    datapath->has_set_retval = true;
    datapath->has_socket_facts = true;
    datapath_set_sizes(datapath, config, 1);
    memory_set_map_sizes(memory, config);
    memory->sizes = *config;
    start_record(memory);
    r = new_arrays(datapath);
    if (r == 0)
        r = put_counters(memory);
    if (r == 0)
        r = datapath_grace_init(datapath);
    if (r == 0 && (pipe2(memory->events, O_CLOEXEC | O_NONBLOCK) < 0 ||
                   pipe2(memory->connections, O_CLOEXEC | O_NONBLOCK) < 0))
        r = -errno;
    if (r < 0)
        return r;
    *ret_datapath = TAKE_PTR(datapath);
    return 0;
}
