/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "canaries/canary_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "model/catalog.h"

/* Counters are each host's own: what the row says of them is of the host that wrote it. */
struct canary_view {
    char *namespace_name;
    char key[CATALOG_CANARY_KEY_SIZE];
    int64_t step_started_at;
    struct canary_outcomes base; /* when this host saw the step first */
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
    return true;
}
