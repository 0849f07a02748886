/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which zone this host is in: what the setting says, or whom it says to ask. */
#pragma once

#include "base/error.h"
#include "settings/zone_clients.h"

#define HOST_ZONE_AUTO     "auto" /* the environment, or nobody knows */
#define HOST_ZONE_EC2      "ec2"
#define HOST_ZONE_OFF      "off"
#define HOST_ZONE_VARIABLE "SVCCONNECT_ZONE"

struct host_zone {
    char name[ZONE_NAME_MAX + 1]; /* "": nobody knows */
    const char *from;             /* for people */
};

/* Is the text of the setting one of these, or a zone's name? -EINVAL. */
int host_zone_check(const char *field, const char *text, struct error *error);

/* May wait some seconds for EC2's metadata service. One that does not answer is told in the log, and the zone is not
 * known then; -EINVAL: the environment has a text that is no zone's name. */
int host_zone_find(const char *text, struct host_zone *ret_zone, struct error *error);
