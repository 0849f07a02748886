/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Cloud Map's names for those outside tasks: <service>.<namespace> with the addresses of instances. Pure: the
 * caller has found what the name is and which instances are to be told.
 */
#pragma once

#include "base/address.h"
#include "model/dns_records.h"
#include "names/dns_message.h"

#define DNS_DIRECTORY_MOST 8  /* instances told at a time, as Cloud Map does */
#define DNS_ENDPOINT_NAME  66 /* an instance's id is one where it can be: labels joined by dots */

struct dns_endpoint {
    struct ip_address address;
    uint16_t port;
    char name[DNS_ENDPOINT_NAME]; /* <name>.<service>.<namespace> is this one */
};

enum dns_found_kind {
    DNS_FOUND_NOTHING, /* in our namespaces, and there is no such thing */
    DNS_FOUND_ONLY,    /* there is something, but no records of its own */
    DNS_FOUND_SERVICE,
    DNS_FOUND_INSTANCE, /* which has no SRV */
};

struct dns_found {
    enum dns_found_kind kind;
    struct dns_records records; /* the service's: types that it does not have are not answered */
    uint16_t any;               /* the type that a question of ANY is answered with (RFC 8482) */
    const char *canonical;      /* with a record of type CNAME: the name to ask for; NULL: none */
    /* In the order they are to be told, the first ones if not all fit; for A and AAAA of that family only. */
    struct dns_endpoint endpoints[DNS_DIRECTORY_MOST];
    size_t n;
};

/* `ttl`: how long it may be remembered that there is nothing. As dns_answer_build(). */
int dns_directory_build(const struct dns_found *found, uint32_t ttl, const struct dns_question *question,
                        bool is_udp, uint8_t **ret_answer, size_t *ret_size);
