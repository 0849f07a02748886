/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* <svcconnect/decision.h> as the host compiler builds it: the same lines as in the programs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <svcconnect/decision.h>

#include "base/cleanup.h"
#include "routing/table.h"

static void check_descriptor(uint32_t first, uint32_t count, uint32_t generation)
{
    uint64_t descriptor = svc_descriptor(first, count, generation);

    assert_int_equal(svc_descriptor_first(descriptor), first);
    assert_int_equal(svc_descriptor_count(descriptor), count);
    assert_int_equal(svc_descriptor_generation(descriptor), generation & 0xffff);
}

static void put_address(const char *text, __u8 address[16])
{
    struct in_addr four;

    memset(address, 0, 16);
    if (inet_pton(AF_INET, text, &four) == 1) {
        address[10] = address[11] = 0xff;
        memcpy(address + 12, &four, sizeof(four));
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, address), 1);
    }
}

static void test_alias_ranges(void **state)
{
    static const struct svc_alias_ranges none;
    struct svc_alias_ranges ranges = {0};
    static const struct {
        const char *address;
        bool is_inside;
    } cases[] = {
        {"127.255.0.0", true},  {"127.255.255.255", true},  {"127.255.7.1", true},
        {"127.254.0.1", false}, {"126.255.0.1", false},     {"0.0.0.0", false},
        {"fd7f:1::1", true},    {"fd7f:1::ffff", true},     {"fd7f:1::1:1", false},
        {"fd7f:2::1", false},   {"::127.255.0.1", false},   {"::ffff:0:127.255.0.1", false},
        {"::", false},          {"64:ff9b::7fff:1", false},
    };
    __u8 address[16];

    (void)state;
    ranges.address4 = htonl(0x7fff0000);
    ranges.mask4 = htonl(0xffff0000);
    put_address("fd7f:1::", (__u8 *)ranges.address6);
    put_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:0", (__u8 *)ranges.mask6);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_address(cases[i].address, address);
        assert_int_equal(svc_is_in_alias_ranges(&ranges, address), cases[i].is_inside);
        assert_false(svc_is_in_alias_ranges(&none, address));
    }
    put_address("127.255.0.1", address);
    assert_true(svc_is_mapped(address));
    address[0] = 1;
    assert_false(svc_is_mapped(address));
}

static void check_reach(const char *source, const char *destination, enum svc_reach reach)
{
    __u8 from[16], to[16];

    put_address(source, from);
    put_address(destination, to);
    assert_int_equal(svc_reach_of(from, to), reach);
}

static void test_reach(void **state)
{
    (void)state;
    check_reach("::", "127.255.0.1", SVC_REACH_IPV4_FIRST);
    check_reach("::", "fd7f::1", SVC_REACH_IPV6_FIRST);
    check_reach("127.0.0.1", "fd7f::1", SVC_REACH_IPV4);
    check_reach("127.0.0.1", "127.255.0.1", SVC_REACH_IPV4);
    check_reach("0.0.0.0", "fd7f::1", SVC_REACH_IPV4); /* ::ffff:0.0.0.0 is a source in IPv4 */
    check_reach("::1", "127.255.0.1", SVC_REACH_IPV6);
    check_reach("::1", "fd7f::1", SVC_REACH_IPV6);
}

static void test_ports_of_probes(void **state)
{
    (void)state;
    assert_true(svc_is_port_of_probes(0));
    assert_true(svc_is_port_of_probes(htons(9)));
    assert_true(svc_is_port_of_probes(htons(65535)));
    assert_false(svc_is_port_of_probes(htons(80)));
    assert_false(svc_is_port_of_probes(htons(9 << 8)));
}

static void test_descriptor(void **state)
{
    (void)state;
    check_descriptor(0, 0, 0);
    check_descriptor(64, 2, 1);
    check_descriptor(UINT32_MAX, SVC_MAX_TABLE_SLOTS, 0xffff);
    check_descriptor(0, SVC_MAX_TABLE_SLOTS, 0);
    check_descriptor(1, 0, 0xffff);
    check_descriptor(5, 6, 0x10007); /* the generation wraps, its neighbours stay */
    assert_true(svc_descriptor(64, 2, 1) == UINT64_C(0x0000004000020001));
    assert_int_equal(svc_descriptor_count(0), 0);
}

static void test_protocol(void **state)
{
    static const uint32_t others[] = {0,         1, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_RAW, IPPROTO_DCCP,
                                      UINT32_MAX};

    (void)state;
    assert_int_equal(svc_socket_protocol(SOCK_STREAM, IPPROTO_TCP), TCP);
    assert_int_equal(svc_socket_protocol(SOCK_STREAM, SVC_IPPROTO_MPTCP), TCP);
    assert_int_equal(svc_socket_protocol(SOCK_DGRAM, IPPROTO_UDP), UDP);
    assert_int_equal(svc_socket_protocol(SOCK_STREAM, IPPROTO_UDP), 0);
    assert_int_equal(svc_socket_protocol(SOCK_DGRAM, IPPROTO_TCP), 0);
    assert_int_equal(svc_socket_protocol(SOCK_RAW, IPPROTO_TCP), 0);
    assert_int_equal(svc_socket_protocol(SOCK_RAW, IPPROTO_UDP), 0);
    assert_int_equal(svc_socket_protocol(SOCK_SEQPACKET, IPPROTO_SCTP), 0);
    assert_int_equal(svc_socket_protocol(0, 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_int_equal(svc_socket_protocol(SOCK_STREAM, others[i]), 0);
        assert_int_equal(svc_socket_protocol(SOCK_DGRAM, others[i]), 0);
    }
    /* The constants repeated for the programs are the system's. */
    assert_int_equal(SVC_SOCK_STREAM, SOCK_STREAM);
    assert_int_equal(SVC_SOCK_DGRAM, SOCK_DGRAM);
    assert_int_equal(TCP, IPPROTO_TCP);
    assert_int_equal(UDP, IPPROTO_UDP);
    assert_int_equal(SVC_IPPROTO_MPTCP, IPPROTO_MPTCP);
}

/* One bit anywhere makes a difference; unaligned addresses too. */
static void test_address_equal(void **state)
{
    uint8_t memory[40];
    uint8_t *a = memory + 1;
    uint8_t *b = memory + 18;

    (void)state;
    for (int i = 0; i < 16; i++)
        a[i] = b[i] = (uint8_t)(i * 17 + 3);
    assert_true(svc_address_equal(a, b));
    for (int bit = 0; bit < 128; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(svc_address_equal(a, b));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* The same difference in two words must not cancel out. */
    for (int one = 0; one < 4; one++)
        for (int two = one + 1; two < 4; two++) {
            b[4 * one] ^= 1;
            b[4 * two] ^= 1;
            assert_false(svc_address_equal(a, b));
            b[4 * one] ^= 1;
            b[4 * two] ^= 1;
        }
}

static struct svc_alias_key key_with(const uint8_t address[16])
{
    struct svc_alias_key key = {.scope = 3, .port_be = htons(80), .protocol = TCP};

    memcpy(key.address, address, 16);
    return key;
}

static void test_service_matches(void **state)
{
    struct svc_service service = {.table4 = 1,
                                  .table6 = 2,
                                  .scope = 3,
                                  .port_be = htons(80),
                                  .protocol = TCP,
                                  .address4 = {[10] = 0xff, 0xff, 127, 255, 0, 1},
                                  .address6 = {0xfd, [15] = 1}};
    static const uint8_t other[16] = {[10] = 0xff, 0xff, 127, 255, 0, 2};
    struct svc_alias_key by4 = key_with(service.address4);
    struct svc_alias_key by6 = key_with(service.address6);
    struct svc_alias_key wrong = key_with(other);

    (void)state;
    assert_true(svc_service_matches(&service, &by4));
    assert_true(svc_service_matches(&service, &by6));
    assert_false(svc_service_matches(&service, &wrong));
    wrong = by4;
    wrong.scope = 4;
    assert_false(svc_service_matches(&service, &wrong));
    wrong = by6;
    wrong.protocol = UDP;
    assert_false(svc_service_matches(&service, &wrong));
    wrong = by4;
    wrong.port_be = htons(81);
    assert_false(svc_service_matches(&service, &wrong));
    /* Which tables are published is no part of the identity. */
    service.table4 = service.table6 = 0;
    assert_true(svc_service_matches(&service, &by4));
    /* An index that was never given out is all zero and matches no key, whose scope is never 0. */
    service = (struct svc_service){0};
    assert_false(svc_service_matches(&service, &by4));
    assert_false(svc_service_matches(&service, &by6));
}

/* Column and fraction are the two halves of one product; no random word leads out of the table. */
static void test_draw_is_in_range(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 10, 1000, 4096, SVC_MAX_TABLE_SLOTS};
    static const uint32_t words[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};

    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
        for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
            uint64_t column = svc_draw_column(words[w], counts[c]);

            assert_true(column < counts[c]);
            assert_true((column << 32 | svc_draw_fraction(words[w], counts[c])) ==
                        (uint64_t)words[w] * counts[c]);
        }
        assert_int_equal(svc_draw_column(0, counts[c]), 0);
        assert_int_equal(svc_draw_column(UINT32_MAX, counts[c]), counts[c] - 1);
    }
}

static void test_far(void **state)
{
    (void)state;
    assert_true(svc_is_far(1, 2));
    assert_true(svc_is_far(0x80000001u, 0x7ffffffeu));
    assert_false(svc_is_far(3, 2)); /* they share one */
    assert_false(svc_is_far(0, 2)); /* of a host's own address */
    assert_false(svc_is_far(1, 0)); /* a task on no network of its own */
    assert_false(svc_is_far(0, 0));
}

static void test_slot_outcome(void **state)
{
    const struct svc_slot slot = {.threshold = 1000,
                                  .port_a_be = htons(1),
                                  .port_b_be = htons(2),
                                  .endpoint_a = 11,
                                  .endpoint_b = 12,
                                  .networks_a = 4,
                                  .networks_b = 8,
                                  .address_a = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                                  .address_b = {[10] = 0xff, 0xff, 10, 0, 0, 2}};
    struct svc_slot single = slot;
    struct svc_outcome outcome = svc_slot_outcome(&slot, 0);

    (void)state;
    assert_int_equal(outcome.endpoint, 11);
    assert_int_equal(outcome.port_be, htons(1));
    assert_memory_equal(outcome.address, slot.address_a, sizeof(outcome.address));
    assert_int_equal(outcome.networks, 4);
    assert_int_equal(svc_slot_outcome(&slot, 999).endpoint, 11);
    outcome = svc_slot_outcome(&slot, 1000);
    assert_int_equal(outcome.endpoint, 12);
    assert_int_equal(outcome.port_be, htons(2));
    assert_memory_equal(outcome.address, slot.address_b, sizeof(outcome.address));
    assert_int_equal(outcome.networks, 8);
    assert_int_equal(svc_slot_outcome(&slot, UINT32_MAX).endpoint, 12);
    single.threshold = 0;
    assert_int_equal(svc_slot_outcome(&single, 0).endpoint, 12);
    assert_int_equal(svc_slot_outcome(&single, UINT32_MAX).endpoint, 12);
    single.threshold = UINT32_MAX;
    assert_int_equal(svc_slot_outcome(&single, 0).endpoint, 11);
    assert_int_equal(svc_slot_outcome(&single, UINT32_MAX - 1).endpoint, 11);
    assert_int_equal(svc_slot_outcome(&single, UINT32_MAX).endpoint, 12);
}

/* The first random word whose product reaches `units`: that is where one outcome ends and the next begins. */
static uint64_t word_at(uint64_t units, uint32_t count)
{
    return (units + count - 1) / count;
}

static uint32_t endpoint_for(const struct svc_slot *slots, uint32_t count, uint64_t word)
{
    uint32_t column = svc_draw_column((uint32_t)word, count);

    return svc_slot_outcome(&slots[column], svc_draw_fraction((uint32_t)word, count)).endpoint;
}

/*
 * Of all 2^32 random words, how many draw `endpoint`? Between two borders the outcome cannot change, so it is
 * enough to draw with the first and the last word of each stretch.
 */
static uint64_t words_for(const struct svc_slot *slots, uint32_t count, uint32_t endpoint,
                          unsigned *ret_stretches)
{
    uint64_t words = 0;

    *ret_stretches = 0;
    for (uint32_t column = 0; column < count; column++) {
        uint64_t begin = (uint64_t)column << 32;
        uint64_t borders[3] = {word_at(begin, count), word_at(begin + slots[column].threshold, count),
                               word_at(begin + (UINT64_C(1) << 32), count)};

        for (int half = 0; half < 2; half++) {
            if (borders[half] == borders[half + 1])
                continue;
            assert_int_equal(endpoint_for(slots, count, borders[half]),
                             half ? slots[column].endpoint_b : slots[column].endpoint_a);
            assert_int_equal(endpoint_for(slots, count, borders[half]),
                             endpoint_for(slots, count, borders[half + 1] - 1));
            if (endpoint_for(slots, count, borders[half]) == endpoint) {
                words += borders[half + 1] - borders[half];
                *ret_stretches += 1;
            }
        }
    }
    return words;
}

/* Weights to random words, through table and draw: each stretch of an endpoint is exact to one word. */
static void test_draw_keeps_weights(void **state)
{
    static const uint32_t weights[] = {1, 65535, 7, 0, 300, 12, 9999, 1, 5, 70};
    struct table_candidate candidates[ARRAY_SIZE(weights)];
    struct table_target target = {1, candidates, ARRAY_SIZE(weights), NULL};
    _cleanup_free_ struct svc_slot *slots = NULL;
    uint64_t sum = 0;
    uint64_t all = 0;
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++) {
        candidates[i] = (struct table_candidate){.endpoint = i,
                                                 .address = ip_address_from_v4(i),
                                                 .port = 80,
                                                 .weight = weights[i],
                                                 .is_eligible = true};
        sum += weights[i];
    }
    assert_int_equal(table_build(&target, 1, false, &slots, &count), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++) {
        unsigned stretches;
        uint64_t words = words_for(slots, count, i, &stretches);
        double wanted = (double)(UINT64_C(1) << 32) * weights[i] / (double)sum;

        all += words;
        assert_true((double)words > wanted - 1 - stretches && (double)words < wanted + 1 + stretches);
        if (weights[i] == 0)
            assert_int_equal(words, 0);
    }
    assert_true(all == UINT64_C(1) << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_ranges),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_ports_of_probes),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_protocol),
        cmocka_unit_test(test_address_equal),
        cmocka_unit_test(test_service_matches),
        cmocka_unit_test(test_draw_is_in_range),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_slot_outcome),
        cmocka_unit_test(test_draw_keeps_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
