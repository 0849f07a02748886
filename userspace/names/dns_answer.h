/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers to questions about the names that a task sees. Pure: a question and where names are found in, the
 * bytes of an answer out. What is no name of ours is somebody else's to answer.
 *
 *   NAME               A, AAAA (where there is one), SRV: each port; ANY: A and AAAA (RFC 8482); other types:
 *                      there is no such data
 *   _SERVICE._tcp.NAME SRV: the ports of that protocol, or the one of that number for _80._tcp.NAME; but no
 *                      _grpclb, which would make load balancers of them
 *   reverse names      PTR, of all addresses of the alias ranges
 *   SERVICE.SUFFIX     what the name has that the service leads to; without one there is no data
 *   NAME.SEARCH        the same as NAME: what a resolver makes of it with a search domain
 */
#pragma once

#include "base/address.h"
#include "names/dns_message.h"
#include <svcconnect/abi.h>

struct dns_port {
    uint16_t port;
    uint8_t protocol; /* enum svc_protocol */
};

struct dns_name {
    const char *name; /* lower case */
    struct ip_address address;
    struct ip_address address6;
    bool has_address6;
    const struct dns_port *ports;
    size_t n_ports;
};

struct dns_range {
    struct ip_address address;
    unsigned bits; /* of all 128, also of a mapped IPv4 address */
};

/*
 * The names there are: who answers has functions that find one. Texts are in lower case and as long as is said;
 * what is found is good until the next call of any of them.
 */
struct dns_zone {
    const struct dns_name *(*find_name)(void *user, const char *text, size_t length);

    /* Is there a service of that name? *ret_of: whose addresses and ports its names have; NULL: nobody's yet. */
    bool (*find_service)(void *user, const char *text, size_t length, const struct dns_name **ret_of);

    /* By its address of either family, that of IPv6 only if it `has_address6`. */
    const struct dns_name *(*find_address)(void *user, const struct ip_address *address);

    void *user;
    struct dns_range range; /* the addresses that are ours to name */
    struct dns_range range6;
    const char *const *suffixes; /* lower case, NULL-terminated; NULL: services have no names of their own */
};

struct dns_view {
    const struct dns_zone *zone;
    const char *const *search; /* the resolver's domains, lower case, NULL-terminated; NULL: none */
    uint32_t ttl;              /* seconds */
};

/* How a name is one that tasks see. */
enum dns_match_kind {
    DNS_MATCH_NONE, /* somebody else's to answer */
    DNS_MATCH_ALIAS,
    DNS_MATCH_SERVICE, /* SERVICE, or with a suffix SERVICE.SUFFIX */
};

struct dns_match {
    enum dns_match_kind kind;
    const struct dns_name *name; /* where it leads; NULL: nowhere yet */
    const char *suffix;          /* of the zone; NULL: none */
    const char *domain;          /* of the view's search domains, which was cut off; NULL: none */
};

/* `name` in lower case, without a dot at its end. What it leads to is the zone's. */
struct dns_match dns_answer_match(const struct dns_view *view, const char *name);

/* The name that tasks see at the address; NULL: none. *ret_is_ours: the address is one that only aliases have. */
const struct dns_name *dns_answer_at(const struct dns_zone *zone, const struct ip_address *address,
                                     bool *ret_is_ours);

/* Is there something to say, also if it is only that there is no such thing? */
bool dns_answer_is_ours(const struct dns_view *view, const struct dns_question *question);

/*
 * The answer to a question that is ours: the caller frees *ret_answer. By UDP it has at most four
 * times the size of the query, and what the asker takes; what does not fit is cut with the sign to ask by
 * TCP. -ENOMEM. -ENOENT: not ours.
 */
int dns_answer_build(const struct dns_view *view, const struct dns_question *question, bool is_udp,
                     uint8_t **ret_answer, size_t *ret_size);
