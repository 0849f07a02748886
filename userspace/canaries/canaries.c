/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Steps of canaries as jobs, and whose a route is. */
#include "canaries/canaries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "canaries/canary_views.h"
#include "engine/change/job.h"
#include "engine/connections.h"
#include "events/event_log.h"
#include "registry/rows.h"

/* ---- rows ---- */

static int put_route(struct transaction *transaction, const char *namespace_name,
                     const struct catalog_canary *entry, struct error *error)
{
    struct canary_target wanted[CANARY_TARGETS];
    struct named_target targets[CANARY_TARGETS];
    size_t n = canary_route(&entry->canary, wanted);
    struct registry_row row;
    int r;

    for (size_t i = 0; i < n; i++)
        targets[i] =
            (struct named_target){wanted[i].is_to ? entry->canary.to : entry->canary.from, wanted[i].weight};
    r = n ? row_for_route(namespace_name, entry->client, &entry->alias, targets, n,
                          entry->canary.is_unhealthy_on_empty, &row)
          : row_delete_route(namespace_name, entry->client, entry->identity, &row);
    return r < 0 ? error_errno(error, r, "setting the route of a canary")
                 : transaction_put(transaction, row, error);
}

int canaries_put(struct transaction *transaction, const char *namespace_name,
                 const struct catalog_canary *entry, struct error *error)
{
    struct registry_row row;
    int r = row_for_canary(namespace_name, entry, &row);

    transaction_privilege(transaction);
    r = r < 0 ? error_errno(error, r, "changing a canary") : transaction_put(transaction, row, error);
    return r < 0 ? r : put_route(transaction, namespace_name, entry, error);
}

/* ---- every second ---- */

static void canaries_say(struct canaries *self, const char *namespace_name,
                         const struct catalog_canary *entry, enum canary_verdict verdict)
{
    const struct canary *canary = &entry->canary;
    const char *what = *entry->client ? entry->key : entry->identity;
    char text[sizeof(entry->key) + SVC_SERVICE_SIZE + CANARY_REASON_SIZE + 32];

    switch (verdict) {
    case CANARY_STEPPED:
        (void)snprintf(text, sizeof(text), "%s: %s gets %u.%u %% now", what, canary->to, canary->share / 10,
                       canary->share % 10);
        break;
    case CANARY_DONE:
        (void)snprintf(text, sizeof(text), "%s: succeeded, all is %s's", what, canary->to);
        break;
    case CANARY_FAILED:
        (void)snprintf(text, sizeof(text), "%s: rolled back to %s: %s", what, canary->from, canary->reason);
        break;
    default:
        return;
    }
    if (verdict == CANARY_FAILED)
        log_warning("canary in %s, %s", namespace_name, text);
    else
        log_info("canary in %s, %s", namespace_name, text);
    event_log_add(self->events, EVENT_CANARY, namespace_name, canary->to, NULL, "%s", text);
}

/* One step on its way. The canary is looked up by its names, since anything may have become of it. */
struct canary_step {
    struct canaries *canaries;
    char *namespace_name;
    char key[CATALOG_CANARY_KEY_SIZE]; /* of the entry */
    struct catalog_canary changed;     /* as its run has put it */
    enum canary_verdict verdict;
    struct canary_step *next;
};

static struct catalog_canary *canaries_entry_of(const struct canary_step *step)
{
    const struct model_namespace *parent =
        catalog_namespace(engine_catalog(step->canaries->engine), step->namespace_name);
    struct catalog_canary *found = NULL;

    if (parent && parent->canaries)
        HASH_FIND_STR(parent->canaries, step->key, found);
    return found;
}

static bool is_pending(const struct canaries *self, const char *namespace_name,
                       const struct catalog_canary *entry)
{
    for (const struct canary_step *step = self->steps; step; step = step->next)
        if (strcmp(step->key, entry->key) == 0 && strcmp(step->namespace_name, namespace_name) == 0)
            return true;
    return false;
}

static void free_step(struct canary_step *step)
{
    free(step->namespace_name);
    free(step);
}

static void unlink_step(struct canary_step *step)
{
    struct canary_step **at = &step->canaries->steps;

    while (*at != step)
        at = &(*at)->next;
    *at = step->next;
}

/* Steps are the driver's; that it fails says who sees it. */
static bool is_for_this_host(const struct canaries *self, enum canary_verdict verdict)
{
    return verdict == CANARY_FAILED || (verdict != CANARY_AS_IT_WAS && engine_is_driver(self->engine));
}

/* Judged afresh: it may have been paused, or have ended, since it was looked at. */
static int run_step(struct transaction *transaction, void *user, struct error *error)
{
    struct canary_step *step = user;
    const struct catalog_canary *entry = canaries_entry_of(step);
    struct canary_outcomes totals;

    transaction_own(transaction);
    step->verdict = CANARY_AS_IT_WAS;
    if (!entry)
        return JOB_TAKE_BACK;
    step->changed = *entry;
    totals = service_outcomes(step->canaries->engine, step->namespace_name, entry->canary.to);
    if (!canary_views_see(step->canaries, step->namespace_name, step->key, &step->changed.canary, &totals))
        return JOB_TAKE_BACK;
    step->verdict = canary_evaluate(&step->changed.canary, clock_run_ms(), &totals);
    if (!is_for_this_host(step->canaries, step->verdict)) {
        step->verdict = CANARY_AS_IT_WAS;
        return JOB_TAKE_BACK;
    }
    return canaries_put(transaction, step->namespace_name, &step->changed, error);
}

static void end_step(struct canary_step *step, int r, const char *why)
{
    struct catalog_canary *entry = r == -ECANCELED ? NULL : canaries_entry_of(step);

    if (r == 0)
        canaries_say(step->canaries, step->namespace_name, &step->changed, step->verdict);
    else if (entry && !entry->is_stuck)
        log_warning("canary %s of %s: its next step cannot be taken, trying on: %s", step->key,
                    step->namespace_name, why);
    if (entry)
        entry->is_stuck = r < 0;
    free_step(step);
}

static void step_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct canary_step *step = user;

    (void)revision;
    unlink_step(step);
    end_step(step, result, result < 0 ? error->message : "");
}

static void canaries_take_step(struct canaries *self, const char *namespace_name,
                               const struct catalog_canary *entry)
{
    struct canary_step *step = calloc(1, sizeof(*step));
    const struct job job = {.run = run_step, .done = step_done, .user = step, .operation = "canary step"};
    int r;

    if (!step)
        return; /* in a second */
    step->canaries = self;
    memcpy(step->key, entry->key, sizeof(step->key));
    step->namespace_name = strdup(namespace_name);
    if (!step->namespace_name) {
        free_step(step);
        return;
    }
    r = engine_submit(self->engine, &job);
    if (r < 0) {
        end_step(step, r, strerror(-r));
        return;
    }
    step->next = self->steps;
    self->steps = step;
}

static void canaries_look_at(struct canaries *self, const struct model_namespace *parent,
                             struct catalog_canary *entry)
{
    const struct canary_outcomes totals = service_outcomes(self->engine, parent->name, entry->canary.to);
    struct canary changed = entry->canary;

    if (!canary_views_see(self, parent->name, entry->key, &changed, &totals) ||
        is_pending(self, parent->name, entry))
        return;
    if (!is_for_this_host(self, canary_evaluate(&changed, clock_run_ms(), &totals)))
        entry->canary.seen = changed.seen;
    else
        canaries_take_step(self, parent->name, entry);
}

static void look_at_all(void *user)
{
    struct canaries *self = user;
    struct model_namespace *parent;
    struct catalog_canary *entry;

    self->is_waiting = false;
    for (parent = engine_catalog(self->engine)->namespaces; parent; parent = parent->hh.next)
        for (entry = parent->canaries; entry; entry = entry->hh.next)
            if (entry->canary.state == CANARY_RUNNING)
                canaries_look_at(self, parent, entry);
    canary_views_tell(self);
    canary_views_free(self, false);
}

void canaries_sweep(struct canaries *self)
{
    if (engine_is_steady(self->engine))
        look_at_all(self);
    else if (!self->is_waiting)
        self->is_waiting = engine_when_steady(self->engine, look_at_all, self) == 0;
}

void canaries_init(struct canaries *canaries, struct engine *engine, struct event_log *events)
{
    *canaries = (struct canaries){.engine = engine, .events = events};
}

void canaries_done(struct canaries *canaries)
{
    if (canaries->engine)
        engine_forget_waiter(canaries->engine, canaries);
    canary_views_free(canaries, true);
    *canaries = (struct canaries){0};
}

/* ---- whose the route is ---- */

int canaries_guard(const struct engine *engine, const char *key, struct error *error)
{
    const struct model_namespace *parent;
    const struct catalog_canary *entry;
    struct row_name name;

    if (row_parse_key(key, &name) < 0 || name.kind != ROW_ROUTE)
        return 0;
    parent = catalog_namespace(engine_catalog(engine), name.namespace_name);
    entry = parent ? catalog_canary(parent, name.client, name.last) : NULL;
    if (!entry || !canary_is_active(&entry->canary))
        return 0;
    (void)error_refused(error, EBUSY, "dnsName", entry->identity,
                        "a route that no canary drives; svcconnect canary abort %s:%u%s%.64s ends it",
                        entry->alias.dns_name, entry->alias.port, *entry->client ? " --client " : "",
                        entry->client);
    return -EBUSY;
}

/* Is `weight` of `sum` the same share as `other` of `other_sum`? */
static bool is_same_share(uint64_t weight, uint64_t sum, uint64_t other, uint64_t other_sum)
{
    return (sum == 0) == (other_sum == 0) && weight * other_sum == other * sum;
}

/* Is this the route, in whatever order? With `is_by_share`, whatever its weights add up to. */
static bool is_route(const struct canary *canary, const struct canary_target *wanted, size_t n_wanted,
                     const struct named_target *targets, size_t n_targets, bool is_unhealthy_on_empty,
                     bool is_by_share)
{
    uint64_t sum_wanted = 0;
    uint64_t sum = 0;

    if (n_wanted != n_targets || canary->is_unhealthy_on_empty != is_unhealthy_on_empty)
        return false;
    for (size_t i = 0; i < n_targets; i++) {
        sum_wanted += wanted[i].weight;
        sum += targets[i].weight;
    }
    for (size_t i = 0; i < n_targets; i++) {
        bool is_found = false;

        for (size_t w = 0; w < n_wanted && !is_found; w++)
            is_found = (is_by_share ? is_same_share(targets[i].weight, sum, wanted[w].weight, sum_wanted)
                                    : targets[i].weight == wanted[w].weight) &&
                       strcmp(targets[i].service, wanted[w].is_to ? canary->to : canary->from) == 0;
        if (!is_found)
            return false;
    }
    return true;
}

/* Does the alias still lead where the canary has left it? */
static bool is_as_left(const struct model_namespace *parent, const struct catalog_canary *entry)
{
    const struct client *client = *entry->client ? catalog_client(parent, entry->client) : NULL;
    const struct route *route =
        *entry->client && !client ? NULL : catalog_route(parent, client, entry->identity);
    struct canary_target wanted[CANARY_TARGETS];
    size_t n = canary_route(&entry->canary, wanted);
    struct named_target targets[CANARY_TARGETS];

    if (!route || route->n_targets != n)
        return !route && n == 0;
    for (size_t i = 0; i < n; i++)
        targets[i] = (struct named_target){route->targets[i].service->name, route->targets[i].weight};
    /* Earlier versions wrote 800 and 200 for 80 and 20. */
    return is_route(&entry->canary, wanted, n, targets, n, route->is_unhealthy_on_empty, true);
}

enum canaries_verdict canaries_judge_route(const struct model_namespace *parent, const char *client,
                                           const struct client_alias *alias,
                                           const struct named_target *targets, size_t n_targets,
                                           bool is_unhealthy_on_empty)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct catalog_canary *entry =
        parent ? catalog_canary(parent, client, alias_identity(alias, identity)) : NULL;

    if (!entry)
        return CANARIES_FREE;
    if (is_route(&entry->canary, entry->canary.before, entry->canary.n_before, targets, n_targets,
                 is_unhealthy_on_empty, false) &&
        is_as_left(parent, entry))
        return CANARIES_KEEP;
    return canary_is_active(&entry->canary) ? CANARIES_REFUSE : CANARIES_FREE;
}

/* ---- following changes ---- */

static int follow_guard(void *user, const char *key, struct error *error)
{
    const struct canaries *self = user;

    return canaries_guard(self->engine, key, error);
}

const struct engine_follower canaries_follower = {
    .guard = follow_guard,
};
