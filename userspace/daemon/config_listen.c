/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_listen.h"

#include <string.h>

/* "off" leaves both as they are. */
static int check_listen(const struct config *config, const struct config_setting *setting,
                        struct ip_address *address, uint16_t *port, struct error *error)
{
    const char *text = setting_text_of(config, setting);

    if (strcmp(text, "off") != 0 && ip_endpoint_parse(text, address, port) < 0)
        return error_input(error, setting->member, text, "IP:PORT, [IPv6]:PORT or off");
    return 0;
}

int config_check_dns_listen(struct config *config, const struct config_setting *setting, struct error *error)
{
    config->dns_listen_port = 0;
    return check_listen(config, setting, &config->dns_listen_address, &config->dns_listen_port, error);
}

int config_check_tcp_listen(struct config *config, const struct config_setting *setting, struct error *error)
{
    struct ip_address address;
    uint16_t port;

    return check_listen(config, setting, &address, &port, error);
}
