/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/drains.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "events/instance_events.h"
#include "engine/change/transaction.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"
#include "engine/connections.h"
#include "engine/change/now.h"

#define LOOK_EVERY_MS 500
/* Where sockets cannot be counted: a connect that was led here just before may not have been established yet.
 */
#define LEAST_MS 1000

static const struct timeval tick = {.tv_usec = 200000};

static struct drain *find(const struct drains *drains, uint32_t endpoint)
{
    for (size_t i = 0; i < drains->n; i++)
        if (drains->items[i].endpoint == endpoint)
            return &drains->items[i];
    return NULL;
}

static uint64_t open_now(struct daemon *daemon, const struct drain *drain)
{
    return drain->sockets >= 0 ? (uint64_t)drain->sockets : endpoint_open(daemon->engine, drain->endpoint);
}

uint64_t drains_open(struct daemon *daemon, uint32_t endpoint)
{
    const struct drain *drain = find(&daemon->drains, endpoint);

    return drain ? open_now(daemon, drain) : endpoint_open(daemon->engine, endpoint);
}

void drains_put(struct daemon *daemon, const struct instance *instance)
{
    struct drains *self = &daemon->drains;
    char name[ENDPOINT_NAME_SIZE];

    if (!instance->drain_until || find(self, instance->endpoint))
        return;
    if (self->n == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        struct drain *larger = realloc(self->items, capacity * sizeof(*larger));

        if (!larger) {
            log_error("%s: out of memory, it drains until the next start", endpoint_name(instance, name));
            return;
        }
        self->items = larger;
        self->capacity = capacity;
    }
    self->items[self->n++] =
        (struct drain){.endpoint = instance->endpoint, .began_ms = clock_monotonic_ms(), .sockets = -1};
    log_info("%s is draining: %llu open connections, %lld s at most", endpoint_name(instance, name),
             (unsigned long long)endpoint_open(daemon->engine, instance->endpoint),
             (long long)(instance->drain_until - clock_wall_s()));
    instance_event(&daemon->events, EVENT_DRAINING, instance, "%llu open connections, %lld s at most",
                   (unsigned long long)endpoint_open(daemon->engine, instance->endpoint),
                   (long long)(instance->drain_until - clock_wall_s()));
    if (self->timer)
        (void)event_add(self->timer, &tick);
}

/* ---- counting and closing sockets ---- */

static void on_job(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct drains *self = &daemon->drains;
    struct drain *drain = find(self, self->job_endpoint);
    struct task_sockets_result result = {0};
    struct error error = {0};
    int r;

    (void)fd;
    (void)what;
    event_free(self->job_event);
    self->job_event = NULL;
    r = task_sockets_end(&self->job, &result, &error);
    if (!drain)
        return;
    drain->looked_ms = clock_monotonic_ms();
    drain->sockets = r == 0 && result.incomplete == 0 ? (int64_t)result.open : -1;
    if (!self->is_job_kill)
        return;
    drain->is_killed = true;
    if (r < 0)
        log_warning("draining: connections cannot be closed: %s", error.message);
    else
        log_info("draining: %llu of %llu connections closed%s%s", (unsigned long long)result.destroyed,
                 (unsigned long long)result.open,
                 result.incomplete ? "; not everything could be looked at: " : "",
                 result.incomplete ? strerror(-result.incomplete) : "");
}

/* Directories of the namespace's tasks: *ret_n of them, each malloc'd. NULL: no memory. */
static char **task_directories(const struct daemon *daemon, const char *namespace_name, size_t *ret_n)
{
    char **directories = calloc(HASH_COUNT(daemon->tasks.all) + 1, sizeof(*directories));
    const struct task *task;
    size_t n = 0;

    for (task = directories ? daemon->tasks.all : NULL; task; task = task->hh.next) {
        char path[PATH_MAX];

        if (strcmp(task->namespace_name, namespace_name) != 0)
            continue;
        cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, path, sizeof(path));
        directories[n] = strdup(path);
        if (directories[n])
            n++;
    }
    *ret_n = n;
    return directories;
}

static void start_job(struct daemon *daemon, struct drain *drain, const struct instance *instance,
                      bool is_kill)
{
    struct drains *self = &daemon->drains;
    struct task_sockets_request request = {
        .address = instance->address, .port = instance->port, .kill = is_kill};
    struct error error = {0};
    char **directories = task_directories(daemon, instance->service->parent->name, &request.n_cgroups);
    int r = directories ? 0 : -ENOMEM;

    request.cgroups = (const char *const *)directories;
    if (r == 0)
        r = task_sockets_begin(&request, &self->job, &error);
    for (size_t i = 0; i < request.n_cgroups; i++)
        free(directories[i]);
    free(directories);
    drain->looked_ms = clock_monotonic_ms();
    if (r == 0) {
        self->job_event = event_new(daemon->base, task_sockets_fd(self->job), EV_READ, on_job, daemon);
        if (!self->job_event || event_add(self->job_event, NULL) < 0) {
            task_sockets_cancel(&self->job);
            r = -ENOMEM;
        }
    }
    if (r < 0) {
        drain->sockets = -1;
        drain->is_killed = drain->is_killed || is_kill;
        if (is_kill)
            log_warning("draining: connections cannot be closed: %s",
                        error.number ? error.message : strerror(-r));
        return;
    }
    self->job_endpoint = drain->endpoint;
    self->is_job_kill = is_kill;
}

/* ---- the round ---- */

static bool is_over(const struct instance *instance)
{
    return clock_wall_s() >= instance->drain_until;
}

/* Nobody is connected any more, or nobody is waited for any longer. */
static bool is_finished(struct daemon *daemon, const struct drain *drain, const struct instance *instance)
{
    if (open_now(daemon, drain) == 0 &&
        (drain->sockets == 0 || clock_monotonic_ms() - drain->began_ms >= LEAST_MS))
        return true;
    return is_over(instance) && (!instance->is_drain_kill || drain->is_killed);
}

static int remove_instance(struct daemon *daemon, const struct instance *instance, struct error *error)
{
    struct transaction *transaction;
    struct registry_row row;
    uint64_t revision;
    int r;

    if (instance->external)
        return externals_drained(daemon, instance, error);
    r = row_delete_instance(instance->service->parent->name, instance->service->name, instance->id, &row);
    transaction = now_begin(daemon->engine);
    transaction_own(transaction);
    if (r == 0)
        r = transaction_put(transaction, row, error);
    if (r < 0)
        now_abort(transaction);
    else
        r = now_commit(transaction, &revision, error);
    return r;
}

static void deregister(struct daemon *daemon, const struct drain *drain, const struct instance *instance)
{
    struct error error = {0};
    char name[ENDPOINT_NAME_SIZE];
    uint64_t left = open_now(daemon, drain);
    int r;

    (void)endpoint_name(instance, name);
    instance_event(&daemon->events, EVENT_DRAINED, instance, "deregistered, %llu connections left",
                   (unsigned long long)left);
    r = remove_instance(daemon, instance, &error);
    if (r < 0)
        log_warning("%s has drained and cannot be deregistered, trying again: %s", name, error.message);
    else
        log_info("%s has drained and is deregistered: %llu connections left", name, (unsigned long long)left);
}

/* The one that has waited longest for being looked at. */
static void look_at_one(struct daemon *daemon)
{
    struct drains *self = &daemon->drains;
    struct drain *oldest = NULL;

    if (self->job)
        return;
    for (size_t i = 0; i < self->n; i++) {
        struct drain *drain = &self->items[i];
        const struct instance *instance = engine_instance(daemon->engine, drain->endpoint);

        if (instance->is_drain_kill && !drain->is_killed && is_over(instance)) {
            start_job(daemon, drain, instance, true);
            return;
        }
        if (!oldest || drain->looked_ms < oldest->looked_ms)
            oldest = drain;
    }
    if (oldest && clock_monotonic_ms() - oldest->looked_ms >= LOOK_EVERY_MS)
        start_job(daemon, oldest, engine_instance(daemon->engine, oldest->endpoint), false);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct drains *self = &daemon->drains;
    size_t kept = 0;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < self->n; i++) {
        struct drain drain = self->items[i];
        const struct instance *instance = engine_instance(daemon->engine, drain.endpoint);

        if (instance && instance->drain_until && is_finished(daemon, &drain, instance)) {
            deregister(daemon, &drain, instance);
            instance = engine_instance(daemon->engine, drain.endpoint);
        }
        if (instance && instance->drain_until)
            self->items[kept++] = drain;
    }
    self->n = kept;
    look_at_one(daemon);
    if (self->n > 0)
        (void)event_add(self->timer, &tick);
}

int drains_begin(struct daemon *daemon)
{
    struct drains *self = &daemon->drains;

    self->timer = event_new(daemon->base, -1, 0, on_tick, daemon);
    if (!self->timer || (self->n > 0 && event_add(self->timer, &tick) < 0))
        return -ENOMEM;
    return 0;
}

void drains_done(struct drains *drains)
{
    if (drains->job_event)
        event_free(drains->job_event);
    task_sockets_cancel(&drains->job);
    if (drains->timer)
        event_free(drains->timer);
    free(drains->items);
    *drains = (struct drains){0};
}

/* ---- following changes ---- */

static void follow_put(void *user, struct instance *instance)
{
    drains_put(user, instance);
}

const struct engine_follower drains_follower = {
    .put = follow_put,
};
