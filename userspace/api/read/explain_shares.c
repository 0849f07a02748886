/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/read/explain_shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svcconnect/decision.h>

#include "api/api.h"
#include "api/read/explain.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "upkeep/outliers.h"

static struct explained *find_explained(struct explained_list *list, uint32_t number)
{
    uint32_t place = number < list->n_places ? list->place[number] : 0;

    return place ? &list->items[place - 1] : NULL;
}

/* ---- which there are ---- */

/*
 * In the order of their numbers, for which their places are counted: 100,000 of them are found in one turn of the loop, so
 * nothing is sorted, and only the first get the copy of an id, which are all that is written.
 */
static void note_number(struct explained_list *list, uint32_t number)
{
    if (number < list->n_places)
        list->place[number] = 1;
}

static void list_count_places(struct explained_list *list)
{
    for (uint32_t number = 0; number < list->n_places; number++)
        if (list->place[number]) {
            list->items[list->n++].number = number;
            list->place[number] = (uint32_t)list->n;
        }
}

static int take_candidates(const struct alias_view *view, struct explained_list *list)
{
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
            struct explained *item = find_explained(list, view->instances[t][c]->endpoint);

            if (!item || item->is_of_target)
                continue;
            item->is_of_target = true;
            item->target = t;
            item->zone = view->candidates[t][c].zone;
            if (item - list->items < EXPLAIN_MOST)
                item->id = strdup(view->instances[t][c]->id);
            if (item - list->items < EXPLAIN_MOST && !item->id)
                return -ENOMEM;
        }
    return 0;
}

/* Endpoints that stay published though the registry does not account for them are among them. */
int explained_list_make(const struct api *api, const struct alias_view *view,
                        const struct kept_alias *published, struct explained_list *list)
{
    size_t n = published->n_kept + 1;

    list->n_places = api->outliers->n;
    list->place = calloc((size_t)list->n_places + 1, sizeof(*list->place));
    for (size_t t = 0; t < view->n_targets; t++)
        n += view->targets[t].n_candidates;
    list->items = calloc(n, sizeof(*list->items));
    if (!list->items || !list->place)
        return -ENOMEM;
    for (size_t t = 0; t < view->n_targets; t++)
        for (size_t c = 0; c < view->targets[t].n_candidates; c++)
            note_number(list, view->instances[t][c]->endpoint);
    for (size_t i = 0; i < published->n_kept; i++)
        note_number(list, published->kept[i]);
    list_count_places(list);
    if (take_candidates(view, list) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++)
        list->items[i].is_ejected = outliers_ejected_ms(api->outliers, list->items[i].number) > 0;
    return 0;
}

void explained_list_done(struct explained_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].id);
    free(list->items);
    free(list->place);
}

/* ---- their shares ---- */

static void add_share(struct explained_list *list, uint32_t number, unsigned family, double share,
                      bool is_far)
{
    struct explained *found = find_explained(list, number);

    if (!found)
        return;
    found->share[family] += share;
    found->is_far = is_far;
}

/*
 * An ejected endpoint is drawn again, so that its share falls to the others; where all are ejected the table
 * is taken as it is. So it is with those on other networks than the task's.
 */
static void find_chances(struct explained_list *list, unsigned family)
{
    double left = 0;
    double near = 0;
    double all = 0;

    for (size_t i = 0; i < list->n; i++) {
        all += list->items[i].share[family];
        near += list->items[i].is_far ? 0 : list->items[i].share[family];
    }
    list->has_table[family] = all > 0;
    list->has_near[family] = near > 0;
    for (size_t i = 0; i < list->n; i++)
        if (!list->items[i].is_ejected && !(near > 0 && list->items[i].is_far))
            left += list->items[i].share[family];
    list->is_all_ejected[family] = all > 0 && left <= 0;
    if (list->is_all_ejected[family])
        left = near > 0 ? near : all;
    for (size_t i = 0; i < list->n; i++) {
        struct explained *item = &list->items[i];
        bool is_out = (item->is_ejected && !list->is_all_ejected[family]) || (near > 0 && item->is_far);

        if (!is_out && left > 0)
            item->chance[family] = item->share[family] / left;
    }
}

void explained_list_share(struct explained_list *list, unsigned family, const struct svc_slot *slots,
                          uint32_t count, uint32_t networks)
{
    for (uint32_t i = 0; i < count; i++) {
        double part = slots[i].threshold / 4294967296.0;

        add_share(list, slots[i].endpoint_a, family, part / count, svc_is_far(slots[i].networks_a, networks));
        add_share(list, slots[i].endpoint_b, family, (1 - part) / count,
                  svc_is_far(slots[i].networks_b, networks));
    }
    find_chances(list, family);
}
