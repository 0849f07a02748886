/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Cloud Map's names for those outside tasks: <service>.<namespace> with the addresses of instances. Pure: the
 * caller has found what the name is and which instances are to be told.
 */
#pragma once

#include "base/address.h"
#include "names/dns_message.h"

#define DNS_DIRECTORY_MOST 8 /* instances told at a time, as Cloud Map does */

struct dns_endpoint {
    struct ip_address address;
    uint16_t port;
    char label[64]; /* of its own name, <label>.<service>.<namespace> */
};

enum dns_found {
    DNS_FOUND_NOTHING, /* in our namespaces, and there is no such thing */
    DNS_FOUND_ONLY,    /* there is something, but no records of its own */
    DNS_FOUND_SERVICE,
    DNS_FOUND_INSTANCE, /* one endpoint, which has no SRV */
};

/* `endpoints` in the order they are to be told, the first ones if not all fit. As dns_answer_build(). */
int dns_directory_build(enum dns_found found, const struct dns_endpoint *endpoints, size_t n, uint32_t ttl,
                        const struct dns_question *question, bool is_udp, uint8_t **ret_answer,
                        size_t *ret_size);
