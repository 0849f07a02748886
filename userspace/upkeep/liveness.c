/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When the network namespaces are looked at, and the thread that does; what follows is neighbourhood's. */
#include "upkeep/liveness.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"
#include "cgroups/netns_look.h"
#include "engine/engine.h"
#include "upkeep/look_pace.h"
#include "upkeep/neighbourhood.h"

#define SOON_MS       100u /* after an instance was put: more of them follow */
#define AT_ONCE_MS    1u /* of a container that has just begun: it may not listen yet; of a task that calls */
#define FRESH_NS      (60 * UINT64_C(1000000000))
#define SELDOM_MS     5000u /* a container may get another address at any time */
#define AGAIN_MS      1000u /* after a task was attached whose processes may be on their way */
#define SOON_SHARE    20u   /* a look takes no more of a core than one part in so many */
#define SELDOM_SHARE  500u  /* while nothing happens */
#define NUMBERS_A_JOB 4096u

#define LOOKS_FOR_TASKS 2u /* at once, and again */

/* What the thread does: looks, and then gets numbers for pairs of what it has seen. */
struct liveness_look {
    struct liveness *owner;
    char **cgroups;
    size_t n_cgroups;
    struct netns_look seen;
    int r;
    uint64_t cost_ns;                /* of processors: it may wait for one */
    struct neighbour_wanted *wanted; /* NUMBERS_A_JOB */
    size_t n_wanted;
};

struct liveness {
    struct liveness_settings settings;
    struct neighbourhood hood;
    struct worker *worker;
    struct event *timer;
    struct look_pace pace;
    bool is_looking;
    unsigned looks_for_tasks; /* that are still wanted */
    bool is_told;             /* that this kernel does not tell namespaces apart */
    struct liveness_figures figures;
};

/* ---- when ---- */

static void look_in(struct liveness *self, unsigned least_ms, unsigned share)
{
    uint64_t wait = look_pace_ask(&self->pace, clock_monotonic_ns(), least_ms * UINT64_C(1000000), share);
    const struct timeval when = {.tv_sec = (time_t)(wait / 1000000000),
                                 .tv_usec = (suseconds_t)(wait % 1000000000 / 1000)};

    if (wait != UINT64_MAX)
        (void)event_add(self->timer, &when);
}

/* ---- a look ---- */

static void look_free(struct liveness_look *look)
{
    if (!look)
        return;
    for (size_t i = 0; i < look->n_cgroups; i++)
        free(look->cgroups[i]);
    free(look->cgroups);
    netns_look_done(&look->seen);
    free(look->wanted);
    free(look);
}

static void look_ended(struct liveness *self, struct liveness_look *look)
{
    look_pace_ended(&self->pace, clock_monotonic_ns(), look->cost_ns);
    self->is_looking = false;
    neighbourhood_look_ends(&self->hood);
    neighbourhood_age(&self->hood, clock_monotonic_ns());
    self->figures.looks++;
    look_free(look);
    if (self->hood.is_stirred)
        look_in(self, SOON_MS, SOON_SHARE);
    else if (self->looks_for_tasks > 0)
        look_in(self, self->looks_for_tasks == LOOKS_FOR_TASKS ? AT_ONCE_MS : AGAIN_MS, SOON_SHARE);
    else
        look_in(self, SELDOM_MS, SELDOM_SHARE);
}

static void run_numbers(void *user)
{
    struct liveness_look *look = user;
    uint64_t began = clock_processors_ns();

    for (size_t i = 0; i < look->n_wanted; i++)
        look->wanted[i].number =
            netns_number(&look->seen.all[look->wanted[i].caller], &look->seen.all[look->wanted[i].target]);
    look->cost_ns += clock_processors_ns() - began;
}

static void on_numbers(int result, void *user)
{
    struct liveness_look *look = user;

    if (result == 0)
        neighbourhood_number(&look->owner->hood, &look->seen, look->wanted, look->n_wanted);
    look_ended(look->owner, look);
}

static void take_look(struct liveness *self, struct liveness_look *look)
{
    if (look->r == -ENOTSUP && !self->is_told)
        log_info(
            "this kernel (before 5.14) does not tell network namespaces apart: whether anybody listens is "
            "asked for endpoints at loopback addresses only");
    self->is_told |= look->r == -ENOTSUP;
    self->figures.is_unsupported = look->r == -ENOTSUP;
    if (look->r < 0 && look->r != -ENOTSUP)
        return; /* all stays as it was */
    self->figures.namespaces = look->seen.n;
    look->n_wanted =
        neighbourhood_take(&self->hood, look->r < 0 ? NULL : &look->seen, look->wanted, NUMBERS_A_JOB);
}

static void on_look(int result, void *user)
{
    struct liveness_look *look = user;
    struct liveness *self = look->owner;
    const struct work numbers = {run_numbers, on_numbers, look};

    if (result == 0)
        take_look(self, look);
    if (look->n_wanted == 0 || worker_submit(self->worker, &numbers) < 0)
        look_ended(self, look);
}

static void run_look(void *user)
{
    struct liveness_look *look = user;
    uint64_t began = clock_processors_ns();

    look->r = netns_look((const char *const *)look->cgroups, look->n_cgroups, &look->seen);
    look->cost_ns = clock_processors_ns() - began;
}

static void liveness_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct liveness *self = user;
    struct liveness_look *look = calloc(1, sizeof(*look));
    int r = look ? 0 : -ENOMEM;

    (void)fd;
    (void)what;
    look_pace_begins(&self->pace);
    self->looks_for_tasks -= self->looks_for_tasks > 0;
    neighbourhood_look_begins(&self->hood);
    if (look) {
        look->owner = self;
        look->wanted = calloc(NUMBERS_A_JOB, sizeof(*look->wanted));
        r = look->wanted
                ? self->settings.directories(self->settings.user, NULL, &look->cgroups, &look->n_cgroups)
                : -ENOMEM;
    }
    if (r == 0)
        r = worker_submit(self->worker, &(struct work){run_look, on_look, look});
    self->is_looking = r == 0;
    if (r < 0) {
        look_free(look);
        neighbourhood_look_ends(&self->hood);
        look_in(self, SELDOM_MS, SELDOM_SHARE);
    }
}

/* ---- the whole ---- */

int liveness_new(const struct liveness_settings *settings, struct liveness **ret_liveness)
{
    struct liveness *self = calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->settings = *settings;
    self->timer = event_new(settings->base, -1, 0, liveness_on_timer, self);
    if (neighbourhood_init(&self->hood, settings->datapath, settings->max_endpoints) < 0 || !self->timer ||
        worker_new(settings->base, &self->worker) < 0) {
        liveness_free(&self);
        return -ENOMEM;
    }
    *ret_liveness = self;
    return 0;
}

void liveness_free(struct liveness **liveness)
{
    struct liveness *self = *liveness;

    if (!self)
        return;
    worker_free(&self->worker); /* tells the ends of looks */
    if (self->timer)
        event_free(self->timer);
    neighbourhood_done(&self->hood);
    free(self);
    *liveness = NULL;
}

int liveness_begin(struct liveness *liveness)
{
    const struct timeval now = {0};

    return event_add(liveness->timer, &now) < 0 ? -ENOMEM : 0;
}

struct liveness_figures liveness_figures(const struct liveness *liveness)
{
    return liveness->figures;
}

/* ---- following changes ---- */

void liveness_task_put(struct liveness *liveness)
{
    liveness->looks_for_tasks = LOOKS_FOR_TASKS;
    if (!liveness->is_looking && liveness->figures.looks > 0)
        look_in(liveness, AT_ONCE_MS, SOON_SHARE);
}

static void liveness_follow_put(void *user, struct instance *instance)
{
    struct liveness *self = *(struct liveness **)user;
    bool is_wanted = instance->protocol == TCP && !service_get_settings(instance->service)->is_liveness_off;
    bool is_container = instance_is_of_container(instance);

    if (self &&
        neighbourhood_put(&self->hood, instance->endpoint, &instance->address, is_wanted,
                          is_container ? clock_monotonic_ns() + FRESH_NS : 0) &&
        !self->is_looking && self->figures.looks > 0)
        look_in(self, is_container ? AT_ONCE_MS : SOON_MS, SOON_SHARE);
}

static void liveness_follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct liveness *self = *(struct liveness **)user;

    (void)namespace_name;
    if (self)
        neighbourhood_remove(&self->hood, number);
}

const struct engine_follower liveness_follower = {
    .put = liveness_follow_put,
    .removed = liveness_follow_removed,
};
