/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "canaries/canaries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/event_log.h"
#include "registry/rows.h"
#include "engine/connections.h"
#include "engine/change/now.h"

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

static void say(struct canaries *self, const char *namespace_name, const struct catalog_canary *entry,
                enum canary_verdict verdict)
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

static void look_at(struct canaries *self, const struct model_namespace *parent, struct catalog_canary *entry)
{
    const struct canary_outcomes totals = service_outcomes(self->engine, parent->name, entry->canary.to);
    struct catalog_canary changed = *entry;
    enum canary_verdict verdict = canary_evaluate(&changed.canary, clock_wall_ms(), &totals);
    struct transaction *transaction;
    struct error error = {0};
    uint64_t revision;
    int r;

    if (verdict == CANARY_AS_IT_WAS) {
        entry->canary.seen = changed.canary.seen;
        return;
    }
    transaction = now_begin(self->engine);
    transaction_own(transaction);
    r = canaries_put(transaction, parent->name, &changed, &error);
    if (r < 0)
        now_abort(transaction);
    else
        r = now_commit(transaction, &revision, &error);
    if (r == 0)
        say(self, parent->name, &changed, verdict);
    else if (!entry->is_stuck)
        log_warning("canary %s of %s: its next step cannot be taken, trying on: %s", entry->key, parent->name,
                    error.message);
    entry->is_stuck = r < 0;
}

void canaries_sweep(struct canaries *self)
{
    struct model_namespace *parent;
    struct catalog_canary *entry, *next;

    /* A step changes its entry in its place, and no namespace comes or goes by it. */
    for (parent = engine_catalog(self->engine)->namespaces; parent; parent = parent->hh.next)
        HASH_ITER (hh, parent->canaries, entry, next) {
            if (entry->canary.state == CANARY_RUNNING)
                look_at(self, parent, entry);
        }
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
    (void)error_input(error, "dnsName", entry->identity,
                      "a route that no canary drives; svcconnect canary abort %s:%u%s%.64s ends it",
                      entry->alias.dns_name, entry->alias.port, *entry->client ? " --client " : "",
                      entry->client);
    if (error)
        error->number = EBUSY;
    return -EBUSY;
}

/* Is this the route, in whatever order? */
static bool is_route(const struct canary *canary, const struct canary_target *wanted, size_t n_wanted,
                     const struct named_target *targets, size_t n_targets, bool is_unhealthy_on_empty)
{
    if (n_wanted != n_targets || canary->is_unhealthy_on_empty != is_unhealthy_on_empty)
        return false;
    for (size_t i = 0; i < n_targets; i++) {
        bool is_found = false;

        for (size_t w = 0; w < n_wanted && !is_found; w++)
            is_found = targets[i].weight == wanted[w].weight &&
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
    return is_route(&entry->canary, wanted, n, targets, n, route->is_unhealthy_on_empty);
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
                 is_unhealthy_on_empty) &&
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
