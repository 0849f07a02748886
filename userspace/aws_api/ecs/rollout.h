/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How far a service's latest deployment has come. Names and endpoints are in effect when it is answered; what takes time is
 * a canary that moves a client alias to the service, or away from what the service publishes: while one is active the
 * rollout is in progress, and one that was rolled back after the deployment has failed it.
 */
#pragma once

#include <stdint.h>

#include "base/json.h"
#include "model/catalog.h"

enum rollout_state {
    ROLLOUT_COMPLETED,
    ROLLOUT_IN_PROGRESS,
    ROLLOUT_FAILED,
};

struct rollout {
    enum rollout_state state;
    double ended_at; /* ROLLOUT_FAILED: seconds of the clock on the wall */
    char reason[CANARY_REASON_SIZE + 200];
};

/* Of the document's service; `deployed_at` in seconds: canaries that ended before say nothing of it. */
void rollout_find(const struct model_namespace *parent, const char *document_name, double deployed_at,
                  struct rollout *ret_rollout);
/* Puts state and reason into a view of the deployment, if it has not completed. */
void rollout_show(const struct rollout *rollout, cJSON *view);
/* The status of a service deployment: "SUCCESSFUL", ... */
const char *rollout_status(const struct rollout *rollout);
