/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/slow_start.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "engine/change/transaction.h"
#include "model/endpoint_names.h"
#include "routing/table.h"
#include "engine/change/now.h"

/* A sixteenth of the shortest slow start, one second, is not to be missed by much. */
static const struct timeval tick = {.tv_usec = 100000};

static bool is_eligible(const struct instance *instance)
{
    return instance_is_eligible(instance, instance->protocol) && instance->weight > 0;
}

static uint8_t ramp_now(const struct instance *instance)
{
    uint32_t duration_ms = service_get_settings(instance->service)->slow_start_ms;
    uint64_t passed_ms = clock_monotonic_ms() - instance->ramp_since_ms;

    if (passed_ms >= duration_ms)
        return 0;
    return (uint8_t)((TABLE_WEIGHT_PARTS - 1) - passed_ms * (TABLE_WEIGHT_PARTS - 1) / duration_ms);
}

void slow_start_plan(struct daemon *daemon, struct instance *instance)
{
    if (!is_eligible(instance) || service_get_settings(instance->service)->slow_start_ms == 0 ||
        !daemon->slow_start.is_started) {
        instance->ramp = 0;
        instance->ramp_since_ms = 0;
    } else if (!instance->was_eligible) {
        instance->ramp_since_ms = clock_monotonic_ms();
        instance->ramp = ramp_now(instance);
    } else if (instance->ramp) {
        instance->ramp = ramp_now(instance);
    }
}

void slow_start_put(struct daemon *daemon, struct instance *instance)
{
    struct slow_start *self = &daemon->slow_start;

    instance->was_eligible = is_eligible(instance);
    if (!instance->ramp)
        return;
    for (size_t i = 0; i < self->n; i++)
        if (self->endpoints[i] == instance->endpoint)
            return;
    if (self->n == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        uint32_t *larger = realloc(self->endpoints, capacity * sizeof(*larger));

        if (!larger) {
            instance->ramp = 0; /* its full weight with the next change */
            return;
        }
        self->endpoints = larger;
        self->capacity = capacity;
    }
    self->endpoints[self->n++] = instance->endpoint;
    (void)event_add(self->timer, &tick);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct slow_start *self = &daemon->slow_start;
    struct transaction *transaction;
    struct error error = {0};
    uint64_t revision;
    size_t kept = 0;
    int r = 0;

    (void)fd;
    (void)what;
    transaction = now_begin(daemon->engine);
    transaction_own(transaction);
    for (size_t i = 0; i < self->n; i++) {
        const struct instance *instance = engine_instance(daemon->engine, self->endpoints[i]);

        if (!instance || !instance->ramp)
            continue;
        self->endpoints[kept++] = self->endpoints[i];
        if (r == 0 && ramp_now(instance) != instance->ramp)
            r = transaction_touch_instance(transaction, instance);
    }
    self->n = kept;
    if (r < 0)
        now_abort(transaction);
    else if (now_commit(transaction, &revision, &error) < 0)
        log_warning("slow start: %s; trying again", error.message);
    if (self->n > 0)
        (void)event_add(self->timer, &tick);
}

int slow_start_begin(struct daemon *daemon)
{
    daemon->slow_start.timer = event_new(daemon->base, -1, 0, on_tick, daemon);
    daemon->slow_start.is_started = true;
    return daemon->slow_start.timer ? 0 : -ENOMEM;
}

void slow_start_done(struct slow_start *slow_start)
{
    if (slow_start->timer)
        event_free(slow_start->timer);
    free(slow_start->endpoints);
    *slow_start = (struct slow_start){0};
}

/* ---- following changes ---- */

static void follow_plan(void *user, struct instance *instance)
{
    slow_start_plan(user, instance);
}

static void follow_put(void *user, struct instance *instance)
{
    slow_start_put(user, instance);
}

const struct engine_follower slow_start_follower = {
    .plan = follow_plan,
    .put = follow_put,
};
