/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Weights that grow: a tick finds those that have, and one finding publishes them. */
#include "upkeep/slow_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/change/job.h"
#include "model/endpoint_names.h"

/* A sixteenth of the shortest slow start, one second, is not to be missed by much. */
static const struct timeval tick = {.tv_usec = 100000};

static bool slow_start_is_eligible(const struct instance *instance)
{
    return instance_is_eligible(instance, instance->protocol) && instance->weight > 0;
}

static uint8_t ramp_now(const struct instance *instance)
{
    uint32_t duration_ms = service_get_settings(instance->service)->slow_start_ms;
    uint64_t passed_ms = clock_monotonic_ms() - instance->ramp_since_ms;

    if (passed_ms >= duration_ms)
        return 0;
    return (uint8_t)((INSTANCE_RAMP_PARTS - 1) - passed_ms * (INSTANCE_RAMP_PARTS - 1) / duration_ms);
}

/* ---- following changes ---- */

/* Since when it grows stays until the change is on disk: one that is refused must find it again. */
static void slow_start_follow_plan(void *user, struct instance *instance)
{
    const struct slow_start *self = user;

    instance->ramp = 0;
    if (!self->timer || !slow_start_is_eligible(instance) ||
        service_get_settings(instance->service)->slow_start_ms == 0)
        return;
    if (!instance->was_eligible)
        instance->ramp_since_ms = clock_monotonic_ms();
    if (instance->ramp_since_ms)
        instance->ramp = ramp_now(instance);
}

static bool slow_start_remember(struct slow_start *self, uint32_t endpoint)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->endpoints[i] == endpoint)
            return true;
    if (self->n == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        uint32_t *larger = realloc(self->endpoints, capacity * sizeof(*larger));

        if (!larger)
            return false;
        self->endpoints = larger;
        self->capacity = capacity;
    }
    self->endpoints[self->n++] = endpoint;
    return true;
}

static void slow_start_follow_put(void *user, struct instance *instance)
{
    struct slow_start *self = user;

    instance->was_eligible = slow_start_is_eligible(instance);
    if (!instance->ramp) {
        instance->ramp_since_ms = 0;
        return;
    }
    if (!slow_start_remember(self, instance->endpoint))
        instance->ramp = 0; /* its full weight with the next change */
    else if (!self->is_pending && !event_pending(self->timer, EV_TIMEOUT, NULL))
        (void)event_add(self->timer, &tick);
}

const struct engine_follower slow_start_follower = {
    .plan = slow_start_follow_plan,
    .put = slow_start_follow_put,
};

/* ---- raising weights ---- */

static void tick_again(struct slow_start *self)
{
    if (self->n > 0)
        (void)event_add(self->timer, &tick);
}

static int run_ramp(struct transaction *transaction, void *user, struct error *error)
{
    struct slow_start *self = user;
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; i < self->n; i++) {
        const struct instance *instance = engine_instance(self->engine, self->endpoints[i]);

        if (!instance || !instance->ramp)
            continue;
        self->endpoints[kept++] = self->endpoints[i];
        if (r == 0 && ramp_now(instance) != instance->ramp)
            r = transaction_touch_instance(transaction, instance);
    }
    self->n = kept;
    return r < 0 ? error_errno(error, r, "raising weights") : 0;
}

static void slow_start_tell(struct slow_start *self, int r, const char *why)
{
    if (r < 0 && r != -ECANCELED && !self->is_failing)
        log_warning("slow start: %s; trying again", why);
    self->is_failing = r < 0;
}

static void ramp_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct slow_start *self = user;

    (void)revision;
    self->is_pending = false;
    slow_start_tell(self, result, result < 0 ? error->message : NULL);
    tick_again(self);
}

static void slow_start_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct slow_start *self = user;
    const struct job job = {.run = run_ramp, .done = ramp_done, .user = self};
    int r;

    (void)fd;
    (void)what;
    if (self->is_pending)
        return;
    r = engine_submit_finding(self->engine, &job);
    self->is_pending = r == 0;
    if (r < 0) {
        slow_start_tell(self, r, strerror(-r));
        tick_again(self);
    }
}

void slow_start_init(struct slow_start *slow_start, struct engine *engine)
{
    *slow_start = (struct slow_start){.engine = engine};
}

int slow_start_begin(struct slow_start *slow_start, struct event_base *base)
{
    slow_start->timer = event_new(base, -1, 0, slow_start_on_tick, slow_start);
    return slow_start->timer ? 0 : -ENOMEM;
}

void slow_start_done(struct slow_start *slow_start)
{
    if (slow_start->timer)
        event_free(slow_start->timer);
    free(slow_start->endpoints);
    *slow_start = (struct slow_start){0};
}
