/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A DNS query as it comes from the wire, as far as it decides anything: header, the one question, EDNS. Reads
 * nothing beyond the message, follows no compression (a question has nothing to point to), takes no memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_SIZE 12
#define DNS_NAME_SIZE   256  /* text of a name with its NUL, of a wire name at most 255 */
#define DNS_UDP_SIZE    512  /* without EDNS */
#define DNS_UDP_LARGEST 1232 /* what this responder sends at most by UDP, and says that it takes */
#define DNS_MESSAGE_MAX 65535

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_OPT = 41,
    DNS_ANY = 255,
};

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16,
};

enum dns_verdict {
    DNS_QUERY,  /* one well-formed question */
    DNS_OTHER,  /* another operation or shape: for the upstream server to judge */
    DNS_BROKEN, /* a query whose question cannot be read: FORMERR */
    DNS_DROP,   /* too short, or an answer: nobody is to be told */
};

struct dns_question {
    uint16_t id;
    bool is_recursion_desired;
    bool is_checking_disabled;
    char name[DNS_NAME_SIZE];    /* lower case, labels joined by dots, none at the end; "" is the root */
    bool is_plain;               /* no byte in it that would need an escape */
    uint8_t wire[DNS_NAME_SIZE]; /* the name as it was spelled */
    size_t wire_size;
    uint16_t type; /* of the question, enum dns_type among them */
    uint16_t class;
    size_t message_size;
    bool has_edns;
    bool is_dnssec_ok;
    uint8_t edns_version;
    uint16_t udp_size; /* what the asker takes by UDP: at least DNS_UDP_SIZE */
};

/* *ret_question is filled for DNS_QUERY, and its id for DNS_BROKEN and DNS_OTHER. */
enum dns_verdict dns_message_read(const uint8_t *message, size_t size, struct dns_question *ret_question);

/* The message's header with an error and no sections, as an answer to what cannot be read. 12 bytes;
 * `answer` may be the query itself. */
void dns_message_refuse(const uint8_t *query, enum dns_rcode rcode, uint8_t answer[static DNS_HEADER_SIZE]);

/* The query with its question and nothing else, as an answer with an error; into `answer`, which has room for
 * the query, or is it. Returns its size. */
size_t dns_message_fail(const uint8_t *query, const struct dns_question *question, enum dns_rcode rcode,
                        uint8_t *answer);

/* Does the answer carry the same question as the query? Letters in any case. */
bool dns_message_answers(const uint8_t *answer, size_t size, const struct dns_question *question);
