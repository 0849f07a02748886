/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/ecs/rollout.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_of_document(const struct service *service, const char *document_name)
{
    return service && service->document && strcmp(service->document, document_name) == 0;
}

/* It leads to the service, or from a name that the service publishes. */
static bool rollout_concerns(const struct model_namespace *parent, const struct catalog_canary *entry,
                             const char *document_name)
{
    const struct alias_owner *owner = catalog_alias_owner(parent, entry->identity);
    const struct service *to = catalog_service(parent->catalog, parent->name, entry->canary.to);

    return is_of_document(to, document_name) || (owner && is_of_document(owner->service, document_name));
}

void rollout_find(const struct model_namespace *parent, const char *document_name, double deployed_at,
                  struct rollout *ret_rollout)
{
    *ret_rollout = (struct rollout){0};
    for (const struct catalog_canary *entry = parent->canaries; entry; entry = entry->hh.next) {
        const struct canary *canary = &entry->canary;
        double ended_at = (double)canary->ended_at / 1000;

        if (!rollout_concerns(parent, entry, document_name))
            continue;
        if (canary_is_active(canary)) {
            ret_rollout->state = ROLLOUT_IN_PROGRESS;
            (void)snprintf(ret_rollout->reason, sizeof(ret_rollout->reason),
                           "a canary moves %.100s to %.100s: %u.%u %% are there.", entry->identity,
                           canary->to, canary->share / CANARY_PERCENT, canary->share % CANARY_PERCENT);
            return;
        }
        if (canary->state != CANARY_ROLLED_BACK || ended_at < deployed_at || ended_at < ret_rollout->ended_at)
            continue;
        ret_rollout->state = ROLLOUT_FAILED;
        ret_rollout->ended_at = ended_at;
        (void)snprintf(ret_rollout->reason, sizeof(ret_rollout->reason),
                       "a canary of %.100s was rolled back: %s", entry->identity, canary->reason);
    }
}

static void rollout_set(cJSON *view, const char *member, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(view, member);
    (void)cJSON_AddStringToObject(view, member, text);
}

void rollout_show(const struct rollout *rollout, cJSON *view)
{
    if (rollout->state == ROLLOUT_COMPLETED || !view)
        return;
    rollout_set(view, "rolloutState", rollout->state == ROLLOUT_FAILED ? "FAILED" : "IN_PROGRESS");
    rollout_set(view, "rolloutStateReason", rollout->reason);
}

const char *rollout_status(const struct rollout *rollout)
{
    static const char *const names[] = {"SUCCESSFUL", "IN_PROGRESS", "ROLLBACK_SUCCESSFUL"};

    return names[rollout->state];
}
