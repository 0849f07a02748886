/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "canaries/canary_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "model/names.h"
#include "registry/registry.h"

#define VIEW_NAME_SIZE (MODEL_NAMESPACE_MAX + CATALOG_CANARY_KEY_SIZE + 32)

/* Counters are each host's own: what the row says of them is of the host that wrote it. */
struct canary_view {
    char *namespace_name;
    char key[CATALOG_CANARY_KEY_SIZE];
    int64_t step_started_at;
    struct canary_outcomes base; /* when this host saw the step first */
    struct canary_outcomes own;  /* since then, at the last look */
    bool is_wanted;              /* by the look that is under way */
    struct canary_view *next;
};

static struct canary_view *find_view(const struct canaries *self, const char *namespace_name, const char *key)
{
    struct canary_view *view = self->views;

    while (view && (strcmp(view->key, key) != 0 || strcmp(view->namespace_name, namespace_name) != 0))
        view = view->next;
    return view;
}

static struct canary_view *make_view(struct canaries *self, const char *namespace_name, const char *key)
{
    struct canary_view *view = calloc(1, sizeof(*view));

    if (!view || !(view->namespace_name = strdup(namespace_name))) {
        free(view);
        return NULL;
    }
    (void)snprintf(view->key, sizeof(view->key), "%s", key);
    view->next = self->views;
    self->views = view;
    return view;
}

void canary_views_free(struct canaries *self, bool all)
{
    struct canary_view **at = &self->views;

    while (*at) {
        struct canary_view *view = *at;

        if (view->is_wanted && !all) {
            view->is_wanted = false;
            at = &view->next;
            continue;
        }
        *at = view->next;
        free(view->namespace_name);
        free(view);
    }
}

/* What all hosts call this step. */
static const char *name_of_step(const struct canary_view *view, char name[static VIEW_NAME_SIZE])
{
    (void)snprintf(name, VIEW_NAME_SIZE, "%s/%s@%lld", view->namespace_name, view->key,
                   (long long)view->step_started_at);
    return name;
}

/* The driver's: few of a host's connects may fail, and many of all hosts'. */
static struct canary_outcomes outcomes_of_others(const struct canaries *self, const struct canary_view *view)
{
    char name[VIEW_NAME_SIZE];
    uint64_t counts[REGISTRY_COUNTS];

    engine_others_tally(self->engine, name_of_step(view, name), counts);
    return (struct canary_outcomes){counts[0], counts[1], counts[2]};
}

void canary_views_tell(const struct canaries *self)
{
    _cleanup_free_ struct registry_tally *tallies = NULL;
    _cleanup_free_ char *names = NULL;
    size_t n = 0, room = 0;

    for (const struct canary_view *view = self->views; view; view = view->next)
        room += view->is_wanted;
    tallies = calloc(room + 1, sizeof(*tallies));
    names = calloc(room + 1, VIEW_NAME_SIZE);
    if (!tallies || !names)
        return; /* in a second */
    for (const struct canary_view *view = self->views; view; view = view->next) {
        if (!view->is_wanted)
            continue;
        tallies[n] = (struct registry_tally){
            name_of_step(view, names + n * VIEW_NAME_SIZE),
            {view->own.established, view->own.failures, view->own.ejections},
        };
        n++;
    }
    (void)engine_tell_tallies(self->engine, tallies, n);
}

bool canary_views_see(struct canaries *self, const char *namespace_name, const char *key,
                      struct canary *canary, const struct canary_outcomes *totals)
{
    struct canary_view *view;

    if (!engine_has_fleet(self->engine))
        return true;
    view = find_view(self, namespace_name, key);
    if (!view)
        view = make_view(self, namespace_name, key);
    if (!view)
        return false;
    if (view->step_started_at != canary->step_started_at) {
        view->step_started_at = canary->step_started_at;
        view->base = *totals;
    }
    view->is_wanted = true;
    canary->base = view->base;
    canary->counted = (struct canary_outcomes){0};
    view->own = canary_step_outcomes(canary, totals);
    canary->counted = outcomes_of_others(self, view);
    return true;
}
