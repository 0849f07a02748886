/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/dns_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "names/dns_writer.h"

/* What a question is about. */
enum subject {
    NOT_OURS,
    NO_SUCH_NAME, /* in our charge, and there is no such thing */
    A_NAME,
    A_SERVICE, /* _service._proto.NAME: with data of type SRV only */
    A_BRANCH,  /* _proto.NAME: something is below it, nothing at it */
    AN_ADDRESS,
};

struct target {
    enum subject subject;
    const struct dns_name *name;
    uint8_t protocol; /* of A_SERVICE; 0: any */
    uint16_t port;    /* of A_SERVICE; 0: any */
    unsigned above;   /* labels in front of the part that we are in charge of */
};

/* ---- finding ---- */

/* Of a service that nothing leads to yet: its names are there, and nobody else is asked for them. */
static const struct dns_name nothing_yet;

static bool match_service(const struct dns_zone *zone, const char *text, size_t length,
                          struct dns_match *ret_match)
{
    const struct dns_name *of = NULL;

    if (length == 0 || !zone->find_service(zone->user, text, length, &of))
        return false;
    *ret_match = (struct dns_match){.kind = DNS_MATCH_SERVICE, .name = of};
    return true;
}

/* A client alias first, then the service of that name, then SERVICE.SUFFIX. */
static struct dns_match match_text(const struct dns_zone *zone, const char *text, size_t length)
{
    const struct dns_name *name = length == 0 ? NULL : zone->find_name(zone->user, text, length);
    struct dns_match match = {0};

    if (name)
        return (struct dns_match){.kind = DNS_MATCH_ALIAS, .name = name};
    if (!zone->suffixes || match_service(zone, text, length, &match))
        return match;
    for (const char *const *suffix = zone->suffixes; *suffix; suffix++) {
        size_t tail = strlen(*suffix);

        if (length > tail + 1 && text[length - tail - 1] == '.' &&
            memcmp(text + length - tail, *suffix, tail) == 0 &&
            match_service(zone, text, length - tail - 1, &match)) {
            match.suffix = *suffix;
            break;
        }
    }
    return match;
}

static const struct dns_name *dns_answer_find_name(const struct dns_zone *zone, const char *text,
                                                   size_t length)
{
    const struct dns_match match = match_text(zone, text, length);

    if (match.kind == DNS_MATCH_NONE)
        return NULL;
    return match.name ? match.name : &nothing_yet;
}

/* How long the text is without the search domain; 0: it does not end with it. */
static size_t length_without(const char *text, size_t length, const char *domain)
{
    size_t tail = strlen(domain);

    if (length <= tail + 1 || text[length - tail - 1] != '.' || strcmp(text + length - tail, domain) != 0)
        return 0;
    return length - tail - 1;
}

struct dns_match dns_answer_match(const struct dns_view *view, const char *name)
{
    size_t length = strlen(name);
    struct dns_match match = match_text(view->zone, name, length);

    for (const char *const *domain = view->search; domain && *domain && match.kind == DNS_MATCH_NONE;
         domain++) {
        match = match_text(view->zone, name, length_without(name, length, *domain));
        match.domain = match.kind == DNS_MATCH_NONE ? NULL : *domain;
    }
    return match;
}

static bool dns_answer_is_in(const struct dns_range *range, const struct ip_address *address)
{
    unsigned whole = range->bits / 8;
    unsigned rest = range->bits % 8;

    if (memcmp(range->address.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (range->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

static bool has_port(const struct dns_name *name, uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < name->n_ports; i++)
        if ((!protocol || name->ports[i].protocol == protocol) && (!port || name->ports[i].port == port))
            return true;
    return false;
}

/* ---- judging ---- */

static uint8_t protocol_of(const char *label, size_t length)
{
    if (length == 4 && strncmp(label, "_tcp", 4) == 0)
        return TCP;
    return length == 4 && strncmp(label, "_udp", 4) == 0 ? UDP : 0;
}

static struct target judge_service(const struct dns_name *name, uint8_t protocol, const char *label,
                                   size_t length)
{
    struct target target = {.subject = A_SERVICE, .name = name, .protocol = protocol, .above = 2};
    char text[8];
    uint64_t number;

    if (length > 1 && length < sizeof(text)) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)length - 1, label + 1);
        if (parse_number(text, 1, 65535, &number) == 0)
            target.port = (uint16_t)number;
    }
    if (!has_port(name, protocol, target.port) || (length == 7 && strncmp(label, "_grpclb", length) == 0))
        target.subject = NO_SUCH_NAME;
    return target;
}

/* `text` without a search domain. */
static struct target judge_text(const struct dns_zone *zone, const char *text, size_t length)
{
    const struct dns_name *name = dns_answer_find_name(zone, text, length);
    const char *dot, *second;
    uint8_t protocol;

    if (name)
        return (struct target){.subject = A_NAME, .name = name};
    dot = text[0] == '_' ? memchr(text, '.', length) : NULL;
    if (!dot)
        return (struct target){.subject = NOT_OURS};
    protocol = protocol_of(text, (size_t)(dot - text));
    name = protocol ? dns_answer_find_name(zone, dot + 1, length - (size_t)(dot + 1 - text)) : NULL;
    if (name)
        return (struct target){
            .subject = has_port(name, protocol, 0) ? A_BRANCH : NO_SUCH_NAME, .name = name, .above = 1};
    second = memchr(dot + 1, '.', length - (size_t)(dot + 1 - text));
    if (!second)
        return (struct target){.subject = NOT_OURS};
    protocol = protocol_of(dot + 1, (size_t)(second - dot - 1));
    name = protocol ? dns_answer_find_name(zone, second + 1, length - (size_t)(second + 1 - text)) : NULL;
    return name ? judge_service(name, protocol, text, (size_t)(dot - text))
                : (struct target){.subject = NOT_OURS};
}

/* "4.3.2.1.in-addr.arpa", and 32 digits before "ip6.arpa". */
static int read_reverse(const char *text, struct ip_address *ret_address)
{
    size_t length = strlen(text);
    unsigned bytes[4];
    int end = 0;

    if (length > 13 && strcmp(text + length - 13, ".in-addr.arpa") == 0) {
        if (sscanf(text, "%3u.%3u.%3u.%3u%n", &bytes[3], &bytes[2], &bytes[1], &bytes[0], &end) != 4 ||
            (size_t)end != length - 13 || (bytes[0] | bytes[1] | bytes[2] | bytes[3]) > 255)
            return -EINVAL;
        *ret_address = ip_address_from_v4(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
        return 0;
    }
    if (length != 72 || strcmp(text + 64, "ip6.arpa") != 0)
        return -EINVAL;
    *ret_address = (struct ip_address){{0}};
    for (unsigned i = 0; i < 32; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, text[2 * i]);

        if (!digit || !*digit || text[2 * i + 1] != '.')
            return -EINVAL;
        ret_address->bytes[15 - i / 2] |= (uint8_t)((digit - digits) << (i % 2 ? 4 : 0));
    }
    return 0;
}

const struct dns_name *dns_answer_at(const struct dns_zone *zone, const struct ip_address *address,
                                     bool *ret_is_ours)
{
    *ret_is_ours = dns_answer_is_in(&zone->range, address) || dns_answer_is_in(&zone->range6, address);
    return *ret_is_ours ? zone->find_address(zone->user, address) : NULL;
}

static struct target judge_address(const struct dns_zone *zone, const struct ip_address *address)
{
    bool is_ours;
    const struct dns_name *name = dns_answer_at(zone, address, &is_ours);

    if (!is_ours)
        return (struct target){.subject = NOT_OURS};
    return (struct target){.subject = name ? AN_ADDRESS : NO_SUCH_NAME, .name = name, .above = 1};
}

static struct target dns_answer_judge(const struct dns_view *view, const struct dns_question *question)
{
    size_t length = strlen(question->name);
    struct ip_address address;
    struct target target;

    if (!question->is_plain)
        return (struct target){.subject = NOT_OURS};
    if (read_reverse(question->name, &address) == 0)
        return judge_address(view->zone, &address);
    target = judge_text(view->zone, question->name, length);
    for (const char *const *domain = view->search; domain && *domain && target.subject == NOT_OURS;
         domain++) {
        size_t without = length_without(question->name, length, *domain);

        if (without > 0)
            target = judge_text(view->zone, question->name, without);
    }
    return target;
}

bool dns_answer_is_ours(const struct dns_view *view, const struct dns_question *question)
{
    return dns_answer_judge(view, question).subject != NOT_OURS;
}

/* ---- writing ---- */

static int dns_answer_add_services(ldns_pkt *packet, const struct dns_view *view,
                                   const struct dns_question *question, const struct target *target)
{
    struct dns_owner whole = dns_writer_tail(question, 0);
    struct dns_owner name = dns_writer_tail(question, target->above);
    int r = 0;

    for (size_t i = 0; i < target->name->n_ports && r == 0; i++) {
        const struct dns_port *port = &target->name->ports[i];

        if ((!target->protocol || port->protocol == target->protocol) &&
            (!target->port || port->port == target->port))
            r = dns_writer_service(packet, whole, view->ttl, 0, port->port, dns_writer_name(name));
    }
    if (r == 0)
        r = dns_writer_address(packet, LDNS_SECTION_ADDITIONAL, name, view->ttl, &target->name->address);
    if (r == 0 && target->name->has_address6)
        r = dns_writer_address(packet, LDNS_SECTION_ADDITIONAL, name, view->ttl, &target->name->address6);
    return r;
}

static int add_pointer(ldns_pkt *packet, const struct dns_view *view, const struct dns_question *question,
                       const struct dns_name *name)
{
    ldns_rdf *data[] = {ldns_dname_new_frm_str(name->name)};

    return dns_writer_record(packet, LDNS_SECTION_ANSWER, dns_writer_tail(question, 0), LDNS_RR_TYPE_PTR,
                             view->ttl, data, 1);
}

static int dns_answer_add_data(ldns_pkt *packet, const struct dns_view *view,
                               const struct dns_question *question, const struct target *target)
{
    const struct dns_name *name =
        target->subject == A_NAME && target->name != &nothing_yet ? target->name : NULL;
    struct dns_owner owner = dns_writer_tail(question, 0);
    int r;

    switch (question->type) {
    case DNS_A:
        return name ? dns_writer_address(packet, LDNS_SECTION_ANSWER, owner, view->ttl, &name->address) : 0;
    case DNS_AAAA:
        return name && name->has_address6
                   ? dns_writer_address(packet, LDNS_SECTION_ANSWER, owner, view->ttl, &name->address6)
                   : 0;
    case DNS_SRV:
        return name || target->subject == A_SERVICE ? dns_answer_add_services(packet, view, question, target)
                                                    : 0;
    case DNS_PTR:
        return target->subject == AN_ADDRESS ? add_pointer(packet, view, question, target->name) : 0;
    case DNS_ANY: /* what askers of ANY are after, as RFC 8482 section 4.1 has it: a name's addresses */
        if (target->subject == AN_ADDRESS)
            return add_pointer(packet, view, question, target->name);
        if (target->subject == A_SERVICE)
            return dns_answer_add_services(packet, view, question, target);
        r = name ? dns_writer_address(packet, LDNS_SECTION_ANSWER, owner, view->ttl, &name->address) : 0;
        return r == 0 && name && name->has_address6
                   ? dns_writer_address(packet, LDNS_SECTION_ANSWER, owner, view->ttl, &name->address6)
                   : r;
    default:
        return 0;
    }
}

struct filling {
    const struct dns_view *view;
    const struct dns_question *question;
    const struct target *target;
};

static int dns_answer_fill(ldns_pkt *packet, void *user)
{
    const struct filling *filling = user;
    const struct target *target = filling->target;
    int r = 0;

    if (target->subject == NO_SUCH_NAME)
        ldns_pkt_set_rcode(packet, LDNS_RCODE_NXDOMAIN);
    else
        r = dns_answer_add_data(packet, filling->view, filling->question, target);
    if (r == 0 && ldns_pkt_ancount(packet) == 0)
        r = dns_writer_authority(packet, dns_writer_tail(filling->question, target->above),
                                 filling->view->ttl);
    return r;
}

int dns_answer_build(const struct dns_view *view, const struct dns_question *question, bool is_udp,
                     uint8_t **ret_answer, size_t *ret_size)
{
    struct target target = dns_answer_judge(view, question);
    struct filling filling = {view, question, &target};

    if (target.subject == NOT_OURS)
        return -ENOENT;
    return dns_writer_build(question, is_udp, dns_answer_fill, &filling, ret_answer, ret_size);
}
