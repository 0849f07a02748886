/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is done later, in rounds: a change that was refused has let somebody through, or one that no row of a service told of;
 * and what nobody asks for any more goes in the second round, when no program can be under way with its number.
 */
#include <errno.h>
#include <event2/event.h>

#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "upkeep/policies_internal.h"

#define POLICIES_A_LOOK 16u /* all tasks are looked through for each */

static const struct timeval policies_later = {.tv_sec = 10}, policies_soon = {.tv_usec = 2000};

void policies_do_later(struct policies *self)
{
    self->is_to_return = true;
    if (self->timer && self->has_begun && !event_pending(self->timer, EV_TIMEOUT, NULL))
        (void)event_add(self->timer, &policies_later);
}

bool policy_is_asked_for(const struct policies *self, const struct policy *policy)
{
    return policy_is_current(self, policy) && (!policy->is_any || policy->n_addresses > 0);
}

void policy_doubt(struct policies *self, struct policy *policy)
{
    policy->is_dirty = true;
    policies_do_later(self);
}

static void drop_policy(struct policies *self, struct policy *policy)
{
    const struct policy_task *task;
    uint32_t number;

    for (task = self->tasks; task; task = task->hh.next)
        policy_pair_drop(self, task->cgroup_id, policy->number);
    (void)datapath_delete_policy(self->settings.datapath, policy->number);
    (void)name_numbers_retire(self->numbers, policy->text, &number);
    name_numbers_reuse(self->numbers, number);
    policy_list_free(self, policy);
}

/* True: it is to be looked at in the next round as well. */
static bool look_at_policy(struct policies *self, struct policy *policy)
{
    if (policy_is_asked_for(self, policy)) {
        (void)policy_settle(self, policy);
        return policy->is_dirty;
    }
    if (engine_is_degraded(self->settings.engine))
        return false; /* tables that are kept may ask for it */
    if (policy->left && policy->left != self->round) {
        drop_policy(self, policy);
        return false;
    }
    policy->left = self->round;
    return true;
}

bool policies_look(struct policies *self)
{
    struct policy *policy, *next;
    unsigned n = 0;

    if (!self->is_looking) {
        self->round++;
        self->is_to_return = false;
    }
    self->is_looking = true;
    HASH_ITER (hh, self->all, policy, next) {
        if (!policy->is_dirty || policy->looked == self->round)
            continue;
        if (n++ == POLICIES_A_LOOK)
            return true;
        policy->looked = self->round;
        if (look_at_policy(self, policy))
            self->is_to_return = true;
    }
    self->is_looking = false;
    return false;
}

static void policies_look_on(void *user)
{
    struct policies *self = user;

    if (policies_look(self))
        (void)event_add(self->timer, &policies_soon);
    else if (self->is_to_return)
        (void)event_add(self->timer, &policies_later);
}

static void policies_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct policies *self = user;

    (void)fd;
    (void)what;
    if (engine_is_steady(self->settings.engine))
        policies_look_on(self);
    else if (engine_when_steady(self->settings.engine, policies_look_on, self) < 0)
        policies_do_later(self);
}

int policies_make_timer(struct policies *self)
{
    if (!self->settings.base)
        return 0;
    self->timer = event_new(self->settings.base, -1, 0, policies_on_timer, self);
    return self->timer ? 0 : -ENOMEM;
}
