/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call whom, for people: what the programs have refused, and what they would. */
#include "datapath/datapath.h"
#include "events/event_log.h"
#include "model/catalog.h"
#include "upkeep/policies_internal.h"

void policies_tell(struct policies *self, const struct svc_event *event)
{
    const struct policy *policy = self ? policy_list_find(self, event->endpoint) : NULL;
    const struct policy_task *task = NULL;

    for (task = self ? self->tasks : NULL; task; task = task->hh.next)
        if ((uint32_t)task->cgroup_id == event->value)
            break;
    if (!policy || !task || !self->settings.events)
        return;
    event_log_add(self->settings.events, EVENT_POLICY, policy->services[0].namespace_name,
                  policy->services[0].name, NULL, "%s%s%s%s %s %s", task->namespace_name,
                  *task->service ? "/" : "", task->service, *task->service ? "" : " (no service)",
                  event->outcome == POLICY_REFUSED ? "is refused: it may not call"
                                                   : "would be refused (policyMode=audit): it may not call",
                  policy->text);
}

enum svc_policy_verdict policies_verdict(const struct service *service, const struct caller *caller)
{
    const struct service_settings *settings = service_get_settings(service);
    const struct caller_rule rule = {service->parent->name, settings->allow_from, settings->is_policy_audit};

    return caller_verdict(&rule, 1, false, caller);
}

struct policy_sum {
    const struct policies *policies;
    struct policy_counts counts;
};

static void sum_policy(struct policy *policy, void *user)
{
    struct policy_sum *sum = user;
    struct svc_policy entry;

    if (datapath_policy(sum->policies->settings.datapath, policy->number, &entry) < 0)
        return;
    sum->counts.refused += entry.refused;
    sum->counts.audited += entry.audited;
}

struct policy_counts policies_counts(const struct policies *self, const struct service *service)
{
    struct policy_sum sum = {.policies = self};

    if (self)
        policy_list_each(self, service->parent->name, service->name, sum_policy, &sum);
    return sum.counts;
}

struct policies_figures policies_figures(const struct policies *self)
{
    return self ? (struct policies_figures){HASH_COUNT(self->all), HASH_COUNT(self->pairs), self->n_guarded}
                : (struct policies_figures){0};
}
