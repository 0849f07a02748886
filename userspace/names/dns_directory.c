/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/dns_directory.h"

#include <errno.h>
#include <string.h>

#include "names/dns_writer.h"

#define RECORD_SIZE 12 /* of a record whose name is a pointer, without its data */
#define OPT_SIZE    11
#define PRIORITY    1 /* as Cloud Map's */

struct filling {
    const struct dns_found *found;
    uint32_t ttl;
    const struct dns_question *question;
    uint16_t type; /* of what is told */
    size_t room;   /* for records */
};

/* <name>.<the name that was asked for>; 0: there is no such name, it would be too long. */
static size_t target_name(const struct filling *filling, const struct dns_endpoint *endpoint,
                          uint8_t wire[static DNS_NAME_SIZE])
{
    const struct dns_question *question = filling->question;
    size_t used = 0;

    for (const char *label = endpoint->name; *label;) {
        size_t length = strcspn(label, ".");

        if (length == 0 || length > 63 || used + 1 + length + question->wire_size > DNS_NAME_SIZE - 1)
            return 0;
        wire[used] = (uint8_t)length;
        memcpy(wire + used + 1, label, length);
        used += 1 + length;
        label += length + (label[length] == '.');
    }
    if (used == 0)
        return 0;
    memcpy(wire + used, question->wire, question->wire_size);
    return used + question->wire_size;
}

static int dns_directory_add_service(ldns_pkt *packet, struct filling *filling,
                                     const struct dns_endpoint *endpoint)
{
    uint32_t ttl = filling->found->records.ttl[DNS_RECORD_SRV];
    uint8_t wire[DNS_NAME_SIZE];
    struct dns_owner target = {wire, target_name(filling, endpoint, wire)};
    int r;

    if (target.size == 0 || RECORD_SIZE + 6 + target.size > filling->room)
        return 0;
    filling->room -= RECORD_SIZE + 6 + target.size;
    r = dns_writer_service(packet, dns_writer_tail(filling->question, 0), ttl, PRIORITY, endpoint->port,
                           dns_writer_name(target));
    return r < 0 ? r : dns_writer_address(packet, LDNS_SECTION_ADDITIONAL, target, ttl, &endpoint->address);
}

static int add_address(ldns_pkt *packet, struct filling *filling, enum dns_record record,
                       const struct dns_endpoint *endpoint)
{
    bool is_v4 = ip_address_is_v4(&endpoint->address);
    size_t size = RECORD_SIZE + (is_v4 ? 4 : 16);

    if (is_v4 != (filling->type == DNS_A) || size > filling->room)
        return 0;
    filling->room -= size;
    return dns_writer_address(packet, LDNS_SECTION_ANSWER, dns_writer_tail(filling->question, 0),
                              filling->found->records.ttl[record], &endpoint->address);
}

/* Whatever is asked for; what cannot be a name is told as nothing. */
static int add_canonical(ldns_pkt *packet, const struct filling *filling)
{
    ldns_rdf *data[] = {filling->found->canonical ? ldns_dname_new_frm_str(filling->found->canonical) : NULL};

    return data[0]
               ? dns_writer_record(packet, LDNS_SECTION_ANSWER, dns_writer_tail(filling->question, 0),
                                   LDNS_RR_TYPE_CNAME, filling->found->records.ttl[DNS_RECORD_CNAME], data, 1)
               : 0;
}

static bool has_type(const struct dns_found *found, enum dns_record record)
{
    return found->records.types & 1u << record;
}

static int dns_directory_add_data(ldns_pkt *packet, struct filling *filling)
{
    const struct dns_found *found = filling->found;
    uint16_t type = filling->type;
    enum dns_record record = type == DNS_AAAA ? DNS_RECORD_AAAA : DNS_RECORD_A;
    bool is_service = found->kind == DNS_FOUND_SERVICE;
    int r = 0;

    if (is_service && has_type(found, DNS_RECORD_CNAME))
        return add_canonical(packet, filling);
    /* The name of an instance is there for the SRV records that lead to it. */
    for (size_t i = 0; i < found->n && r == 0; i++) {
        if (type == DNS_SRV && is_service && has_type(found, DNS_RECORD_SRV))
            r = dns_directory_add_service(packet, filling, &found->endpoints[i]);
        else if ((type == DNS_A || type == DNS_AAAA) && (!is_service || has_type(found, record)))
            r = add_address(packet, filling, is_service ? record : DNS_RECORD_SRV, &found->endpoints[i]);
    }
    return r;
}

static int dns_directory_fill(ldns_pkt *packet, void *user)
{
    struct filling filling = *(const struct filling *)user;
    int r = 0;

    if (filling.found->kind == DNS_FOUND_NOTHING)
        ldns_pkt_set_rcode(packet, LDNS_RCODE_NXDOMAIN);
    else if (filling.found->kind != DNS_FOUND_ONLY)
        r = dns_directory_add_data(packet, &filling);
    if (r == 0 && ldns_pkt_ancount(packet) == 0)
        r = dns_writer_authority(packet, dns_writer_tail(filling.question, 0), filling.ttl);
    return r;
}

int dns_directory_build(const struct dns_found *found, uint32_t ttl, const struct dns_question *question,
                        bool is_udp, uint8_t **ret_answer, size_t *ret_size)
{
    struct filling filling = {.found = found,
                              .ttl = ttl,
                              .question = question,
                              .type = question->type == DNS_ANY ? found->any : question->type};
    size_t used = DNS_HEADER_SIZE + question->wire_size + 4 + (question->has_edns ? OPT_SIZE : 0);
    size_t most = dns_writer_limit(question, is_udp);

    filling.room = most > used ? most - used : 0;
    return dns_writer_build(question, is_udp, dns_directory_fill, &filling, ret_answer, ret_size);
}
