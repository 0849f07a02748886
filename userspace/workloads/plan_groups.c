/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which containers are one task: those of one network namespace, and those of one ECS task. */
#include "workloads/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A text that leads to a container: its id, its name, or the ECS task it is of. */
struct group_key {
    const char *text;
    size_t item;
    UT_hash_handle hh;
};

static size_t group_root(struct workload_plan *plan, size_t item)
{
    while (plan->items[item].group != item)
        item = plan->items[item].group = plan->items[plan->items[item].group].group;
    return item;
}

/* The root is the earlier one of both. */
static void group_join(struct workload_plan *plan, size_t a, size_t b)
{
    a = group_root(plan, a);
    b = group_root(plan, b);
    if (a < b)
        plan->items[b].group = a;
    else
        plan->items[a].group = b;
}

/* Who has this text already; else NULL, and from now on the item has it. */
static struct group_key *group_key_find(struct group_key **keys, struct group_key *new, const char *text,
                                        size_t item)
{
    struct group_key *key;

    HASH_FIND_STR(*keys, text, key);
    if (!key) {
        *new = (struct group_key){.text = text, .item = item};
        HASH_ADD_KEYPTR(hh, *keys, new->text, strlen(new->text), new);
    }
    return key;
}

int plan_groups(struct workload_plan *plan)
{
    struct group_key *keys = calloc(plan->n * 2 + 1, sizeof(*keys));
    struct group_key *tasks = calloc(plan->n + 1, sizeof(*tasks));
    struct group_key *by_name = NULL;
    struct group_key *by_task = NULL;

    for (size_t i = 0; keys && tasks && i < plan->n; i++) {
        const struct workload *workload = &plan->items[i];
        const char *task = workload->wish.task;
        struct group_key *of_task = task ? group_key_find(&by_task, &tasks[i], task, i) : NULL;

        (void)group_key_find(&by_name, &keys[i * 2], workload->container->id, i);
        (void)group_key_find(&by_name, &keys[i * 2 + 1], workload->container->name, i);
        if (of_task)
            group_join(plan, i, of_task->item);
    }
    for (size_t i = 0; keys && tasks && i < plan->n; i++) {
        const char *other = plan->items[i].container->shares_with;
        struct group_key *key = NULL;

        if (other)
            HASH_FIND_STR(by_name, other, key);
        if (key)
            group_join(plan, i, key->item);
    }
    for (size_t i = 0; keys && tasks && i < plan->n; i++) {
        struct workload *first = &plan->items[group_root(plan, i)];

        plan->items[i].group = group_root(plan, i);
        if (plan->items[i].container->network_mode != CONTAINER_SHARED_NETWORK && first->owner == plan->n)
            first->owner = i;
    }
    HASH_CLEAR(hh, by_name);
    HASH_CLEAR(hh, by_task);
    if (!keys || !tasks) {
        free(keys);
        free(tasks);
        return -ENOMEM;
    }
    free(keys);
    free(tasks);
    return 0;
}
