/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What holds for one task and one policy, as it is in the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/datapath.h"
#include "upkeep/policies_internal.h"

void policy_pair_free(struct policies *self, struct policy_pair *pair)
{
    HASH_DEL(self->pairs, pair);
    free(pair);
}

static struct policy_pair *find_pair(const struct policies *self, uint64_t cgroup_id, uint32_t number)
{
    const struct svc_policy_pair_key key = {.cgroup_id = cgroup_id, .policy = number};
    struct policy_pair *pair;

    HASH_FIND(hh, self->pairs, &key, sizeof(key), pair);
    return pair;
}

static int set_pair(struct policies *self, uint64_t cgroup_id, uint32_t number,
                    enum svc_policy_verdict verdict)
{
    struct policy_pair *pair = find_pair(self, cgroup_id, number);
    int r;

    if (pair && pair->verdict == verdict)
        return 0;
    r = datapath_put_policy_pair(self->settings.datapath, cgroup_id, number, verdict);
    if (r < 0)
        return r;
    if (!pair) {
        pair = calloc(1, sizeof(*pair));
        if (!pair)
            return -ENOMEM;
        pair->key = (struct svc_policy_pair_key){.cgroup_id = cgroup_id, .policy = number};
        HASH_ADD(hh, self->pairs, key, sizeof(pair->key), pair);
    }
    pair->verdict = verdict;
    return 0;
}

void policy_pair_drop(struct policies *self, uint64_t cgroup_id, uint32_t number)
{
    struct policy_pair *pair = find_pair(self, cgroup_id, number);

    if (!pair)
        return;
    (void)datapath_delete_policy_pair(self->settings.datapath, cgroup_id, number);
    policy_pair_free(self, pair);
}

/* Is anything said of the task? Strangers to the namespace are met by what holds for others. */
static bool is_concerned(const struct policy *policy, const struct policy_task *task)
{
    for (size_t i = 0; i < policy->n; i++)
        if (strcmp(policy->services[i].namespace_name, task->namespace_name) == 0)
            return true;
    return false;
}

static enum svc_policy_verdict verdict_for(const struct policies *self, const struct policy *policy,
                                           const struct policy_task *task)
{
    const struct caller caller = {task->namespace_name, task->service};

    return policy_verdict(self, policy, &caller);
}

int policy_pair_settle(struct policies *self, const struct policy *policy, const struct policy_task *task)
{
    enum svc_policy_verdict verdict = verdict_for(self, policy, task);
    int r = 0;

    if (is_concerned(policy, task) || verdict != policy->others)
        r = set_pair(self, task->cgroup_id, policy->number, verdict);
    else
        policy_pair_drop(self, task->cgroup_id, policy->number);
    /* Without one it is met by the same, and only not told by name. */
    if (r == -E2BIG && verdict == policy->others && !find_pair(self, task->cgroup_id, policy->number))
        r = 0;
    return r;
}

/* The same where it lets through, and else nothing. */
int policy_pair_loosen(struct policies *self, const struct policy *policy, const struct policy_task *task)
{
    const struct policy_pair *pair = find_pair(self, task->cgroup_id, policy->number);
    enum svc_policy_verdict verdict = verdict_for(self, policy, task);

    if (verdict == POLICY_REFUSED || (pair && pair->verdict == POLICY_ALLOWED))
        return 0;
    return set_pair(self, task->cgroup_id, policy->number, verdict);
}

int policy_pair_follow(struct policies *self, const struct policy *policy, const struct policy_task *task)
{
    const struct policy_task *other;

    for (other = self->tasks; other; other = other->hh.next) {
        const struct policy_pair *pair;

        if (other == task || strcmp(other->namespace_name, task->namespace_name) != 0 ||
            strcmp(other->service, task->service) != 0)
            continue;
        pair = find_pair(self, other->cgroup_id, policy->number);
        if (pair)
            return set_pair(self, task->cgroup_id, policy->number, pair->verdict);
    }
    policy_pair_drop(self, task->cgroup_id, policy->number);
    return 0;
}

static int adopt_policy_pair(const struct svc_policy_pair_key *key, const struct svc_policy_pair *value,
                             void *user)
{
    struct policies *self = user;
    struct policy_pair *pair = calloc(1, sizeof(*pair));

    if (!pair)
        return -ENOMEM;
    pair->key = *key;
    pair->verdict = value->verdict;
    HASH_ADD(hh, self->pairs, key, sizeof(pair->key), pair);
    return policies_are_moved(self) ? datapath_put_policy_pair(self->settings.datapath, key->cgroup_id,
                                                               key->policy, value->verdict)
                                    : 0;
}

static void drop_strange_pairs(struct policies *self)
{
    struct policy_pair *pair, *next;

    HASH_ITER (hh, self->pairs, pair, next) {
        if (!policy_task_find(self, pair->key.cgroup_id) ||
            !name_numbers_name(self->numbers, pair->key.policy))
            policy_pair_drop(self, pair->key.cgroup_id, pair->key.policy);
    }
}

int policy_pairs_adopt(struct policies *self)
{
    int r = datapath_each_policy_pair(self->settings.datapath, adopt_policy_pair, self);

    if (r == 0)
        drop_strange_pairs(self);
    return r;
}
