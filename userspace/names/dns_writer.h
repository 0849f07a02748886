/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers as bytes, with ldns: private to dns_answer and dns_directory. */
#pragma once

#include <ldns/ldns.h>

#include "base/address.h"
#include "names/dns_message.h"

/* A name as it was spelled, on the wire. */
struct dns_owner {
    const uint8_t *wire;
    size_t size;
};

/* The question's name without so many labels at its front. */
struct dns_owner dns_writer_tail(const struct dns_question *question, unsigned labels);
ldns_rdf *dns_writer_name(struct dns_owner name); /* NULL: no memory */

/* These take what `data` and `target` hold, also on failure, also NULL. 0 or -ENOMEM. */
int dns_writer_record(ldns_pkt *packet, ldns_pkt_section section, struct dns_owner owner, ldns_rr_type type,
                      uint32_t ttl, ldns_rdf *data[], size_t n);
int dns_writer_service(ldns_pkt *packet, struct dns_owner owner, uint32_t ttl, uint16_t priority,
                       uint16_t port, ldns_rdf *target); /* of weight 1 */
int dns_writer_address(ldns_pkt *packet, ldns_pkt_section section, struct dns_owner owner, uint32_t ttl,
                       const struct ip_address *address);
/* Says for how long the asker may remember that there is nothing. */
int dns_writer_authority(ldns_pkt *packet, struct dns_owner owner, uint32_t ttl);

/* What an answer may have at most: by UDP four times the query, no use as an amplifier. */
size_t dns_writer_limit(const struct dns_question *question, bool is_udp);

/*
 * `fill` adds records and sets the code of an answer with authority; it is not asked about what is refused
 * anyway (other classes, other versions of EDNS), and perhaps again when its answer is too long: first
 * what is additional goes, then all of it, with the sign to ask by TCP. The caller frees *ret_answer. -ENOMEM.
 */
int dns_writer_build(const struct dns_question *question, bool is_udp,
                     int (*fill)(ldns_pkt *packet, void *user), void *user, uint8_t **ret_answer,
                     size_t *ret_size);
