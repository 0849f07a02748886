/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names/dns_directory.h"

#define ALL (1u << DNS_RECORD_A | 1u << DNS_RECORD_AAAA | 1u << DNS_RECORD_SRV)

static struct dns_found found;

static void add(struct ip_address address, uint16_t port, const char *name)
{
    struct dns_endpoint *endpoint = &found.endpoints[found.n++];

    *endpoint = (struct dns_endpoint){.address = address, .port = port};
    (void)snprintf(endpoint->name, sizeof(endpoint->name), "%s", name);
}

static int set_up(void **state)
{
    (void)state;
    found = (struct dns_found){.kind = DNS_FOUND_SERVICE, .records = {true, false, ALL, {11, 22, 33, 44}}};
    add(ip_address_from_v4(0x0a000001), 80, "one");
    add(ip_address_from_v4(0x0a000002), 81, "Two.b");
    return 0;
}

/* The answer's section as text, its records joined by "; ". The caller frees it. */
static char *ask(ldns_rr_type type, ldns_pkt_section section, ldns_pkt_rcode rcode, bool is_udp)
{
    ldns_pkt *packet =
        ldns_pkt_query_new(ldns_dname_new_frm_str("Web.shop."), type, LDNS_RR_CLASS_IN, LDNS_RD);
    struct dns_question question;
    uint8_t *wire = NULL;
    uint8_t *answer = NULL;
    size_t size = 0;
    char *all = calloc(1, 4096);

    assert_int_equal(ldns_pkt2wire(&wire, packet, &size), LDNS_STATUS_OK);
    ldns_pkt_free(packet);
    assert_int_equal(dns_message_read(wire, size, &question), DNS_QUERY);
    assert_int_equal(dns_directory_build(&found, 7, &question, is_udp, &answer, &size), 0);
    assert_true(!is_udp || size <= 4 * question.message_size);
    assert_int_equal(ldns_wire2pkt(&packet, answer, size), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_get_rcode(packet), rcode);
    if (ldns_pkt_ancount(packet) == 0)
        assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_authority(packet), 0)), LDNS_RR_TYPE_SOA);
    ldns_rr_list *list = ldns_pkt_get_section_clone(packet, section);
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        char *text = ldns_rr2str(ldns_rr_list_rr(list, i));

        text[strcspn(text, "\n")] = '\0';
        (void)snprintf(all + strlen(all), 4096 - strlen(all), "%s%s", i ? "; " : "", text);
        free(text);
    }
    ldns_rr_list_deep_free(list);
    ldns_pkt_free(packet);
    free(wire);
    free(answer);
    return all;
}

static void expect(ldns_rr_type type, const char *wanted)
{
    char *text = ask(type, LDNS_SECTION_ANSWER, LDNS_RCODE_NOERROR, false);

    assert_string_equal(text, wanted);
    free(text);
}

static void test_all_types(void **state)
{
    (void)state;
    expect(LDNS_RR_TYPE_A, "Web.shop.\t11\tIN\tA\t10.0.0.1; Web.shop.\t11\tIN\tA\t10.0.0.2");
    expect(LDNS_RR_TYPE_SRV, "Web.shop.\t33\tIN\tSRV\t1 1 80 one.Web.shop.; "
                             "Web.shop.\t33\tIN\tSRV\t1 1 81 Two.b.Web.shop.");
    expect(LDNS_RR_TYPE_TXT, "");
    found.n = 0;
    add((struct ip_address){{0xfd, [15] = 1}}, 80, "six");
    expect(LDNS_RR_TYPE_AAAA, "Web.shop.\t22\tIN\tAAAA\tfd00::1");
    expect(LDNS_RR_TYPE_A, "");
}

static void test_any_is_the_type_that_was_found(void **state)
{
    (void)state;
    found.any = DNS_A;
    expect(LDNS_RR_TYPE_ANY, "Web.shop.\t11\tIN\tA\t10.0.0.1; Web.shop.\t11\tIN\tA\t10.0.0.2");
    found.any = DNS_SRV;
    expect(LDNS_RR_TYPE_ANY, "Web.shop.\t33\tIN\tSRV\t1 1 80 one.Web.shop.; "
                             "Web.shop.\t33\tIN\tSRV\t1 1 81 Two.b.Web.shop.");
    found.kind = DNS_FOUND_ONLY;
    expect(LDNS_RR_TYPE_ANY, "");
}

static void test_targets_come_along(void **state)
{
    char *text = ask(LDNS_RR_TYPE_SRV, LDNS_SECTION_ADDITIONAL, LDNS_RCODE_NOERROR, false);

    (void)state;
    assert_string_equal(text, "one.Web.shop.\t33\tIN\tA\t10.0.0.1; Two.b.Web.shop.\t33\tIN\tA\t10.0.0.2");
    free(text);
}

static void test_only_what_is_declared(void **state)
{
    (void)state;
    found.records.types = 1u << DNS_RECORD_SRV;
    expect(LDNS_RR_TYPE_A, "");
    found.records.types = 1u << DNS_RECORD_A;
    expect(LDNS_RR_TYPE_SRV, "");
    found.kind = DNS_FOUND_INSTANCE; /* of a service with SRV: it has addresses whatever the service has */
    found.records.types = 1u << DNS_RECORD_SRV;
    found.n = 1;
    expect(LDNS_RR_TYPE_A, "Web.shop.\t33\tIN\tA\t10.0.0.1");
    expect(LDNS_RR_TYPE_SRV, "");
}

static void test_canonical_names(void **state)
{
    (void)state;
    found.records.types = 1u << DNS_RECORD_CNAME;
    expect(LDNS_RR_TYPE_A, "");
    found.canonical = "elsewhere.example.com";
    expect(LDNS_RR_TYPE_A, "Web.shop.\t44\tIN\tCNAME\telsewhere.example.com.");
    expect(LDNS_RR_TYPE_MX, "Web.shop.\t44\tIN\tCNAME\telsewhere.example.com.");
    found.canonical = "no..name";
    expect(LDNS_RR_TYPE_A, "");
}

static void test_nothing(void **state)
{
    (void)state;
    found.n = 0;
    found.kind = DNS_FOUND_NOTHING;
    free(ask(LDNS_RR_TYPE_A, LDNS_SECTION_ANSWER, LDNS_RCODE_NXDOMAIN, true));
    found.kind = DNS_FOUND_ONLY;
    expect(LDNS_RR_TYPE_A, "");
}

static void test_as_many_as_fit(void **state)
{
    char *text;

    (void)state;
    while (found.n < DNS_DIRECTORY_MOST)
        add(ip_address_from_v4(0x0a000001 + (uint32_t)found.n), 80, "a-name-that-takes-room-in-an-answer");
    text = ask(LDNS_RR_TYPE_A, LDNS_SECTION_ANSWER, LDNS_RCODE_NOERROR, true);
    assert_non_null(strstr(text, "10.0.0.4"));
    assert_null(strstr(text, "10.0.0.8"));
    free(text);
    found.endpoints[0].name[0] = '\0'; /* it has none: the others are told */
    text = ask(LDNS_RR_TYPE_SRV, LDNS_SECTION_ANSWER, LDNS_RCODE_NOERROR, false);
    assert_null(strstr(text, "1 1 80 one."));
    assert_non_null(strstr(text, "1 1 81 Two.b."));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_types, set_up),
        cmocka_unit_test_setup(test_any_is_the_type_that_was_found, set_up),
        cmocka_unit_test_setup(test_targets_come_along, set_up),
        cmocka_unit_test_setup(test_only_what_is_declared, set_up),
        cmocka_unit_test_setup(test_canonical_names, set_up),
        cmocka_unit_test_setup(test_nothing, set_up),
        cmocka_unit_test_setup(test_as_many_as_fit, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
