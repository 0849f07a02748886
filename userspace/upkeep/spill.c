/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A note makes a tick, a tick makes one finding for all that have changed; while any is ejected ticks go on, since
 * nobody tells when its time is over. */
#include "upkeep/spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "upkeep/outliers.h"

/* Several that fail together are told together. */
static const struct timeval spill_at_once = {.tv_usec = 10000};
static const struct timeval spill_tick = {.tv_sec = 1};

static bool spill_is_out(const struct spill *self, const struct instance *instance)
{
    return outliers_ejected_ms(self->outliers, instance->endpoint) > 0;
}

/* By what the tables say, or by what the programs do. */
static bool spill_is_concerned(const struct spill *self, const struct instance *instance)
{
    return instance->is_ejected || spill_is_out(self, instance);
}

static bool is_zone_minded(const struct spill *self, const struct instance *instance)
{
    return engine_catalog(self->engine)->host_zone &&
           service_get_settings(instance->service)->zone == ZONE_PREFER;
}

/* ---- which ---- */

static bool spill_remember(struct spill *self, uint32_t endpoint)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->endpoints[i] == endpoint)
            return true;
    if (self->n == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        uint32_t *larger = realloc(self->endpoints, capacity * sizeof(*larger));

        if (!larger)
            return false; /* its tables stay as they are until the next change */
        self->endpoints = larger;
        self->capacity = capacity;
    }
    self->endpoints[self->n++] = endpoint;
    return true;
}

void spill_note(struct spill *self, uint32_t endpoint)
{
    const struct instance *instance = self && self->timer ? engine_instance(self->engine, endpoint) : NULL;

    if (!instance || !is_zone_minded(self, instance) || !spill_is_concerned(self, instance))
        return;
    if (spill_remember(self, endpoint) && !self->is_pending)
        (void)event_add(self->timer, &spill_at_once);
}

/* ---- following changes ---- */

static void spill_follow_plan(void *user, struct instance *instance)
{
    instance->is_ejected = spill_is_out(user, instance);
}

/* At a start tables are built before endpoints are judged again: what the programs do is read from what they go by. */
static void spill_follow_found(void *user, struct instance *instance, uint32_t number,
                               const struct svc_endpoint *entry)
{
    const struct spill *self = user;
    const struct svc_outlier *cell = datapath_outlier(self->outliers->datapath, number);

    (void)entry;
    instance->is_ejected = __atomic_load_n(&cell->ejected_until, __ATOMIC_RELAXED) > clock_monotonic_ns();
}

static void spill_follow_put(void *user, struct instance *instance)
{
    struct spill *self = user;

    if (spill_is_concerned(self, instance) && is_zone_minded(self, instance) &&
        spill_remember(self, instance->endpoint) && self->timer && !self->is_pending &&
        !event_pending(self->timer, EV_TIMEOUT, NULL))
        (void)event_add(self->timer, &spill_tick);
}

const struct engine_follower spill_follower = {
    .plan = spill_follow_plan,
    .found = spill_follow_found,
    .put = spill_follow_put,
};

/* ---- tables anew ---- */

static int spill_run(struct transaction *transaction, void *user, struct error *error)
{
    struct spill *self = user;
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; i < self->n; i++) {
        const struct instance *instance = engine_instance(self->engine, self->endpoints[i]);

        if (!instance || !spill_is_concerned(self, instance))
            continue;
        self->endpoints[kept++] = self->endpoints[i];
        if (r == 0 && instance->is_ejected != spill_is_out(self, instance))
            r = transaction_touch_instance(transaction, instance);
    }
    self->n = kept;
    return r < 0 ? error_errno(error, r, "sending elsewhere what ejected endpoints carried") : 0;
}

static void spill_tell(struct spill *self, int r, const char *why)
{
    if (r < 0 && r != -ECANCELED && !self->is_failing)
        log_warning("zones: %s; trying again", why);
    self->is_failing = r < 0;
}

static void spill_over(int result, uint64_t revision, const struct error *error, void *user)
{
    struct spill *self = user;

    (void)revision;
    self->is_pending = false;
    spill_tell(self, result, result < 0 ? error->message : NULL);
    if (self->n > 0)
        (void)event_add(self->timer, &spill_tick);
}

static void spill_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct spill *self = user;
    const struct job job = {.run = spill_run, .done = spill_over, .user = self};
    int r;

    (void)fd;
    (void)what;
    if (self->is_pending)
        return;
    r = engine_submit_finding(self->engine, &job);
    self->is_pending = r == 0;
    if (r < 0) {
        spill_tell(self, r, strerror(-r));
        (void)event_add(self->timer, &spill_tick);
    }
}

void spill_init(struct spill *spill, struct engine *engine, const struct outliers *outliers)
{
    *spill = (struct spill){.engine = engine, .outliers = outliers};
}

int spill_begin(struct spill *spill, struct event_base *base)
{
    spill->timer = event_new(base, -1, 0, spill_on_tick, spill);
    if (!spill->timer)
        return -ENOMEM;
    if (spill->n > 0)
        (void)event_add(spill->timer, &spill_tick);
    return 0;
}

void spill_done(struct spill *spill)
{
    if (spill->timer)
        event_free(spill->timer);
    free(spill->endpoints);
    *spill = (struct spill){0};
}
