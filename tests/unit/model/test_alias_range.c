/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the number of a name to its two addresses and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include <svcconnect/decision.h>

#include "model/alias_range.h"

static void parse(const char *text, const char *text6, struct alias_range *range)
{
    struct error error = {0};

    if (alias_range_parse(text, text6, range, &error) < 0)
        fail_msg("%s", error.message);
}

static void expect_address(const struct alias_range *range, uint32_t number, const char *v4, const char *v6)
{
    struct ip_address address = alias_range_address(range, number);
    struct ip_address address6 = alias_range_address6(range, number);
    char text[IP_ADDRESS_TEXT_SIZE];
    uint32_t back = 0;

    assert_string_equal(ip_address_format(&address, text), v4);
    assert_string_equal(ip_address_format(&address6, text), v6);
    assert_int_equal(alias_range_number(range, &address, &back), 0);
    assert_int_equal(back, number);
}

static void expect_no_number(const struct alias_range *range, const char *text)
{
    struct ip_address address;
    uint32_t number = 7;

    assert_int_equal(ip_address_parse(text, &address), 0);
    assert_int_equal(alias_range_number(range, &address, &number), -ERANGE);
    assert_int_equal(number, 7);
}

static void test_alias_addresses(void **state)
{
    struct alias_range range;

    (void)state;
    parse("127.255.0.0/16", "fd7f:ff53:7663::/112", &range);
    expect_address(&range, 1, "127.255.0.1", "fd7f:ff53:7663::1");
    expect_address(&range, 256, "127.255.1.0", "fd7f:ff53:7663::100");
    expect_address(&range, 65534, "127.255.255.254", "fd7f:ff53:7663::fffe");
    expect_no_number(&range, "127.255.0.0"); /* the network's and the broadcast one */
    expect_no_number(&range, "127.255.255.255");
    expect_no_number(&range, "127.254.255.255");
    expect_no_number(&range, "128.0.0.0");
    expect_no_number(&range, "0.0.0.1");
    expect_no_number(&range, "255.255.255.255");
    expect_no_number(&range, "fd7f:ff53:7663::1");
    expect_no_number(&range, "::7fff:1"); /* the same last bytes, no IPv4 address */
}

static void test_alias_addresses_of_other_ranges(void **state)
{
    struct alias_range small;
    struct alias_range large;

    (void)state;
    parse("192.168.7.248/29", "fd00::aa8/125", &small);
    assert_int_equal(small.addresses, 6);
    expect_address(&small, 6, "192.168.7.254", "fd00::aae");
    expect_no_number(&small, "192.168.7.255");
    parse("10.0.0.0/8", "fd00::ab00:0/104", &large);
    assert_int_equal(large.addresses, (1 << 24) - 2);
    expect_address(&large, (1 << 24) - 2, "10.255.255.254", "fd00::abff:fffe");
    expect_no_number(&large, "11.0.0.0");
}

static void test_words_for_programs(void **state)
{
    static const struct {
        const char *four;
        const char *six;
        uint32_t mask4;
        uint8_t bits6; /* in the byte of the mask that is neither all ones nor 0 */
        unsigned at;
    } cases[] = {
        {"127.255.0.0/16", "fd7f:ff53:7663::/112", 0xffff0000, 0x00, 14},
        {"127.255.0.8/29", "fd7f:8000::/17", 0xfffffff8, 0x80, 2},
        {"10.0.0.0/8", "fd00::/16", 0xff000000, 0x00, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct alias_range range;
        struct svc_alias_ranges ranges;
        struct ip_address address;
        uint32_t found = 0;
        struct error error = {0};

        assert_int_equal(alias_range_parse(cases[i].four, cases[i].six, &range, &error), 0);
        ranges = alias_range_for_programs(&range);
        assert_int_equal(ntohl(ranges.mask4), cases[i].mask4);
        assert_int_equal(((const uint8_t *)ranges.mask6)[cases[i].at], cases[i].bits6);
        assert_int_equal(((const uint8_t *)ranges.mask6)[cases[i].at - 1], 0xff);
        for (uint32_t number = 0; number < 6; number++) {
            address = alias_range_address(&range, number);
            assert_true(svc_is_in_alias_ranges(&ranges, address.bytes));
            address = alias_range_address6(&range, number);
            assert_int_equal(alias_range_number6(&range, &address, &found), number > 0 ? 0 : -ERANGE);
            assert_true(number == 0 || found == number);
            address.bytes[3] ^= 1;
            assert_int_equal(alias_range_number6(&range, &address, &found), -ERANGE);
            address.bytes[3] ^= 1;
            assert_true(svc_is_in_alias_ranges(&ranges, address.bytes));
        }
        assert_int_equal(ip_address_parse("198.51.100.1", &address), 0);
        assert_false(svc_is_in_alias_ranges(&ranges, address.bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_addresses),
        cmocka_unit_test(test_words_for_programs),
        cmocka_unit_test(test_alias_addresses_of_other_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
