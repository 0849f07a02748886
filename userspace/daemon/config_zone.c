/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting of the host's zone, apart from asking for it: a configuration is read without a network. */
#include "daemon/host_zone.h"

#include <string.h>

int host_zone_check(const char *field, const char *text, struct error *error)
{
    return zone_name_is_good(text, strlen(text))
               ? 0
               : error_input(error, field, text, "auto, ec2, off or a zone's name: %s", ZONE_NAME_TAKES);
}
