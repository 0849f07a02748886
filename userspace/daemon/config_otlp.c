/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_otlp.h"

#include <string.h>

#include "http/fetch_url.h"

int config_check_otlp_endpoint(struct config *config, const struct config_setting *setting,
                               struct error *error)
{
    const char *text = setting_text_of(config, setting);
    char path[SETTING_PATH_SIZE];

    if (strcmp(text, "off") == 0 || fetch_url_is_usable(text))
        return 0;
    return error_input(
        error, setting_path(setting, path), text,
        "http://IP[:PORT][/PATH] or the same with https (no host name: a collector on this host forwards to "
        "one), or off");
}
