/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/dns_writer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define LARGEST_GAIN 4
#define CLASS_IN     1

/* What is left out to make an answer shorter. */
enum fullness {
    WHOLE,
    WITHOUT_ADDITIONAL,
    CUT,
};

static void cleanup_packet(ldns_pkt **packet)
{
    ldns_pkt_free(*packet);
}

struct dns_owner dns_writer_tail(const struct dns_question *question, unsigned labels)
{
    size_t at = 0;

    while (labels-- > 0 && question->wire[at])
        at += 1u + question->wire[at];
    return (struct dns_owner){question->wire + at, question->wire_size - at};
}

ldns_rdf *dns_writer_name(struct dns_owner name)
{
    return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.size, name.wire);
}

int dns_writer_record(ldns_pkt *packet, ldns_pkt_section section, struct dns_owner name, ldns_rr_type type,
                      uint32_t ttl, ldns_rdf *data[], size_t n)
{
    ldns_rr *record = ldns_rr_new();
    ldns_rdf *owner = dns_writer_name(name);
    bool is_whole = record && owner;

    for (size_t i = 0; i < n; i++)
        is_whole = is_whole && data[i];
    if (record) {
        ldns_rr_set_owner(record, owner);
        ldns_rr_set_type(record, type);
        ldns_rr_set_class(record, LDNS_RR_CLASS_IN);
        ldns_rr_set_ttl(record, ttl);
        owner = NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!record || !data[i] || !ldns_rr_push_rdf(record, data[i])) {
            ldns_rdf_deep_free(data[i]);
            is_whole = false;
        }
    if (is_whole && ldns_pkt_push_rr(packet, section, record))
        return 0;
    ldns_rdf_deep_free(owner);
    ldns_rr_free(record);
    return -ENOMEM;
}

int dns_writer_service(ldns_pkt *packet, struct dns_owner owner, uint32_t ttl, uint16_t priority,
                       uint16_t port, ldns_rdf *target)
{
    ldns_rdf *data[] = {ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, priority),
                        ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 1),
                        ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, port), target};

    return dns_writer_record(packet, LDNS_SECTION_ANSWER, owner, LDNS_RR_TYPE_SRV, ttl, data, 4);
}

int dns_writer_address(ldns_pkt *packet, ldns_pkt_section section, struct dns_owner owner, uint32_t ttl,
                       const struct ip_address *address)
{
    bool is_v4 = ip_address_is_v4(address);
    ldns_rdf *data[] = {ldns_rdf_new_frm_data(is_v4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, is_v4 ? 4 : 16,
                                              address->bytes + (is_v4 ? 12 : 0))};

    return dns_writer_record(packet, section, owner, is_v4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA, ttl, data,
                             1);
}

int dns_writer_authority(ldns_pkt *packet, struct dns_owner owner, uint32_t ttl)
{
    ldns_rdf *data[] = {dns_writer_name(owner),
                        dns_writer_name((struct dns_owner){(const uint8_t *)"", 1}),
                        ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, 1),
                        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, ttl),
                        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, ttl),
                        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, ttl),
                        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, ttl)};

    return dns_writer_record(packet, LDNS_SECTION_AUTHORITY, owner, LDNS_RR_TYPE_SOA, ttl, data, 7);
}

static int add_answer(ldns_pkt *packet, const struct dns_question *question,
                      int (*fill)(ldns_pkt *packet, void *user), void *user)
{
    if (question->has_edns && question->edns_version > 0) {
        ldns_pkt_set_edns_extended_rcode(packet, DNS_BADVERS >> 4);
        return 0;
    }
    if (question->class != CLASS_IN) {
        ldns_pkt_set_rcode(packet, LDNS_RCODE_REFUSED);
        return 0;
    }
    ldns_pkt_set_aa(packet, true);
    return fill(packet, user);
}

static int add_question(ldns_pkt *packet, const struct dns_question *question)
{
    ldns_rr *record = ldns_rr_new();
    ldns_rdf *owner = dns_writer_name(dns_writer_tail(question, 0));

    if (!record || !owner) {
        ldns_rr_free(record);
        ldns_rdf_deep_free(owner);
        return -ENOMEM;
    }
    ldns_rr_set_question(record, true);
    ldns_rr_set_owner(record, owner);
    ldns_rr_set_type(record, question->type);
    ldns_rr_set_class(record, question->class);
    if (ldns_pkt_push_rr(packet, LDNS_SECTION_QUESTION, record))
        return 0;
    ldns_rr_free(record);
    return -ENOMEM;
}

static int write_packet(const struct dns_question *question, enum fullness fullness,
                        int (*fill)(ldns_pkt *packet, void *user), void *user, uint8_t **ret_answer,
                        size_t *ret_size)
{
    _cleanup_(cleanup_packet) ldns_pkt *packet = ldns_pkt_new();
    int r = packet ? add_question(packet, question) : -ENOMEM;

    if (r < 0)
        return r;
    ldns_pkt_set_id(packet, question->id);
    ldns_pkt_set_qr(packet, true);
    ldns_pkt_set_rd(packet, question->is_recursion_desired);
    ldns_pkt_set_cd(packet, question->is_checking_disabled);
    ldns_pkt_set_ra(packet, true);
    if (question->has_edns)
        ldns_pkt_set_edns_udp_size(packet, DNS_UDP_LARGEST);
    if (fullness == CUT)
        ldns_pkt_set_tc(packet, true);
    else
        r = add_answer(packet, question, fill, user);
    if (r < 0)
        return r;
    if (fullness != WHOLE) {
        ldns_rr_list_deep_free(ldns_pkt_additional(packet));
        ldns_pkt_set_additional(packet, ldns_rr_list_new());
        ldns_pkt_set_arcount(packet, 0);
    }
    return ldns_pkt2wire(ret_answer, packet, ret_size) == LDNS_STATUS_OK ? 0 : -ENOMEM;
}

size_t dns_writer_limit(const struct dns_question *question, bool is_udp)
{
    size_t size = question->udp_size < DNS_UDP_LARGEST ? question->udp_size : DNS_UDP_LARGEST;

    if (!is_udp)
        return DNS_MESSAGE_MAX;
    return question->message_size * LARGEST_GAIN < size ? question->message_size * LARGEST_GAIN : size;
}

int dns_writer_build(const struct dns_question *question, bool is_udp,
                     int (*fill)(ldns_pkt *packet, void *user), void *user, uint8_t **ret_answer,
                     size_t *ret_size)
{
    size_t most = dns_writer_limit(question, is_udp);
    uint8_t *answer = NULL;
    size_t size = 0;

    for (enum fullness fullness = WHOLE; fullness <= CUT; fullness++) {
        int r;

        free(TAKE_PTR(answer));
        r = write_packet(question, fullness, fill, user, &answer, &size);
        if (r < 0)
            return r;
        if (size <= most)
            break;
    }
    *ret_answer = answer;
    *ret_size = size;
    return 0;
}
