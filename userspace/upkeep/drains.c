/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every fifth of a second: who has drained is deregistered, and the sockets of one that has not
 * are counted. */
#include "upkeep/drains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/change/job.h"
#include "engine/connections.h"
#include "events/instance_events.h"
#include "model/endpoint_names.h"
#include "registry/rows.h"

#define LOOK_EVERY_MS 500
/* Where sockets cannot be counted: a connect that was led here just before may not have been
 * established yet. */
#define LEAST_MS 1000

static const struct timeval tick = {.tv_usec = 200000};

static struct drain *drains_find(const struct drains *drains, uint32_t endpoint)
{
    for (size_t i = 0; i < drains->n; i++)
        if (drains->items[i].endpoint == endpoint)
            return &drains->items[i];
    return NULL;
}

static uint64_t open_now(const struct drains *drains, const struct drain *drain)
{
    return drain->sockets >= 0 ? (uint64_t)drain->sockets : endpoint_open(drains->engine, drain->endpoint);
}

uint64_t drains_open(const struct drains *drains, uint32_t endpoint)
{
    const struct drain *drain = drains_find(drains, endpoint);

    return drain ? open_now(drains, drain) : endpoint_open(drains->engine, endpoint);
}

/* ---- following changes ---- */

static struct drain *drains_add(struct drains *self, uint32_t endpoint)
{
    if (self->n == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        struct drain *larger = realloc(self->items, capacity * sizeof(*larger));

        if (!larger)
            return NULL;
        self->items = larger;
        self->capacity = capacity;
    }
    self->items[self->n] =
        (struct drain){.endpoint = endpoint, .began_ms = clock_monotonic_ms(), .sockets = -1};
    return &self->items[self->n++];
}

/* How long it has yet; no longer than it was to take in all, whatever the clock was when that was written down. */
static int64_t drain_left_s(const struct instance *instance)
{
    int64_t left_s = instance->drain_until - clock_run_s();
    int64_t most_s = instance->drain_for_s
                         ? instance->drain_for_s
                         : (int64_t)service_get_settings(instance->service)->drain_ms / 1000;

    return left_s < 0 ? 0 : left_s > most_s ? most_s : left_s;
}

static void drain_set_end(struct drain *drain, const struct instance *instance)
{
    drain->until = instance->drain_until;
    drain->over_ms = clock_monotonic_ms() + (uint64_t)drain_left_s(instance) * 1000;
}

static void drains_follow_put(void *user, struct instance *instance)
{
    struct drains *self = user;
    struct drain *drain;
    unsigned long long open;
    long long most_s;
    char name[ENDPOINT_NAME_SIZE];

    if (!instance->drain_until || instance->is_drained)
        return;
    drain = drains_find(self, instance->endpoint);
    if (drain) {
        if (drain->until != instance->drain_until)
            drain_set_end(drain, instance);
        return;
    }
    drain = drains_add(self, instance->endpoint);
    if (!drain) {
        log_error("%s: out of memory, it drains until the next start", endpoint_name(instance, name));
        return;
    }
    drain_set_end(drain, instance);
    open = endpoint_open(self->engine, instance->endpoint);
    most_s = drain_left_s(instance);
    log_info("%s is draining: %llu open connections, %lld s at most", endpoint_name(instance, name), open,
             most_s);
    instance_event(self->events, EVENT_DRAINING, instance, "%llu open connections, %lld s at most", open,
                   most_s);
    if (self->timer && !event_pending(self->timer, EV_TIMEOUT, NULL))
        (void)event_add(self->timer, &tick);
}

const struct engine_follower drains_follower = {
    .put = drains_follow_put,
};

/* ---- counting and closing sockets ---- */

static void take_count(struct drain *drain, bool is_kill, int r, const struct task_sockets_result *found,
                       const char *why)
{
    drain->looked_ms = clock_monotonic_ms();
    drain->sockets = r == 0 && found->incomplete == 0 ? (int64_t)found->open : -1;
    if (!is_kill)
        return;
    drain->is_killed = true;
    if (r < 0)
        log_warning("draining: connections cannot be closed: %s", why);
    else
        log_info("draining: %llu of %llu connections closed%s%s", (unsigned long long)found->destroyed,
                 (unsigned long long)found->open,
                 found->incomplete ? "; not everything could be looked at: " : "",
                 found->incomplete ? strerror(-found->incomplete) : "");
    if (found->subflows > 0)
        log_warning(
            "draining: %llu of these were subflows of Multipath TCP: the kernel lets nobody close the "
            "connection above one, which waits for another for net.mptcp.close_timeout seconds of its "
            "network namespace",
            (unsigned long long)found->subflows);
}

static void drains_on_looked(int result, const struct task_sockets_result *found, const struct error *error,
                             void *user)
{
    struct drains *self = user;
    struct drain *drain = drains_find(self, self->look_endpoint);

    self->look = NULL;
    if (drain)
        take_count(drain, self->is_look_kill, result, found, error->message);
}

static void drains_look_at(struct drains *self, struct drain *drain, bool is_kill)
{
    const struct instance *instance = engine_instance(self->engine, drain->endpoint);
    const struct task_sockets_request request = {
        .address = instance->address, .port = instance->port, .kill = is_kill};
    const struct task_sockets_result nobody = {0};
    struct error error = {0};
    int r = socket_look_begin(&self->looks, instance->service->parent->name, &request, drains_on_looked, self,
                              &self->look, &error);

    drain->looked_ms = clock_monotonic_ms();
    self->look_endpoint = drain->endpoint;
    self->is_look_kill = is_kill;
    if (r < 0)
        take_count(drain, is_kill, r == -ENOENT ? 0 : r, &nobody,
                   error.number ? error.message : strerror(-r));
}

static bool drains_is_over(const struct drain *drain)
{
    return clock_monotonic_ms() >= drain->over_ms;
}

/* One whose connections are to be closed now, else the one that has waited longest for being looked at. */
static void drains_look_at_one(struct drains *self)
{
    struct drain *oldest = NULL;

    if (self->look)
        return;
    for (size_t i = 0; i < self->n; i++) {
        struct drain *drain = &self->items[i];
        const struct instance *instance = engine_instance(self->engine, drain->endpoint);

        if (instance->is_drain_kill && !drain->is_killed && drains_is_over(drain)) {
            drains_look_at(self, drain, true);
            return;
        }
        if (!oldest || drain->looked_ms < oldest->looked_ms)
            oldest = drain;
    }
    if (oldest && clock_monotonic_ms() - oldest->looked_ms >= LOOK_EVERY_MS)
        drains_look_at(self, oldest, false);
}

/* ---- deregistering ---- */

/* Kept apart from the drain, which may be over for another reason before this has ended. */
struct departure {
    struct drains *drains;
    uint32_t endpoint;
    uint64_t left; /* connections */
    char *key;     /* of the row that goes */
    bool is_put;
    char name[ENDPOINT_NAME_SIZE];
};

static void free_departure(struct departure *departure)
{
    free(departure->key);
    free(departure);
}

/* It may have been registered anew meanwhile, or be gone. */
static int run_departure(struct transaction *transaction, void *user, struct error *error)
{
    struct departure *departure = user;
    const struct service *service;
    const struct instance *instance = NULL;
    struct registry_row row;
    struct row_name name;
    int r = row_parse_key(departure->key, &name);

    transaction_own(transaction);
    departure->is_put = false;
    if (r < 0)
        return error_errno(error, r, "deregistering");
    service = catalog_service(transaction_catalog(transaction), name.namespace_name, name.service);
    if (service)
        instance = catalog_instance(service, name.last);
    if (!instance || !instance->drain_until)
        return JOB_TAKE_BACK;
    departure->is_put = true;
    r = row_delete_instance(name.namespace_name, name.service, name.last, &row);
    return r < 0 ? error_errno(error, r, "deregistering") : transaction_put(transaction, row, error);
}

static void end_departure(struct departure *departure, int r, const char *why)
{
    struct drain *drain = drains_find(departure->drains, departure->endpoint);

    if (r == 0 && departure->is_put)
        log_info("%s has drained and is deregistered: %llu connections left", departure->name,
                 (unsigned long long)departure->left);
    if (drain && drain->departure == departure) {
        drain->departure = NULL;
        if (r < 0 && r != -EALREADY && r != -ECANCELED && !drain->is_stuck) {
            log_warning("%s has drained and cannot be deregistered, trying again: %s", departure->name, why);
            drain->is_stuck = true;
        }
    }
    free_departure(departure);
}

static void departure_done(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    end_departure(user, result, error ? error->message : "");
}

static void on_address_dropped(int result, const struct error *error, void *user)
{
    end_departure(user, result, error ? error->message : "");
}

static int drains_submit(struct drains *self, struct departure *departure, const struct instance *instance)
{
    const struct job job = {
        .run = run_departure, .done = departure_done, .user = departure, .operation = "drain's end"};
    struct registry_row row;
    int r;

    if (instance->external) {
        departure->is_put = true;
        return self->drop_address(self->drop_user, instance, on_address_dropped, departure);
    }
    r = row_delete_instance(instance->service->parent->name, instance->service->name, instance->id, &row);
    if (r < 0)
        return r;
    departure->key = row.key;
    return engine_submit(self->engine, &job);
}

/*
 * A container's instance goes with its container: registered anew while that runs, it would take connections again.
 */
static void stay_out(struct drains *self, const struct drain *drain, struct instance *instance)
{
    instance->is_drained = true;
    instance_event(self->events, EVENT_DRAINED, instance, "its container runs, %llu connections left",
                   (unsigned long long)open_now(self, drain));
}

static void deregister(struct drains *self, struct drain *drain, const struct instance *instance)
{
    struct departure *departure = calloc(1, sizeof(*departure));
    int r;

    if (!departure)
        return; /* at the next tick */
    *departure =
        (struct departure){.drains = self, .endpoint = drain->endpoint, .left = open_now(self, drain)};
    (void)endpoint_name(instance, departure->name);
    drain->departure = departure;
    if (!drain->is_told)
        instance_event(self->events, EVENT_DRAINED, instance, "deregistered, %llu connections left",
                       (unsigned long long)departure->left);
    drain->is_told = true;
    r = drains_submit(self, departure, instance);
    if (r < 0)
        end_departure(departure, r, strerror(-r));
}

/* Nobody is connected any more, or nobody is waited for any longer. */
static bool is_finished(const struct drains *self, const struct drain *drain, const struct instance *instance)
{
    if (open_now(self, drain) == 0 &&
        (drain->sockets == 0 || clock_monotonic_ms() - drain->began_ms >= LEAST_MS))
        return true;
    return drains_is_over(drain) && (!instance->is_drain_kill || drain->is_killed);
}

/* ---- the round ---- */

static void go_round(void *user)
{
    struct drains *self = user;
    size_t kept = 0;

    for (size_t i = 0; i < self->n; i++) {
        const struct instance *instance = engine_instance(self->engine, self->items[i].endpoint);

        if (instance && instance->drain_until && !instance->is_drained)
            self->items[kept++] = self->items[i];
    }
    self->n = kept;
    for (size_t i = 0; i < self->n; i++) {
        struct drain *drain = &self->items[i];
        struct instance *instance = engine_instance(self->engine, drain->endpoint);

        if (drain->departure || !is_finished(self, drain, instance))
            continue;
        if (instance_is_of_container(instance))
            stay_out(self, drain, instance);
        else
            deregister(self, drain, instance);
    }
    drains_look_at_one(self);
    if (self->n > 0)
        (void)event_add(self->timer, &tick);
}

static void drains_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct drains *self = user;

    (void)fd;
    (void)what;
    if (engine_is_steady(self->engine))
        go_round(self);
    else if (engine_when_steady(self->engine, go_round, self) < 0)
        (void)event_add(self->timer, &tick);
}

void drains_init(struct drains *drains, struct engine *engine, struct event_log *events,
                 const struct socket_looks *looks, drop_address_fn drop_address, void *drop_user)
{
    *drains = (struct drains){
        .engine = engine,
        .events = events,
        .looks = *looks,
        .drop_address = drop_address,
        .drop_user = drop_user,
    };
}

int drains_begin(struct drains *drains, struct event_base *base)
{
    drains->timer = event_new(base, -1, 0, drains_on_tick, drains);
    if (!drains->timer || (drains->n > 0 && event_add(drains->timer, &tick) < 0))
        return -ENOMEM;
    return 0;
}

void drains_done(struct drains *drains)
{
    socket_look_cancel(&drains->look);
    if (drains->timer) {
        engine_forget_waiter(drains->engine, drains);
        event_free(drains->timer);
    }
    free(drains->items);
    *drains = (struct drains){0};
}
