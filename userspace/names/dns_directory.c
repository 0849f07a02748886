/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/dns_directory.h"

#include <errno.h>
#include <string.h>

#include "names/dns_writer.h"

#define RECORD_SIZE 12 /* of a record whose name is a pointer, without its data */
#define OPT_SIZE    11

struct filling {
    enum dns_found found;
    const struct dns_endpoint *endpoints;
    size_t n;
    uint32_t ttl;
    const struct dns_question *question;
    size_t room; /* for records */
};

/* <label>.<the name that was asked for> */
static size_t target_name(const struct filling *filling, const struct dns_endpoint *endpoint,
                          uint8_t wire[static DNS_NAME_SIZE])
{
    size_t length = strlen(endpoint->label);

    if (length == 0 || 1 + length + filling->question->wire_size > DNS_NAME_SIZE - 1)
        return 0;
    wire[0] = (uint8_t)length;
    memcpy(wire + 1, endpoint->label, length);
    memcpy(wire + 1 + length, filling->question->wire, filling->question->wire_size);
    return 1 + length + filling->question->wire_size;
}

static int add_service(ldns_pkt *packet, struct filling *filling, const struct dns_endpoint *endpoint)
{
    uint8_t wire[DNS_NAME_SIZE];
    struct dns_owner target = {wire, target_name(filling, endpoint, wire)};
    int r;

    if (target.size == 0 || RECORD_SIZE + 6 + target.size > filling->room)
        return 0;
    filling->room -= RECORD_SIZE + 6 + target.size;
    r = dns_writer_service(packet, dns_writer_tail(filling->question, 0), filling->ttl, endpoint->port,
                           dns_writer_name(target));
    return r < 0 ? r
                 : dns_writer_address(packet, LDNS_SECTION_ADDITIONAL, target, filling->ttl,
                                      &endpoint->address);
}

static int add_address(ldns_pkt *packet, struct filling *filling, const struct dns_endpoint *endpoint)
{
    bool is_v4 = ip_address_is_v4(&endpoint->address);
    size_t size = RECORD_SIZE + (is_v4 ? 4 : 16);

    if (is_v4 != (filling->question->type == DNS_A) || size > filling->room)
        return 0;
    filling->room -= size;
    return dns_writer_address(packet, LDNS_SECTION_ANSWER, dns_writer_tail(filling->question, 0),
                              filling->ttl, &endpoint->address);
}

static int fill(ldns_pkt *packet, void *user)
{
    struct filling filling = *(const struct filling *)user;
    uint16_t type = filling.question->type;
    int r = 0;

    if (filling.found == DNS_FOUND_NOTHING)
        ldns_pkt_set_rcode(packet, LDNS_RCODE_NXDOMAIN);
    for (size_t i = 0; i < filling.n && r == 0; i++) {
        if (ldns_pkt_ancount(packet) >= DNS_DIRECTORY_MOST)
            break;
        if (type == DNS_SRV && filling.found == DNS_FOUND_SERVICE)
            r = add_service(packet, &filling, &filling.endpoints[i]);
        else if (type == DNS_A || type == DNS_AAAA)
            r = add_address(packet, &filling, &filling.endpoints[i]);
    }
    if (r == 0 && ldns_pkt_ancount(packet) == 0)
        r = dns_writer_authority(packet, dns_writer_tail(filling.question, 0), filling.ttl);
    return r;
}

int dns_directory_build(enum dns_found found, const struct dns_endpoint *endpoints, size_t n, uint32_t ttl,
                        const struct dns_question *question, bool is_udp, uint8_t **ret_answer,
                        size_t *ret_size)
{
    struct filling filling = {found, endpoints, n, ttl, question, 0};
    size_t used = DNS_HEADER_SIZE + question->wire_size + 4 + (question->has_edns ? OPT_SIZE : 0);
    size_t most = dns_writer_limit(question, is_udp);

    filling.room = most > used ? most - used : 0;
    return dns_writer_build(question, is_udp, fill, &filling, ret_answer, ret_size);
}
