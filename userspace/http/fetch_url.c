/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "http/fetch_url.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

static bool is_host_usable(const char *host, size_t length)
{
    char where[FETCH_URL_MOST + 8];
    struct ip_address address;
    uint16_t port;

    (void)snprintf(where, sizeof(where), "%.*s", (int)length, host);
    if (ip_endpoint_parse(where, &address, &port) == 0)
        return port > 0;
    (void)snprintf(where, sizeof(where), "%.*s:80", (int)length, host);
    return ip_endpoint_parse(where, &address, &port) == 0;
}

bool fetch_url_is_usable(const char *url)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;

    if (!host || strlen(url) > FETCH_URL_MOST)
        return false;
    for (const char *next = host; *next; next++)
        if (*next <= ' ' || *next > '~' || strchr("?#\\\"", *next))
            return false;
    return is_host_usable(host, strcspn(host, "/"));
}
