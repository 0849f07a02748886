/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whether whoever brings a health check may have it: a command of this host is run by root. */
#include "settings/settings_reading.h"

#define CHECK "healthCheck"

static void refuse_stranger(struct settings_reading *reading, const cJSON *object)
{
    bool is_form_of_ecs = cJSON_GetObjectItemCaseSensitive(object, "command") &&
                          !cJSON_GetObjectItemCaseSensitive(object, "type");

    settings_refuse(reading, is_form_of_ecs ? CHECK ".command" : CHECK ".type", "exec",
                    "tcp, http, https, none; only the control socket and services.d may set commands of "
                    "this host");
}

void health_check_check_rights(struct settings_reading *reading, const cJSON *object,
                               const struct health_check *check)
{
    char named[128];

    if (check->type != HEALTH_CHECK_EXEC || reading->rights.origin == SETTINGS_STORED)
        return;
    if (reading->rights.origin != SETTINGS_OF_HOST)
        refuse_stranger(reading, object);
    else if (check->command && !exec_policy_allows(reading->rights.exec, check->command[0]))
        settings_refuse(reading, CHECK ".command", check->command[0],
                        "a program of the daemon's setting " EXEC_POLICY_SETTING ", %s",
                        exec_policy_describe(reading->rights.exec, named, sizeof(named)));
}
