/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names of zones, and the text that says how many clients are in each: "us-east-1a=3,us-east-1b=1". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_MAX       63
#define ZONE_NAME_TAKES     "1 to 63 letters, digits, - _ . : and /"
#define ZONE_CLIENTS_ZONES  32
#define ZONE_CLIENTS_NUMBER 65535u

struct zone_clients {
    const char *name; /* within the text, not ended by a NUL */
    size_t length;
    uint32_t number; /* of clients there, 0..ZONE_CLIENTS_NUMBER, in any unit */
};

/* Is it one of ZONE_NAME_TAKES? */
bool zone_name_is_good(const char *name, size_t length);

/*
 * The zones of a text, each once, ZONE_CLIENTS_ZONES at most, with clients in one of them at least. -EINVAL:
 * it is none; *ret_n is untouched.
 */
int zone_clients_parse(const char *text, struct zone_clients ret_zones[static ZONE_CLIENTS_ZONES],
                       size_t *ret_n);
