/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which tasks there are, which policies, and when one is looked through for the other. */
#include "upkeep/policies.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "upkeep/policies_internal.h"

static struct policies *policies_of(void *user)
{
    return *(struct policies **)user;
}

static void policies_failed(struct policies *self, const char *what, int r)
{
    if (!self->is_failing)
        log_error("policies: %s: %s; tasks may be refused what they are allowed", what, strerror(-r));
    self->is_failing = true;
}

/* ---- policies ---- */

static int write_policy(struct policies *self, struct policy *policy, enum svc_policy_verdict others)
{
    struct svc_policy entry = {.others = others};
    int r;

    if (policy->is_written && policy->others == others)
        return 0;
    (void)snprintf(entry.services, sizeof(entry.services), "%s", policy->text);
    r = datapath_put_policy(self->settings.datapath, policy->number, &entry);
    if (r < 0)
        return r;
    policy->is_written = true;
    policy->others = others;
    return 0;
}

int policy_loosen(struct policies *self, struct policy *policy)
{
    char *rules = policy_rules(self, policy);
    const struct policy_task *task;
    int r = rules ? 0 : -ENOMEM;

    policy->left = 0;
    if (rules && policy->rules && policy->is_written && strcmp(rules, policy->rules) == 0) {
        free(rules);
        return 0;
    }
    if (r == 0 && (!policy->is_written || policy->others == POLICY_REFUSED))
        r = write_policy(self, policy, policy_others(self, policy));
    for (task = self->tasks; task && r == 0; task = task->hh.next)
        r = policy_pair_loosen(self, policy, task);
    if (r < 0) {
        free(rules);
        return r;
    }
    free(policy->rules);
    policy->rules = rules;
    policy->is_dirty = true;
    policies_do_later(self);
    return 0;
}

int policy_settle(struct policies *self, struct policy *policy)
{
    const struct policy_task *task;
    int r;

    if (!policy_is_current(self, policy)) {
        policy_doubt(self, policy);
        return 0;
    }
    r = policy_loosen(self, policy);
    if (r == 0)
        r = write_policy(self, policy, policy_others(self, policy));
    for (task = self->tasks; task && r == 0; task = task->hh.next)
        r = policy_pair_settle(self, policy, task);
    if (r < 0)
        policies_failed(self, policy->text, r);
    else
        policy->is_dirty = !policy_is_asked_for(self, policy);
    return r;
}

/* ---- tasks ---- */

static void free_policy_task(struct policies *self, struct policy_task *task)
{
    HASH_DEL(self->tasks, task);
    free(task->namespace_name);
    free(task->service);
    free(task);
}

struct policy_task *policy_task_find(const struct policies *self, uint64_t cgroup_id)
{
    struct policy_task *task;

    HASH_FIND(hh, self->tasks, &cgroup_id, sizeof(cgroup_id), task);
    return task;
}

/* *ret_is_other: it is new, or was another client. */
static int note_policy_task(struct policies *self, uint64_t cgroup_id, const char *namespace_name,
                            const char *service, struct policy_task **ret_task, bool *ret_is_other)
{
    struct policy_task *task = policy_task_find(self, cgroup_id);
    char *namespace_copy, *service_copy;

    *ret_task = task;
    *ret_is_other =
        !task || strcmp(task->namespace_name, namespace_name) != 0 || strcmp(task->service, service) != 0;
    if (!*ret_is_other)
        return 0;
    namespace_copy = strdup(namespace_name);
    service_copy = strdup(service);
    if (!task && namespace_copy && service_copy && (task = calloc(1, sizeof(*task)))) {
        task->cgroup_id = cgroup_id;
        HASH_ADD(hh, self->tasks, cgroup_id, sizeof(task->cgroup_id), task);
    }
    if (!namespace_copy || !service_copy || !task) {
        free(namespace_copy);
        free(service_copy);
        return -ENOMEM;
    }
    free(task->namespace_name);
    free(task->service);
    task->namespace_name = namespace_copy;
    task->service = service_copy;
    *ret_task = task;
    return 0;
}

int policies_admit(void *user, uint64_t cgroup_id, const char *namespace_name, const char *service)
{
    struct policies *self = policies_of(user);
    const struct policy *policy;
    struct policy_task *task;
    bool is_other;
    int r = self ? note_policy_task(self, cgroup_id, namespace_name, service, &task, &is_other) : 0;

    for (policy = self ? self->all : NULL; policy && r == 0; policy = policy->hh.next) {
        if (policy_is_current(self, policy))
            r = policy_pair_settle(self, policy, task);
        else if (is_other)
            r = policy_pair_follow(self, policy, task);
    }
    return r;
}

void policies_dismiss(void *user, uint64_t cgroup_id)
{
    struct policies *self = policies_of(user);
    struct policy_task *task = self ? policy_task_find(self, cgroup_id) : NULL;

    if (!task)
        return;
    for (const struct policy *policy = self->all; policy; policy = policy->hh.next)
        policy_pair_drop(self, cgroup_id, policy->number);
    free_policy_task(self, task);
}

/* ---- the start: what the kernel holds ---- */

static int adopt_policy_task(uint64_t cgroup_id, const struct svc_task *entry, void *user)
{
    struct policy_task *task;
    char namespace_name[SVC_NAMESPACE_SIZE];
    char service[SVC_SERVICE_SIZE];
    bool is_other;

    (void)snprintf(namespace_name, sizeof(namespace_name), "%.*s", (int)sizeof(entry->namespace) - 1,
                   entry->namespace);
    (void)snprintf(service, sizeof(service), "%.*s", (int)sizeof(entry->service) - 1, entry->service);
    return note_policy_task(user, cgroup_id, namespace_name, service, &task, &is_other);
}

static int policies_follow_begin(void *user, struct error *error)
{
    struct policies *self = policies_of(user);
    struct policy *policy, *next;
    int r;

    if (!self)
        return 0;
    r = policy_list_adopt(self);
    if (r == 0)
        r = datapath_each_task(self->settings.datapath, adopt_policy_task, self);
    if (r == 0)
        r = policy_pairs_adopt(self);
    if (r == 0)
        r = policy_addresses_adopt(self);
    if (r < 0)
        return error_errno(error, r, "reading who may call whom");
    HASH_ITER (hh, self->all, policy, next) {
        if (r == 0) {
            free(policy->rules); /* tasks were not known yet */
            policy->rules = NULL;
            r = policy_settle(self, policy);
        }
    }
    self->has_begun = true;
    policies_do_later(self);
    return r < 0 ? error_errno(error, r, "writing down who may call whom") : 0;
}

/* ---- changes ---- */

static int policies_follow_policy(void *user, const struct service *const *services, size_t n,
                                  uint32_t *ret_number, struct error *error)
{
    struct policies *self = policies_of(user);
    _cleanup_free_ struct policy_service *named = calloc(n, sizeof(*named));
    struct policy *policy = NULL;
    int r = named ? 0 : -ENOMEM;

    if (!self)
        return 0;
    for (size_t i = 0; i < n && r == 0; i++)
        named[i] = (struct policy_service){services[i]->parent->name, services[i]->name};
    if (r == 0)
        r = policy_list_get(self, named, n, false, &policy);
    if (r == 0)
        r = policy_loosen(self, policy);
    if (r == -E2BIG)
        return error_set(error, ENOSPC,
                         "more than %u policies, %u pairs of a task and a policy, or %u characters of a "
                         "route's services with policies",
                         SVC_MAX_POLICIES, SVC_MAX_POLICY_PAIRS, SVC_POLICY_SERVICES_SIZE - 1);
    if (r < 0)
        return error_errno(error, r, "planning who may call %s", services[0]->name);
    *ret_number = policy->number;
    return 0;
}

static void policies_follow_put(void *user, struct instance *instance)
{
    struct policies *self = policies_of(user);
    int r = self && self->has_begun ? policy_addresses_put(self, instance) : 0;

    if (r < 0)
        log_error("policies: %s/%s: its address stays as it is, and may be open to everybody: %s",
                  instance->service->name, instance->id, strerror(-r));
}

static void policies_follow_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct policies *self = policies_of(user);

    (void)namespace_name;
    if (self)
        policy_addresses_remove(self, number);
}

static void settle_changed(struct policy *policy, void *user)
{
    (void)policy_settle(user, policy);
}

static void policies_follow_service_changed(void *user, const char *namespace_name, const char *service)
{
    struct policies *self = policies_of(user);

    if (self)
        policy_list_each(self, namespace_name, service, settle_changed, self);
}

static void policies_follow_republished(void *user)
{
    struct policies *self = policies_of(user);
    struct policy *policy;

    if (!self)
        return;
    for (policy = self->all; policy; policy = policy->hh.next)
        policy->is_dirty = true;
    (void)policy_addresses_sweep(self);
    policies_do_later(self);
}

const struct engine_follower policies_follower = {
    .policy = policies_follow_policy,
    .put = policies_follow_put,
    .removed = policies_follow_removed,
    .service_changed = policies_follow_service_changed,
    .begin = policies_follow_begin,
    .republished = policies_follow_republished,
};

/* ---- life ---- */

int policies_new(const struct policies_settings *settings, struct policies **ret_policies)
{
    struct policies *self = calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->settings = *settings;
    if (name_numbers_new(&self->numbers, 1, SVC_MAX_POLICIES) < 0 || policies_make_timer(self) < 0) {
        policies_free(&self);
        return -ENOMEM;
    }
    *ret_policies = self;
    return 0;
}

void policies_free(struct policies **policies)
{
    struct policies *self = *policies;
    struct policy *policy, *next;
    struct policy_task *task, *next_task;
    struct policy_pair *pair, *next_pair;

    if (!self)
        return;
    if (self->timer) {
        engine_forget_waiter(self->settings.engine, self);
        event_free(self->timer);
    }
    policy_addresses_free(self);
    HASH_ITER (hh, self->pairs, pair, next_pair)
        policy_pair_free(self, pair);
    HASH_ITER (hh, self->tasks, task, next_task)
        free_policy_task(self, task);
    HASH_ITER (hh, self->all, policy, next)
        policy_list_free(self, policy);
    name_numbers_free(&self->numbers);
    free(self);
    *policies = NULL;
}
