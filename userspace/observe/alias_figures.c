/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/alias_figures.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "upkeep/outliers.h"

/* Of a view: what a family of aliases tells. Shares are worked out for those that show them. */
static int describe_targets(const struct alias_view *view, bool with_shares, struct metrics_target *targets)
{
    _cleanup_free_ double *of_targets = calloc(view->n_targets + 1, sizeof(*of_targets));
    _cleanup_free_ double *shares = NULL;
    double sum = 0;
    size_t n = 0;
    size_t first = 0;
    int r = 0;

    for (size_t t = 0; t < view->n_targets; t++) {
        sum += view->targets[t].weight;
        n += view->targets[t].n_candidates;
    }
    shares = calloc(n + 1, sizeof(*shares));
    if (!of_targets || !shares)
        return -ENOMEM;
    if (with_shares)
        r = table_shares(view->targets, view->n_targets, false, of_targets, shares);
    for (size_t t = 0; t < view->n_targets; first += view->targets[t++].n_candidates)
        targets[t] = (struct metrics_target){
            .service = view->services[t]->name,
            .wanted = sum > 0 ? view->targets[t].weight / sum : 0,
            .effective = r == 0 ? of_targets[t] : 0, /* no table could be built either */
            .in_zone = r == 0 && with_shares ? view_zones_kept(view, t, shares + first) : NAN,
        };
    return r == -ENOMEM ? r : 0;
}

static uint64_t count_drawn(const struct api *api, const struct alias_view *view)
{
    uint64_t n = 0;

    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
            const struct table_candidate *one = &view->targets[t].candidates[c];

            n += view->targets[t].weight > 0 && one->is_eligible && one->weight > 0 &&
                 outliers_ejected_ms(api->outliers, one->endpoint) == 0;
        }
    return n;
}

void alias_figures_done(struct alias_figures *figures)
{
    alias_view_done(&figures->view);
    free(figures->targets);
    *figures = (struct alias_figures){0};
}

int alias_figures_make(const struct api *api, const struct list_key *key, bool with_shares,
                       struct alias_figures *ret_figures)
{
    const struct model_namespace *parent =
        catalog_namespace(engine_catalog(api->engine), key->namespace_name);
    struct client_alias alias = {.port = key->port, .protocol = key->protocol};
    struct alias_figures figures = {.alias = {.namespace_name = key->namespace_name,
                                              .dns_name = key->name,
                                              .port = key->port,
                                              .protocol = protocol_name(key->protocol)}};

    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", key->name);
    if (!parent)
        return 0;
    if (alias_view_build(parent, NULL, &alias, &figures.view) < 0)
        return -ENOMEM;
    figures.targets = calloc(figures.view.n_targets + 1, sizeof(*figures.targets));
    if (!figures.targets || describe_targets(&figures.view, with_shares, figures.targets) < 0) {
        alias_figures_done(&figures);
        return -ENOMEM;
    }
    figures.alias.endpoints = count_drawn(api, &figures.view);
    figures.alias.targets = figures.targets;
    figures.alias.n_targets = figures.view.n_targets;
    *ret_figures = figures;
    return 1;
}
