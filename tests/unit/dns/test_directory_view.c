/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What those outside tasks are answered about <service>.<namespace>: which instances, of which types. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "names/dns_directory.h"
#include "unit/dns/dns_lab.h"

#include <ldns/ldns.h>

#define INSTANCE(address, health)                                                                            \
    "{\"address\":\"" address "\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"" health "\"" \
    "}"
#define WITH(address, attributes)                                                                            \
    "{\"address\":\"" address "\",\"port\":8080,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\","   \
    "\"attributes\":{" attributes "}}"
#define RECORD(health, attributes) "{\"health\":\"" health "\",\"attributes\":{" attributes "}}"
#define RECORDS(policy, records)                                                                             \
    "{\"clientAliases\":[],\"aws\":{\"id\":\"srv-1\",\"DnsConfig\":{\"RoutingPolicy\":\"" policy             \
    "\",\"DnsRecords\":[" records "]}}}"
#define PLAIN "{\"clientAliases\":[]}"

/* Asks the listener; the records of the answer as text, sorted, each with a line end. */
static const char *ask(struct dns_lab *lab, const char *name, uint16_t type)
{
    static char text[4096];
    int fd = lab_client(lab->dns.listener, 0, SOCK_STREAM);
    ldns_pkt *packet = NULL;
    ldns_rr_list *list;
    size_t size;

    lab_ask_tcp(fd, name, type, 7);
    size = lab_hear_tcp(lab, fd);
    (void)close(fd);
    assert_int_equal(ldns_wire2pkt(&packet, lab->message, size), LDNS_STATUS_OK);
    list = ldns_pkt_answer(packet);
    ldns_rr_list_sort(list);
    text[0] = '\0';
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        char *record = ldns_rr2str(ldns_rr_list_rr(list, i));

        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", record);
        free(record);
    }
    /* Whoever is told nothing is told for how long. */
    if (ldns_pkt_get_rcode(packet) != LDNS_RCODE_REFUSED)
        assert_int_equal(ldns_pkt_nscount(packet), ldns_pkt_ancount(packet) == 0);
    ldns_pkt_free(packet);
    return text;
}

static void expect_none(struct dns_lab *lab, const char *name, uint16_t type, enum dns_rcode rcode)
{
    assert_string_equal(ask(lab, name, type), "");
    assert_int_equal(lab_rcode(lab), rcode);
}

static void expect(struct dns_lab *lab, const char *name, uint16_t type, const char *wanted)
{
    assert_string_equal(ask(lab, name, type), wanted);
    assert_int_equal(lab_rcode(lab), DNS_NOERROR);
}

static void test_a_service_has_the_addresses_of_its_instances(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", PLAIN);
    house_put(&lab->house, "instances/ns/db/a", INSTANCE("192.0.2.1", "HEALTHY"));
    house_put(&lab->house, "instances/ns/db/b", INSTANCE("192.0.2.2", "HEALTHY"));
    house_put(&lab->house, "instances/ns/db/c", INSTANCE("2001:db8::3", "HEALTHY"));
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.1\ndb.ns.\t7\tIN\tA\t192.0.2.2\n");
    expect(lab, "DB.ns", DNS_AAAA, "DB.ns.\t7\tIN\tAAAA\t2001:db8::3\n");
    expect(lab, "db.ns", DNS_SRV,
           "db.ns.\t7\tIN\tSRV\t1 1 8080 a.db.ns.\ndb.ns.\t7\tIN\tSRV\t1 1 8080 b.db.ns.\n"
           "db.ns.\t7\tIN\tSRV\t1 1 8080 c.db.ns.\n");
    expect_none(lab, "db.ns", TYPE_MX, DNS_NOERROR);
    expect(lab, "db.ns", DNS_ANY, "db.ns.\t7\tIN\tA\t192.0.2.1\ndb.ns.\t7\tIN\tA\t192.0.2.2\n");
}

static void test_the_targets_of_srv_records_have_addresses(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", PLAIN);
    house_put(&lab->house, "instances/ns/db/i-1", INSTANCE("192.0.2.1", "HEALTHY"));
    house_put(&lab->house, "instances/ns/db/x.y", INSTANCE("192.0.2.2", "HEALTHY"));
    house_put(&lab->house, "instances/ns/db/no:name", INSTANCE("192.0.2.3", "HEALTHY"));
    house_put(&lab->house, "instances/ns/db/no::name", INSTANCE("2001:db8::4", "HEALTHY"));
    expect(lab, "i-1.db.ns", DNS_A, "i-1.db.ns.\t7\tIN\tA\t192.0.2.1\n");
    expect(lab, "I-1.db.ns", DNS_A, "I-1.db.ns.\t7\tIN\tA\t192.0.2.1\n");
    house_put(&lab->house, "instances/ns/db/I-2", INSTANCE("192.0.2.5", "HEALTHY"));
    expect(lab, "i-2.db.ns", DNS_A, "i-2.db.ns.\t7\tIN\tA\t192.0.2.5\n");
    expect_none(lab, "i-1.db.ns", DNS_AAAA, DNS_NOERROR);
    expect(lab, "x.y.db.ns", DNS_A, "x.y.db.ns.\t7\tIN\tA\t192.0.2.2\n");
    expect_none(lab, "y.db.ns", DNS_A, DNS_NOERROR); /* there is something below it */
    expect_none(lab, "-1.db.ns", DNS_A, DNS_NXDOMAIN);
    expect_none(lab, "z.db.ns", DNS_A, DNS_NXDOMAIN);
    /* Whose id is no name has one made of its address. */
    expect(lab, "192-0-2-3-8080.db.ns", DNS_A, "192-0-2-3-8080.db.ns.\t7\tIN\tA\t192.0.2.3\n");
    expect(lab, "2001-db8--4-8080.db.ns", DNS_AAAA, "2001-db8--4-8080.db.ns.\t7\tIN\tAAAA\t2001:db8::4\n");
}

static void test_what_there_is_and_is_not(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", PLAIN);
    house_put(&lab->house, "services/ns/one.two", PLAIN);
    house_put(&lab->house, "instances/ns/one.two/a", INSTANCE("192.0.2.1", "HEALTHY"));
    expect_none(lab, "db.ns", DNS_A, DNS_NOERROR); /* no instance */
    expect_none(lab, "ns", DNS_A, DNS_NOERROR);
    expect_none(lab, "other.ns", DNS_A, DNS_NXDOMAIN);
    expect_none(lab, "db.other", DNS_A, DNS_REFUSED); /* nobody's of ours */
    house_put(&lab->house, "services/undeclared/db", PLAIN);
    house_put(&lab->house, "instances/undeclared/db/a", INSTANCE("192.0.2.1", "HEALTHY"));
    expect_none(lab, "db.undeclared", DNS_A, DNS_REFUSED);
    expect_none(lab, "", DNS_A, DNS_REFUSED);
    expect_none(lab, "ans", DNS_A, DNS_REFUSED);
    expect(lab, "one.two.ns", DNS_A, "one.two.ns.\t7\tIN\tA\t192.0.2.1\n");
    expect(lab, "a.one.two.ns", DNS_A, "a.one.two.ns.\t7\tIN\tA\t192.0.2.1\n");
}

static void test_a_namespace_for_api_calls_is_not_answered(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "namespaces/http", "{\"aws\":{\"id\":\"ns-1\",\"Type\":\"HTTP\"}}");
    house_put(&lab->house, "services/http/db", PLAIN);
    house_put(&lab->house, "instances/http/db/a", INSTANCE("192.0.2.1", "HEALTHY"));
    expect_none(lab, "db.http", DNS_A, DNS_REFUSED);
    house_put(&lab->house, "namespaces/http", "{\"aws\":{\"id\":\"ns-1\",\"Type\":\"DNS_PRIVATE\"}}");
    expect(lab, "db.http", DNS_A, "db.http.\t7\tIN\tA\t192.0.2.1\n");
}

static void test_the_healthy_ones_and_else_all(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", PLAIN);
    house_put(&lab->house, "instances/ns/db/a", INSTANCE("192.0.2.1", "UNHEALTHY"));
    house_put(&lab->house, "instances/ns/db/b", INSTANCE("192.0.2.2", "UNHEALTHY"));
    house_put(&lab->house, "instances/ns/db/c", INSTANCE("2001:db8::3", "HEALTHY"));
    /* For each family by itself. */
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.1\ndb.ns.\t7\tIN\tA\t192.0.2.2\n");
    expect(lab, "db.ns", DNS_SRV, "db.ns.\t7\tIN\tSRV\t1 1 8080 c.db.ns.\n");
    house_put(&lab->house, "instances/ns/db/b", INSTANCE("192.0.2.2", "HEALTHY"));
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.2\n");
    house_instance(&lab->house, "db", "b")->is_held_back = true;
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.1\ndb.ns.\t7\tIN\tA\t192.0.2.2\n");
    house_instance(&lab->house, "db", "b")->drain_until = INT64_MAX;
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.1\n");
}

static void test_by_the_policy_eight_or_one(void **state)
{
    struct dns_lab *lab = lab_of(state);
    bool seen[12] = {false};
    unsigned n_seen = 0;

    house_put(&lab->house, "services/ns/many", RECORDS("MULTIVALUE", "{\"Type\":\"A\",\"TTL\":60}"));
    house_put(&lab->house, "services/ns/one", RECORDS("WEIGHTED", "{\"Type\":\"A\",\"TTL\":60}"));
    for (unsigned i = 0; i < 12; i++) {
        char key[64], value[256];

        (void)snprintf(value, sizeof(value), INSTANCE("192.0.2.%u", "HEALTHY"), i);
        (void)snprintf(key, sizeof(key), "instances/ns/%s/i%u", i < 10 ? "many" : "one", i);
        house_put(&lab->house, key, value);
    }
    for (unsigned round = 0; round < 300; round++) {
        const char *text = ask(lab, "many.ns", DNS_A);

        assert_int_equal(lab_answers(lab), DNS_DIRECTORY_MOST);
        for (unsigned i = 0; i < 10; i++) {
            char address[32];

            (void)snprintf(address, sizeof(address), "\t192.0.2.%u\n", i);
            seen[i] |= strstr(text, address) != NULL;
        }
        text = ask(lab, "one.ns", DNS_A);
        assert_int_equal(lab_answers(lab), 1);
        seen[10] |= strstr(text, "192.0.2.10") != NULL;
        seen[11] |= strstr(text, "192.0.2.11") != NULL;
    }
    for (unsigned i = 0; i < 12; i++)
        n_seen += seen[i];
    assert_int_equal(n_seen, 12); /* each in its turn */
}

static void test_declared_types_and_their_times(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/a", RECORDS("MULTIVALUE", "{\"Type\":\"A\",\"TTL\":60}"));
    house_put(&lab->house, "instances/ns/a/i", INSTANCE("192.0.2.1", "HEALTHY"));
    expect(lab, "a.ns", DNS_A, "a.ns.\t60\tIN\tA\t192.0.2.1\n");
    expect_none(lab, "a.ns", DNS_SRV, DNS_NOERROR);
    expect_none(lab, "i.a.ns", DNS_A, DNS_NXDOMAIN); /* nothing leads there */
    house_put(&lab->house, "services/ns/s", RECORDS("MULTIVALUE", "{\"Type\":\"SRV\",\"TTL\":30}"));
    house_put(&lab->house, "instances/ns/s/i", INSTANCE("192.0.2.1", "HEALTHY"));
    expect(lab, "s.ns", DNS_SRV, "s.ns.\t30\tIN\tSRV\t1 1 8080 i.s.ns.\n");
    expect(lab, "i.s.ns", DNS_A, "i.s.ns.\t30\tIN\tA\t192.0.2.1\n");
    expect_none(lab, "s.ns", DNS_A, DNS_NOERROR);
    house_put(&lab->house, "services/ns/none", RECORDS("MULTIVALUE", ""));
    expect_none(lab, "none.ns", DNS_A, DNS_NXDOMAIN);
}

static void test_a_name_in_the_place_of_addresses(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/c", RECORDS("WEIGHTED", "{\"Type\":\"CNAME\",\"TTL\":20}"));
    expect_none(lab, "c.ns", DNS_A, DNS_NOERROR);
    house_put(&lab->house, "instances/ns/c/i", RECORD("HEALTHY", "\"AWS_INSTANCE_CNAME\":\"real.example\""));
    expect(lab, "c.ns", DNS_A, "c.ns.\t20\tIN\tCNAME\treal.example.\n");
    expect(lab, "c.ns", TYPE_MX, "c.ns.\t20\tIN\tCNAME\treal.example.\n");
}

/* An instance has one address for connections; AWS's attributes may say another, of the other family. */
static void test_addresses_of_attributes(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", PLAIN);
    house_put(&lab->house, "instances/ns/db/a",
              WITH("192.0.2.1", "\"AWS_INSTANCE_IPV4\":\"192.0.2.1\",\"AWS_INSTANCE_IPV6\":\"2001:db8::1\""));
    house_put(&lab->house, "instances/ns/db/b", RECORD("HEALTHY", "\"AWS_INSTANCE_IPV4\":\"192.0.2.2\""));
    expect(lab, "db.ns", DNS_A, "db.ns.\t7\tIN\tA\t192.0.2.1\ndb.ns.\t7\tIN\tA\t192.0.2.2\n");
    expect(lab, "db.ns", DNS_AAAA, "db.ns.\t7\tIN\tAAAA\t2001:db8::1\n");
    expect(lab, "db.ns", DNS_SRV, "db.ns.\t7\tIN\tSRV\t1 1 8080 a.db.ns.\n"); /* b has no port */
}

/* Only the attribute of that name is one, whatever else has the name in it. */
static void test_attributes_that_look_like_addresses(void **state)
{
    struct dns_lab *lab = lab_of(state);

    house_put(&lab->house, "services/ns/db", RECORDS("WEIGHTED", "{\"Type\":\"AAAA\",\"TTL\":60}"));
    house_put(&lab->house, "instances/ns/db/a",
              WITH("192.0.2.1", "\"MY_AWS_INSTANCE_IPV6\":\"2001:db8::9\",\"note\":\"AWS_INSTANCE_IPV6\""));
    expect_none(lab, "db.ns", DNS_AAAA, DNS_NOERROR);
    house_put(&lab->house, "instances/ns/db/b",
              WITH("192.0.2.1", "\"MY_AWS_INSTANCE_IPV6\":\"2001:db8::9\",\"note\":\"AWS_INSTANCE_IPV6\","
                                "\"AWS_INSTANCE_IPV6\":\"2001:db8::1\""));
    /* Drawn by weight, and always the one that has an address. */
    for (unsigned i = 0; i < 50; i++)
        expect(lab, "db.ns", DNS_AAAA, "db.ns.\t60\tIN\tAAAA\t2001:db8::1\n");
}

static void test_by_udp_what_fits(void **state)
{
    struct dns_lab *lab = lab_of(state);
    int fd = lab_client(lab->dns.listener, 0, SOCK_DGRAM);

    house_put(&lab->house, "services/ns/db", PLAIN);
    for (unsigned i = 0; i < DNS_DIRECTORY_MOST; i++) {
        char key[64], value[256];

        (void)snprintf(value, sizeof(value), INSTANCE("2001:db8::%u", "HEALTHY"), i + 1);
        (void)snprintf(key, sizeof(key), "instances/ns/db/i%u", i);
        house_put(&lab->house, key, value);
    }
    lab_ask(fd, "db.ns", DNS_AAAA, 1);
    assert_in_range(lab_hear(lab, fd), 1, 4 * (12 + 7 + 4)); /* no use as an amplifier */
    assert_in_range(lab_answers(lab), 1, 3);
    lab_ask(fd, "example.org", DNS_A, 2);
    (void)lab_hear(lab, fd);
    assert_int_equal(lab_rcode(lab), DNS_REFUSED);
    assert_int_equal(lab->dns.counters.refused, 1);
    (void)close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_service_has_the_addresses_of_its_instances),
        TEST(test_the_targets_of_srv_records_have_addresses),
        TEST(test_what_there_is_and_is_not),
        TEST(test_a_namespace_for_api_calls_is_not_answered),
        TEST(test_the_healthy_ones_and_else_all),
        TEST(test_by_the_policy_eight_or_one),
        TEST(test_declared_types_and_their_times),
        TEST(test_a_name_in_the_place_of_addresses),
        TEST(test_addresses_of_attributes),
        TEST(test_attributes_that_look_like_addresses),
        TEST(test_by_udp_what_fits),
    };

    return cmocka_run_group_tests(tests, lab_enter, NULL);
}
