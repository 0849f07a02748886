/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_switches.h"

#include <string.h>

#include <svcconnect/callers.h>

#include "base/number.h"

static int read_switch(const struct config *config, const struct config_setting *setting, bool *ret_is_on,
                       struct error *error)
{
    const char *text = setting_text_of(config, setting);

    *ret_is_on = strcmp(text, "on") == 0;
    return *ret_is_on || strcmp(text, "off") == 0 ? 0 : error_input(error, setting->member, text, "on, off");
}

int config_check_adopt_empty(struct config *config, const struct config_setting *setting, struct error *error)
{
    return read_switch(config, setting, &config->adopts_empty, error);
}

int config_check_container_gate(struct config *config, const struct config_setting *setting,
                                struct error *error)
{
    return read_switch(config, setting, &config->is_container_gate_on, error);
}

int config_check_dns(struct config *config, const struct config_setting *setting, struct error *error)
{
    return read_switch(config, setting, &config->is_dns_on, error);
}

#define LOG_LEAST 2u
#define LOG_MOST  1000000u

int config_check_connection_log(struct config *config, const struct config_setting *setting,
                                struct error *error)
{
    const char *text = setting_text_of(config, setting);
    uint64_t one_of;

    if (strcmp(text, "off") == 0)
        config->connection_log = SVC_LOG_OFF;
    else if (strcmp(text, "failed") == 0)
        config->connection_log = SVC_LOG_FAILED;
    else if (strcmp(text, "all") == 0)
        config->connection_log = SVC_LOG_ALL;
    else if (strncmp(text, "1/", 2) == 0 && parse_number(text + 2, LOG_LEAST, LOG_MOST, &one_of) == 0)
        config->connection_log = (uint32_t)one_of;
    else
        return error_input(error, setting->member, text, "off, failed, 1/N with N from %u to %u, all",
                           LOG_LEAST, LOG_MOST);
    return 0;
}

int config_check_callers(struct config *config, const struct config_setting *setting, struct error *error)
{
    return read_switch(config, setting, &config->counts_callers, error);
}
