/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* URLs that need no resolver, which would make the loop wait. Pure. */
#pragma once

#include <stdbool.h>

#define FETCH_URL_MOST 512u /* bytes */

/* "http://IP[:PORT][/PATH]" or https, an IPv6 address in brackets; no user, no query and no fragment. */
bool fetch_url_is_usable(const char *url);
