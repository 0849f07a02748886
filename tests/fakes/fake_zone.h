/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names for the responder (names/dns_answer.h) that lie in arrays. */
#pragma once

#include <string.h>

#include "names/dns_answer.h"

struct fake_service {
    const char *name;
    const struct dns_name *of; /* NULL: it leads nowhere */
};

struct fake_zone {
    const struct dns_name *names;
    size_t n_names;
    const struct fake_service *services;
    size_t n_services;
};

static inline bool fake_zone_is(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

static inline const struct dns_name *fake_zone_name(void *user, const char *text, size_t length)
{
    const struct fake_zone *zone = user;

    for (size_t i = 0; i < zone->n_names; i++)
        if (fake_zone_is(zone->names[i].name, text, length))
            return &zone->names[i];
    return NULL;
}

static inline bool fake_zone_service(void *user, const char *text, size_t length,
                                     const struct dns_name **ret_of)
{
    const struct fake_zone *zone = user;

    for (size_t i = 0; i < zone->n_services; i++)
        if (fake_zone_is(zone->services[i].name, text, length)) {
            *ret_of = zone->services[i].of;
            return true;
        }
    return false;
}

static inline const struct dns_name *fake_zone_address(void *user, const struct ip_address *address)
{
    const struct fake_zone *zone = user;

    for (size_t i = 0; i < zone->n_names; i++) {
        const struct dns_name *name = &zone->names[i];

        if (ip_address_equal(&name->address, address) ||
            (name->has_address6 && ip_address_equal(&name->address6, address)))
            return name;
    }
    return NULL;
}

/* 127.255.0.0/16 and fd00::/112. */
static inline struct dns_zone fake_zone_view(struct fake_zone *zone)
{
    return (struct dns_zone){.find_name = fake_zone_name,
                             .find_service = fake_zone_service,
                             .find_address = fake_zone_address,
                             .user = zone,
                             .range = {ip_address_from_v4(0x7fff0000), 112},
                             .range6 = {{{0xfd}}, 112}};
}
