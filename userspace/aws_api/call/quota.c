/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/call/quota.h"

#include <errno.h>

struct aws_usage aws_usage_of(struct aws_call *call)
{
    struct aws_usage usage = {0};
    const struct model_namespace *parent;
    const struct aws_record *record = NULL;

    if (!aws_is_bound(call))
        return usage;
    parent = aws_namespace_named(call, call->who->namespace_name);
    for (const struct service *service = parent ? parent->services : NULL; service;
         service = service->hh.next) {
        usage.services += service->is_declared;
        usage.instances += HASH_COUNT(service->instances) + HASH_COUNT(service->records);
    }
    while ((record = aws_next_record(call, AWS_TASK_DEFINITIONS, record)))
        usage.definitions++;
    return usage;
}

int aws_check_quotas(struct aws_call *call, const struct aws_quotas *quotas, const struct aws_usage *before,
                     bool is_ecs)
{
    const struct aws_usage now = aws_usage_of(call);
    const struct {
        uint64_t before, now, most;
        const char *what, *setting;
    } all[] = {
        {before->instances, now.instances, quotas->instances, "instances", "instances"},
        {before->services, now.services, quotas->services, "services", "services"},
        {before->definitions, now.definitions, quotas->definitions, "task definitions", "taskDefinitions"},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (all[i].most && all[i].now > all[i].most && all[i].now > all[i].before)
            return aws_fail(
                call->error, is_ecs ? "ClientException" : "ResourceLimitExceeded",
                "The namespace %.300s may have %llu %s: remove some, or have quotas.%s of svcconnectd "
                "raised.",
                call->who->namespace_name, (unsigned long long)all[i].most, all[i].what, all[i].setting);
    return 0;
}

bool aws_take_write(struct aws_credential *who, const struct aws_quotas *quotas, uint64_t now_ms)
{
    uint64_t most = (uint64_t)quotas->writes_per_second * AWS_QUOTA_BURST_S * 1000;
    uint64_t left = who->writes_left + (now_ms - who->filled_ms) * quotas->writes_per_second;

    if (!*who->namespace_name || !quotas->writes_per_second)
        return true;
    if (!who->filled_ms || left > most)
        left = most;
    who->filled_ms = now_ms;
    who->writes_left = left < 1000 ? left : left - 1000;
    return left >= 1000;
}
