/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* registry accept: an answer to a degraded state that only a person can give. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/text.h"

int command_registry_accept(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_change(invocation, "POST", "/v1/registry/accept", cJSON_CreateObject(), &response);
    uint64_t before, now;

    if (status != CLI_DONE || invocation->is_json)
        return status;
    before = text_number(response.json, "aliasesBefore");
    now = text_number(response.json, "aliases");
    if (strcmp(text_member(response.json, "was"), "ok") == 0)
        (void)printf("nothing to accept: the registry is the right one\n");
    else
        (void)printf("accepted: %" PRIu64 " aliases were published, %" PRIu64 " are now\n", before, now);
    return CLI_DONE;
}
