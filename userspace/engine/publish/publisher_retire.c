/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is no longer published but may still be in a program's hands: kept aside until a grace period has
 * passed. */
#include <errno.h>
#include <stdlib.h>

#include <svcconnect/decision.h>

#include "engine/publish/publisher_internal.h"

void retire(struct publisher *publisher, enum retired_kind kind, uint32_t number, uint32_t count)
{
    struct retired *next = &publisher->next;

    if (next->n == next->capacity) {
        size_t capacity = next->capacity ? next->capacity * 2 : 64;
        struct retired_thing *larger = realloc(next->things, capacity * sizeof(*larger));

        /* No memory: the thing stays out of use until the next start, which is safe. */
        if (!larger)
            return;
        next->things = larger;
        next->capacity = capacity;
    }
    next->things[next->n++] = (struct retired_thing){kind, number, count};
}

void retire_tables(struct publisher *publisher, uint64_t table4, uint64_t table6)
{
    uint32_t first4 = svc_descriptor_first(table4);
    uint32_t first6 = svc_descriptor_first(table6);

    if (svc_descriptor_count(table4))
        retire(publisher, RETIRED_REGION, first4, svc_descriptor_count(table4));
    if (svc_descriptor_count(table6) && (first6 != first4 || !svc_descriptor_count(table4)))
        retire(publisher, RETIRED_REGION, first6, svc_descriptor_count(table6));
}

void retired_done(struct retired *retired)
{
    free(retired->things);
    *retired = (struct retired){0};
}

bool retired_exist(const struct publisher *publisher)
{
    return publisher->waiting.n || publisher->next.n;
}

static void give_back(struct publisher *publisher, struct retired *retired)
{
    for (size_t i = 0; i < retired->n; i++) {
        const struct retired_thing *thing = &retired->things[i];

        switch (thing->kind) {
        case RETIRED_REGION:
            slot_regions_release(publisher->regions, thing->number, thing->count);
            break;
        case RETIRED_INDEX:
            name_numbers_reuse(publisher->indexes, thing->number);
            break;
        case RETIRED_ENDPOINT:
            name_numbers_reuse(publisher->endpoints, thing->number);
            break;
        case RETIRED_SCOPE:
            name_numbers_reuse(publisher->scopes, thing->number);
            break;
        }
    }
    retired->n = 0;
}

void publisher_retire_endpoint(struct publisher *publisher, uint32_t number)
{
    retire(publisher, RETIRED_ENDPOINT, number, 0);
}

void publisher_retire_scope(struct publisher *publisher, uint32_t number)
{
    retire(publisher, RETIRED_SCOPE, number, 0);
}

void publisher_begin_grace(struct publisher *publisher)
{
    struct retired empty = publisher->waiting;

    if (publisher->is_waiting || publisher->next.n == 0)
        return;
    if (datapath_grace_begin(publisher->datapath) < 0) {
        publisher_reclaim_now(publisher);
        return;
    }
    publisher->waiting = publisher->next;
    publisher->next = empty;
    publisher->is_waiting = true;
}

void publisher_end_grace(struct publisher *publisher)
{
    datapath_grace_end(publisher->datapath);
    if (publisher->is_waiting)
        give_back(publisher, &publisher->waiting);
    publisher->is_waiting = false;
    publisher_begin_grace(publisher);
}

void publisher_reclaim_now(struct publisher *publisher)
{
    datapath_grace_wait(publisher->datapath);
    if (publisher->is_waiting) {
        /* Its own thread's wait began earlier than ours, so it is over too. */
        datapath_grace_end(publisher->datapath);
        give_back(publisher, &publisher->waiting);
        publisher->is_waiting = false;
    }
    give_back(publisher, &publisher->next);
}
