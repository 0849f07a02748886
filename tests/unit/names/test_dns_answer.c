/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a question is answered, byte for byte, from one small zone. Long because every kind of record and of refusal is tried on it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fake_zone.h"
#include "names/dns_answer.h"

static const struct dns_port web[] = {{80, TCP}, {443, TCP}};
static const struct dns_port resolver[] = {{53, TCP}, {53, UDP}};
static const struct dns_port many[] = {{1, TCP}, {2, TCP}, {3, TCP}, {4, TCP},
                                       {5, TCP}, {6, TCP}, {7, TCP}, {8, TCP}};
static struct dns_name names[4];
static const char *const search[] = {"example.com", "corp", NULL};
static struct fake_zone all;
static struct dns_zone zone;
static const struct dns_view view = {.zone = &zone, .search = search, .ttl = 5};

static void set(size_t at, const char *name, uint8_t number, bool has6, const struct dns_port *ports,
                size_t n)
{
    names[at] = (struct dns_name){.name = name,
                                  .address = ip_address_from_v4(0x7fff0000u + number),
                                  .has_address6 = has6,
                                  .ports = ports,
                                  .n_ports = n};
    names[at].address6.bytes[0] = 0xfd;
    names[at].address6.bytes[15] = number;
}

static int set_up(void **state)
{
    (void)state;
    set(0, "backend", 1, true, web, 2);
    set(1, "db.internal", 2, false, web, 1);
    set(2, "many", 3, true, many, 8);
    set(3, "resolver", 4, true, resolver, 2);
    all = (struct fake_zone){.names = names, .n_names = 4};
    zone = fake_zone_view(&all);
    return 0;
}

/* A query as `dig` would make it. */
static size_t query(const char *name, ldns_rr_type type, uint16_t edns, uint8_t **ret_wire)
{
    ldns_pkt *packet = ldns_pkt_query_new(ldns_dname_new_frm_str(name), type, LDNS_RR_CLASS_IN, LDNS_RD);
    size_t size = 0;

    ldns_pkt_set_id(packet, 0x1234);
    if (edns)
        ldns_pkt_set_edns_udp_size(packet, edns);
    assert_int_equal(ldns_pkt2wire(ret_wire, packet, &size), LDNS_STATUS_OK);
    ldns_pkt_free(packet);
    return size;
}

/* NULL: not ours. The caller frees. */
static ldns_pkt *ask_how(const char *name, ldns_rr_type type, uint16_t edns, bool is_udp)
{
    struct dns_question question;
    uint8_t *wire = NULL;
    uint8_t *answer = NULL;
    size_t size = query(name, type, edns, &wire);
    size_t answer_size = 0;
    ldns_pkt *packet = NULL;
    int r;

    assert_int_equal(dns_message_read(wire, size, &question), DNS_QUERY);
    r = dns_answer_build(&view, &question, is_udp, &answer, &answer_size);
    assert_int_equal(r == 0, dns_answer_is_ours(&view, &question));
    if (r == 0) {
        assert_true(!is_udp || answer_size <= 4 * size);
        assert_memory_equal(answer + 12, wire + 12, question.wire_size + 4);
        assert_int_equal(ldns_wire2pkt(&packet, answer, answer_size), LDNS_STATUS_OK);
        assert_int_equal(ldns_pkt_id(packet), 0x1234);
        assert_true(ldns_pkt_qr(packet) && ldns_pkt_rd(packet) && ldns_pkt_ra(packet));
    } else {
        assert_int_equal(r, -ENOENT);
    }
    free(wire);
    free(answer);
    return packet;
}

static void expect(const char *name, ldns_rr_type type, ldns_pkt_rcode rcode, const char *first)
{
    ldns_pkt *packet = ask_how(name, type, 1232, true);
    char *text;

    assert_non_null(packet);
    assert_int_equal(ldns_pkt_get_rcode(packet), rcode);
    assert_int_equal(ldns_pkt_ancount(packet) > 0, first != NULL);
    if (first) {
        text = ldns_rr2str(ldns_rr_list_rr(ldns_pkt_answer(packet), 0));
        text[strcspn(text, "\n")] = '\0';
        assert_string_equal(text, first);
        free(text);
    } else if (rcode != LDNS_RCODE_REFUSED) {
        assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_authority(packet), 0)), LDNS_RR_TYPE_SOA);
    }
    ldns_pkt_free(packet);
}

static void expect_not_ours(const char *name, ldns_rr_type type)
{
    assert_null(ask_how(name, type, 0, true));
}

static void test_addresses(void **state)
{
    (void)state;
    expect("backend.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "backend.\t5\tIN\tA\t127.255.0.1");
    expect("BackEnd.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "BackEnd.\t5\tIN\tA\t127.255.0.1");
    expect("backend.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR, "backend.\t5\tIN\tAAAA\tfd00::1");
    expect("db.internal.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "db.internal.\t5\tIN\tA\t127.255.0.2");
}

static void test_there_is_no_such_data(void **state)
{
    (void)state;
    expect("backend.", LDNS_RR_TYPE_MX, LDNS_RCODE_NOERROR, NULL);
    expect("backend.", LDNS_RR_TYPE_HTTPS, LDNS_RCODE_NOERROR, NULL);
    expect("db.internal.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR, NULL);
    expect("_tcp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR, NULL);
    expect("_http._tcp.backend.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, NULL);
    expect("1.0.255.127.in-addr.arpa.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR, NULL);
}

static void test_there_is_no_such_name(void **state)
{
    (void)state;
    expect("_udp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NXDOMAIN, NULL);
    expect("_x._udp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NXDOMAIN, NULL);
    expect("_81._tcp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NXDOMAIN, NULL);
    expect("_grpclb._tcp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NXDOMAIN, NULL);
    expect("9.9.255.127.in-addr.arpa.", LDNS_RR_TYPE_PTR, LDNS_RCODE_NXDOMAIN, NULL);
}

static void test_services(void **state)
{
    ldns_pkt *packet;

    (void)state;
    expect("_443._tcp.backend.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR,
           "_443._tcp.backend.\t5\tIN\tSRV\t0 1 443 backend.");
    expect("_dns._udp.resolver.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR,
           "_dns._udp.resolver.\t5\tIN\tSRV\t0 1 53 resolver.");
    packet = ask_how("backend.", LDNS_RR_TYPE_SRV, 1232, true);
    assert_int_equal(ldns_pkt_ancount(packet), 2);
    ldns_pkt_free(packet);
    packet = ask_how("backend.", LDNS_RR_TYPE_SRV, 1232, false);
    assert_int_equal(ldns_pkt_ancount(packet), 2);
    assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_additional(packet)), 2);
    ldns_pkt_free(packet);
}

static void test_addresses_have_names(void **state)
{
    (void)state;
    expect("1.0.255.127.in-addr.arpa.", LDNS_RR_TYPE_PTR, LDNS_RCODE_NOERROR,
           "1.0.255.127.in-addr.arpa.\t5\tIN\tPTR\tbackend.");
    expect(
        "4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", LDNS_RR_TYPE_PTR,
        LDNS_RCODE_NOERROR,
        "4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.\t5\tIN\tPTR\tresolver.");
    expect_not_ours("1.0.0.127.in-addr.arpa.", LDNS_RR_TYPE_PTR);
    expect_not_ours("1.0.0.0.255.127.in-addr.arpa.", LDNS_RR_TYPE_PTR);
}

static void test_search_domains(void **state)
{
    (void)state;
    expect("backend.example.com.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
           "backend.example.com.\t5\tIN\tA\t127.255.0.1");
    expect("db.internal.corp.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
           "db.internal.corp.\t5\tIN\tA\t127.255.0.2");
    expect("_80._tcp.backend.corp.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR,
           "_80._tcp.backend.corp.\t5\tIN\tSRV\t0 1 80 backend.corp.");
    expect_not_ours("backend.elsewhere.", LDNS_RR_TYPE_A);
    expect_not_ours("example.com.", LDNS_RR_TYPE_A);
    expect_not_ours("www.example.com.", LDNS_RR_TYPE_A);
}

static void test_others(void **state)
{
    (void)state;
    expect_not_ours("back.", LDNS_RR_TYPE_A);
    expect_not_ours("backendx.", LDNS_RR_TYPE_A);
    expect_not_ours("www.backend.", LDNS_RR_TYPE_A);
    expect_not_ours("internal.", LDNS_RR_TYPE_A);
    expect_not_ours(".", LDNS_RR_TYPE_NS);
    expect_not_ours("back\\.end.", LDNS_RR_TYPE_A);
    expect_not_ours("db\\.internal.", LDNS_RR_TYPE_A);
}

/* RFC 8482: a subset, and what askers of ANY look for is a name's addresses. */
static void test_any_is_answered_with_addresses(void **state)
{
    ldns_pkt *packet = ask_how("backend.", LDNS_RR_TYPE_ANY, 0, true);

    (void)state;
    assert_int_equal(ldns_pkt_ancount(packet), 2);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(packet), 1)), LDNS_RR_TYPE_AAAA);
    ldns_pkt_free(packet);
    packet = ask_how("db.internal.", LDNS_RR_TYPE_ANY, 0, true);
    assert_int_equal(ldns_pkt_ancount(packet), 1);
    ldns_pkt_free(packet);
    expect("backend.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NOERROR, "backend.\t5\tIN\tA\t127.255.0.1");
    expect("_tcp.backend.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NOERROR, NULL);
    expect("_x._udp.backend.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NXDOMAIN, NULL);
    expect("_443._tcp.backend.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NOERROR,
           "_443._tcp.backend.\t5\tIN\tSRV\t0 1 443 backend.");
    expect("1.0.255.127.in-addr.arpa.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NOERROR,
           "1.0.255.127.in-addr.arpa.\t5\tIN\tPTR\tbackend.");
    expect_not_ours("www.example.com.", LDNS_RR_TYPE_ANY);
}

/* The names of services, which lead to where a client alias leads, or nowhere yet. */
static void test_names_of_services(void **state)
{
    static const char *const suffixes[] = {"shop", "shop.svc.cluster.local", NULL};
    const struct fake_service services[] = {
        {"a.shop", &names[3]}, {"bare", NULL}, {"many", &names[0]}, {"web", &names[0]}};

    (void)state;
    expect_not_ours("web.", LDNS_RR_TYPE_A);
    all.services = services;
    all.n_services = 4;
    zone.suffixes = suffixes;
    expect("web.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "web.\t5\tIN\tA\t127.255.0.1");
    expect("Web.Shop.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "Web.Shop.\t5\tIN\tA\t127.255.0.1");
    expect("web.shop.svc.cluster.local.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR,
           "web.shop.svc.cluster.local.\t5\tIN\tAAAA\tfd00::1");
    expect("web.shop.example.com.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
           "web.shop.example.com.\t5\tIN\tA\t127.255.0.1");
    expect("_443._tcp.web.shop.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR,
           "_443._tcp.web.shop.\t5\tIN\tSRV\t0 1 443 web.shop.");
    expect("a.shop.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "a.shop.\t5\tIN\tA\t127.255.0.4");
    /* A client alias goes before a service of that name. */
    expect("many.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "many.\t5\tIN\tA\t127.255.0.3");
    expect("many.shop.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, "many.shop.\t5\tIN\tA\t127.255.0.1");
    /* Nobody else is asked about one that leads nowhere. */
    expect("bare.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, NULL);
    expect("bare.shop.", LDNS_RR_TYPE_ANY, LDNS_RCODE_NOERROR, NULL);
    expect("bare.shop.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR, NULL);
    expect("_80._tcp.bare.shop.", LDNS_RR_TYPE_SRV, LDNS_RCODE_NXDOMAIN, NULL);
    expect_not_ours("shop.", LDNS_RR_TYPE_A);
    expect_not_ours("www.web.shop.", LDNS_RR_TYPE_A);
    expect_not_ours("webxshop.", LDNS_RR_TYPE_A);
    expect_not_ours("other.shop.", LDNS_RR_TYPE_A);
    all.n_services = 0;
    zone.suffixes = NULL;
}

static void expect_match(const char *name, enum dns_match_kind kind, const struct dns_name *where,
                         const char *suffix, const char *domain)
{
    const struct dns_match match = dns_answer_match(&view, name);

    assert_int_equal(match.kind, kind);
    assert_ptr_equal(match.name, where);
    assert_string_equal(match.suffix ? match.suffix : "", suffix);
    assert_string_equal(match.domain ? match.domain : "", domain);
}

/* By what a name is found, as an answer to it would be. */
static void test_by_what_a_name_is_found(void **state)
{
    static const char *const suffixes[] = {"shop", NULL};
    const struct fake_service services[] = {{"bare", NULL}, {"web", &names[0]}};
    struct ip_address address;
    bool is_ours;

    (void)state;
    expect_match("backend", DNS_MATCH_ALIAS, &names[0], "", "");
    expect_match("web.shop", DNS_MATCH_NONE, NULL, "", "");
    all.services = services;
    all.n_services = 2;
    zone.suffixes = suffixes;
    expect_match("web", DNS_MATCH_SERVICE, &names[0], "", "");
    expect_match("web.shop", DNS_MATCH_SERVICE, &names[0], "shop", "");
    expect_match("web.shop.corp", DNS_MATCH_SERVICE, &names[0], "shop", "corp");
    expect_match("backend.example.com", DNS_MATCH_ALIAS, &names[0], "", "example.com");
    expect_match("bare", DNS_MATCH_SERVICE, NULL, "", "");
    expect_match("corp", DNS_MATCH_NONE, NULL, "", "");
    all.n_services = 0;
    zone.suffixes = NULL;
    assert_int_equal(ip_address_parse("127.255.0.2", &address), 0);
    assert_ptr_equal(dns_answer_at(&zone, &address, &is_ours), &names[1]);
    assert_true(is_ours);
    assert_int_equal(ip_address_parse("127.255.9.9", &address), 0);
    assert_null(dns_answer_at(&zone, &address, &is_ours));
    assert_true(is_ours);
    assert_int_equal(ip_address_parse("10.0.0.1", &address), 0);
    assert_null(dns_answer_at(&zone, &address, &is_ours));
    assert_false(is_ours);
}

static void test_edns(void **state)
{
    ldns_pkt *packet = ask_how("backend.", LDNS_RR_TYPE_A, 4096, true);
    struct dns_question question;
    uint8_t *wire = NULL;
    uint8_t *answer = NULL;
    size_t size, answer_size;

    (void)state;
    assert_true(ldns_pkt_edns(packet));
    assert_int_equal(ldns_pkt_edns_udp_size(packet), DNS_UDP_LARGEST);
    ldns_pkt_free(packet);
    packet = ask_how("backend.", LDNS_RR_TYPE_A, 0, true);
    assert_false(ldns_pkt_edns(packet));
    ldns_pkt_free(packet);
    size = query("backend.", LDNS_RR_TYPE_A, 1232, &wire);
    assert_int_equal(dns_message_read(wire, size, &question), DNS_QUERY);
    assert_true(question.has_edns);
    question.edns_version = 1;
    assert_int_equal(dns_answer_build(&view, &question, true, &answer, &answer_size), 0);
    assert_int_equal(ldns_wire2pkt(&packet, answer, answer_size), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_edns_extended_rcode(packet), 1);
    assert_int_equal(ldns_pkt_ancount(packet), 0);
    ldns_pkt_free(packet);
    free(wire);
    free(answer);
}

static void test_what_does_not_fit_is_cut(void **state)
{
    ldns_pkt *packet = ask_how("many.", LDNS_RR_TYPE_SRV, 0, true);

    (void)state;
    assert_true(ldns_pkt_tc(packet));
    assert_int_equal(ldns_pkt_ancount(packet), 0);
    ldns_pkt_free(packet);
    packet = ask_how("many.", LDNS_RR_TYPE_SRV, 0, false);
    assert_false(ldns_pkt_tc(packet));
    assert_int_equal(ldns_pkt_ancount(packet), 8);
    ldns_pkt_free(packet);
    packet = ask_how("backend.", LDNS_RR_TYPE_SRV, 0, true);
    assert_false(ldns_pkt_tc(packet));
    assert_int_equal(ldns_pkt_ancount(packet), 2);
    assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_additional(packet)), 0);
    ldns_pkt_free(packet);
}

static void test_bad_messages(void **state)
{
    const uint8_t loop[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1};
    const uint8_t two[] = {0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    const uint8_t answer[] = {0, 1, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    struct dns_question question;
    uint8_t *wire = NULL;
    size_t size = query("backend.", LDNS_RR_TYPE_A, 0, &wire);

    (void)state;
    assert_int_equal(dns_message_read(loop, sizeof(loop), &question), DNS_BROKEN);
    assert_int_equal(dns_message_read(two, sizeof(two), &question), DNS_OTHER);
    assert_int_equal(dns_message_read(answer, sizeof(answer), &question), DNS_DROP);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(dns_message_read(wire, cut, &question),
                         cut < DNS_HEADER_SIZE ? DNS_DROP : DNS_BROKEN);
    free(wire);
}

static void test_whose_answer_it_is(void **state)
{
    struct dns_question question;
    uint8_t *wire = NULL;
    uint8_t failure[64];
    size_t size = query("WWW.example.com.", LDNS_RR_TYPE_A, 0, &wire);

    (void)state;
    assert_int_equal(dns_message_read(wire, size, &question), DNS_QUERY);
    assert_false(dns_message_answers(wire, size, &question));
    wire[2] |= 0x80;
    assert_true(dns_message_answers(wire, size, &question));
    wire[13] = 'w';
    assert_true(dns_message_answers(wire, size, &question));
    wire[13] = 'v';
    assert_false(dns_message_answers(wire, size, &question));
    assert_int_equal(dns_message_fail(wire, &question, DNS_SERVFAIL, failure), size);
    assert_int_equal(failure[3] & 15, DNS_SERVFAIL);
    /* Also in the place of the query. */
    assert_int_equal(dns_message_fail(wire, &question, DNS_SERVFAIL, wire), size);
    assert_memory_equal(wire, failure, size);
    assert_int_equal(question.id, wire[0] << 8 | wire[1]);
    free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_there_is_no_such_data),
        cmocka_unit_test(test_there_is_no_such_name),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_addresses_have_names),
        cmocka_unit_test(test_search_domains),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_any_is_answered_with_addresses),
        cmocka_unit_test(test_names_of_services),
        cmocka_unit_test(test_by_what_a_name_is_found),
        cmocka_unit_test(test_edns),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
        cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_whose_answer_it_is),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
