/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "routing/target_weights.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

bool candidate_is_drawn(const struct table_candidate *candidate, bool only_v4)
{
    return candidate->is_eligible && candidate->weight > 0 &&
           (!only_v4 || ip_address_is_v4(&candidate->address));
}

static int target_weights_by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* The groups of all that can be drawn, one entry per member, sorted. */
struct members {
    uint32_t *groups;
    size_t n;
};

static int list_members(const struct table_target *target, bool only_v4, struct members *ret_members)
{
    uint32_t *groups = NULL;
    size_t n = 0;

    for (size_t i = 0; i < target->n_candidates; i++)
        n += target->candidates[i].group && candidate_is_drawn(&target->candidates[i], only_v4);
    if (n > 0) {
        groups = malloc(n * sizeof(*groups));
        if (!groups)
            return -ENOMEM;
        n = 0;
        for (size_t i = 0; i < target->n_candidates; i++)
            if (target->candidates[i].group && candidate_is_drawn(&target->candidates[i], only_v4))
                groups[n++] = target->candidates[i].group;
        qsort(groups, n, sizeof(*groups), target_weights_by_number);
    }
    *ret_members = (struct members){groups, n};
    return 0;
}

/* The group's place among the members, and how many it has. */
static uint32_t size_of_group(const struct members *members, uint32_t group)
{
    const uint32_t *found =
        members->n ? bsearch(&group, members->groups, members->n, sizeof(group), target_weights_by_number)
                   : NULL;
    const uint32_t *last = found;

    if (!found)
        return 1;
    while (found > members->groups && found[-1] == group)
        found--;
    while (last + 1 < members->groups + members->n && last[1] == group)
        last++;
    return (uint32_t)(last - found) + 1;
}

static uint64_t common_multiple(uint64_t a, uint64_t b)
{
    uint64_t x = a;
    uint64_t y = b;

    while (y) {
        uint64_t rest = x % y;

        x = y;
        y = rest;
    }
    return a / x * b;
}

/* At most the multiple of 1..TABLE_MAX_GROUP, which has 48 bits. */
static int find_scale(const struct members *members, uint64_t *ret_scale)
{
    uint64_t scale = 1;

    for (size_t i = 0; i < members->n;) {
        uint32_t size = size_of_group(members, members->groups[i]);

        if (size > TABLE_MAX_GROUP)
            return -E2BIG;
        scale = common_multiple(scale, size);
        i += size;
    }
    *ret_scale = scale;
    return 0;
}

int target_weights_build(const struct table_target *target, bool only_v4, struct target_weights *ret_weights)
{
    struct members members = {0};
    uint64_t scale = 1;
    int r = list_members(target, only_v4, &members);

    *ret_weights = (struct target_weights){0};
    if (r == 0)
        r = find_scale(&members, &scale);
    if (r == 0 && !(ret_weights->weights = calloc(target->n_candidates + 1, sizeof(unsigned __int128))))
        r = -ENOMEM;
    ret_weights->scale = scale;
    for (size_t i = 0; i < target->n_candidates && target->weight > 0 && r == 0; i++) {
        const struct table_candidate *candidate = &target->candidates[i];
        uint32_t size = candidate->group ? size_of_group(&members, candidate->group) : 1;

        if (!candidate_is_drawn(candidate, only_v4))
            continue;
        ret_weights->weights[i] = (unsigned __int128)candidate->weight * (scale / size);
        ret_weights->sum += ret_weights->weights[i];
    }
    free(members.groups);
    return r;
}

void target_weights_done(struct target_weights *weights)
{
    free(weights->weights);
    *weights = (struct target_weights){0};
}
