/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call whom, as the API's answers have it. */
#pragma once

#include <cjson/cJSON.h>

#include <svcconnect/policy.h>

struct service;

const char *policy_word(enum svc_policy_verdict verdict); /* "allowed", "refused", "audited" */

/* Adds `allowFrom` ("": everybody) and `policyMode`. */
void policy_describe(const struct service *service, cJSON *object);
