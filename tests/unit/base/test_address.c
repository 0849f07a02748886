/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"

static struct ip_address parsed(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(text, &address), 0);
    return address;
}

static void test_v4_is_mapped(void **state)
{
    static const uint8_t wanted[16] = {[10] = 0xff, 0xff, 127, 255, 0, 1};
    struct ip_address address = parsed("127.255.0.1");
    struct ip_address built = ip_address_from_v4(0x7fff0001);

    (void)state;
    assert_memory_equal(address.bytes, wanted, 16);
    assert_memory_equal(built.bytes, wanted, 16);
    assert_int_equal(ip_address_to_v4(&address), 0x7fff0001);
    assert_true(ip_address_is_v4(&address));
    address = parsed("::127.255.0.1"); /* compatible, not mapped */
    assert_false(ip_address_is_v4(&address));
    address = parsed("fd00::ffff:7fff:1");
    assert_false(ip_address_is_v4(&address));
}

static void test_parse_and_format(void **state)
{
    static const char *const pairs[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.1.2.3", "10.1.2.3"},
        {"::", "::"},
        {"::1", "::1"},
        {"fd00:0:0:0:0:0:0:5", "fd00::5"},
        {"2001:DB8::A", "2001:db8::a"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::ffff:0102:0304", "1.2.3.4"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct ip_address address = parsed(pairs[i][0]);
        struct ip_address again;
        char text[IP_ADDRESS_TEXT_SIZE];

        assert_ptr_equal(ip_address_format(&address, text), text);
        assert_string_equal(text, pairs[i][1]);
        again = parsed(text);
        assert_true(ip_address_equal(&again, &address));
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {
        "",         " ",        "1",        "1.2.3",       "1.2.3.4.5", "256.1.1.1",
        "1.2.3.-4", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",    "1.2.3.4/8", "0x1.2.3.4",
        "backend",  "[::1]",    "::1%lo",   "fe80::1%eth", "::1/64",    ":::",
        "1::2::3",  "12345::",  "::g",      "1.2.3.4:80",  "1..2.3",    "1.2.3.4\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ip_address address = ip_address_from_v4(42);

        assert_int_equal(ip_address_parse(bad[i], &address), -EINVAL);
        assert_int_equal(ip_address_to_v4(&address), 42);
    }
}

static void test_equal(void **state)
{
    struct ip_address a = parsed("10.0.0.1");
    struct ip_address b = a;

    (void)state;
    assert_true(ip_address_equal(&a, &b));
    for (int i = 0; i < 16; i++) {
        b.bytes[i] ^= 1;
        assert_false(ip_address_equal(&a, &b));
        b.bytes[i] ^= 1;
    }
}

static void test_unusable(void **state)
{
    static const char *const unusable[] = {"0.0.0.0",         "0.1.2.3", "224.0.0.1", "239.255.255.255",
                                           "255.255.255.255", "::",      "ff02::1"};
    static const char *const usable[] = {"1.0.0.1",         "127.0.0.1", "223.255.255.255", "240.0.0.1",
                                         "255.255.255.254", "::1",       "fe80::1",         "fd00::"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
        struct ip_address address = parsed(unusable[i]);

        assert_true(ip_address_is_unusable(&address));
    }
    for (size_t i = 0; i < ARRAY_SIZE(usable); i++) {
        struct ip_address address = parsed(usable[i]);

        assert_false(ip_address_is_unusable(&address));
    }
}

static void test_why_no_endpoint(void **state)
{
    static const char *const bad[] = {
        "0.0.0.0",   "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "::",        "ff02::1", "ff0e::1",   "fe80::1",         "fe80::",
        "febf::1:2", "::2",     "::1.2.3.4", "::ffff:224.0.0.1"};
    static const char *const good[] = {"1.0.0.1",         "127.0.0.1",   "169.254.170.2",   "240.0.0.1",
                                       "255.255.255.254", "::1",         "fec0::1",         "fe7f::1",
                                       "fd00::1",         "2001:db8::1", "64:ff9b::1.2.3.4"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ip_address address = parsed(bad[i]);

        assert_non_null(ip_address_why_no_endpoint(&address));
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct ip_address address = parsed(good[i]);

        assert_null(ip_address_why_no_endpoint(&address));
    }
}

static void test_endpoint(void **state)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
    } good[] = {{"10.0.0.1:80", "10.0.0.1", 80},
                {"10.0.0.1:1", "10.0.0.1", 1},
                {"10.0.0.1:65535", "10.0.0.1", 65535},
                {"[fd00::1]:8080", "fd00::1", 8080},
                {"[::ffff:1.2.3.4]:5", "1.2.3.4", 5},
                {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:53",
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 53}};
    static const char *const bad[] = {
        "",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:-1",
        ":80",
        "10.0.0.1:080",
        "10.0.0.1:8 ",
        "10.0.0.1: 8",
        "10.0.0.1:http",
        "10.0.0.1:80:80",
        "[]:80",
        "[::1]",
        "[::1:80",
        "::1]:80",
        "::1:80",
        "fd00::1:80",
        "[10.0.0.1]:80",
        "[fd00::1]:",
        "[fd00::1]80",
        "localhost:80",
        "[::1%lo]:80",
        "10.0.0.1:99999999999999999999999999",
        "11111111111111111111111111111111111111111111111111111111111111111111:80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char text[IP_ADDRESS_TEXT_SIZE];
        struct ip_address address;
        uint16_t port = 0;

        assert_int_equal(ip_endpoint_parse(good[i].text, &address, &port), 0);
        assert_string_equal(ip_address_format(&address, text), good[i].address);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ip_address address = ip_address_from_v4(42);
        uint16_t port = 7;

        assert_int_equal(ip_endpoint_parse(bad[i], &address, &port), -EINVAL);
        assert_int_equal(ip_address_to_v4(&address), 42);
        assert_int_equal(port, 7);
    }
}

static void test_prefix(void **state)
{
    static const struct {
        const char *text, *address;
        unsigned bits;
    } good[] = {{"127.255.0.0/16", "127.255.0.0", 16},
                {"0.0.0.0/0", "0.0.0.0", 0},
                {"10.0.0.1/32", "10.0.0.1", 32},
                {"128.0.0.0/1", "128.0.0.0", 1},
                {"fd00::/8", "fd00::", 8},
                {"::/0", "::", 0},
                {"fd00::1/128", "fd00::1", 128},
                {"fd00:8000::/17", "fd00:8000::", 17}};
    static const char *const bad[] = {"",
                                      "10.0.0.0",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.1/31",
                                      "10.0.1.0/23",
                                      "10.0.0.0/08",
                                      "fd00::/129",
                                      "fd00::1/127",
                                      "/8",
                                      "name/8",
                                      "10.0.0.0/8/8",
                                      "fd00:8000::/16",
                                      "1111111111111111111111111111111111111111111111111111/8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char text[IP_ADDRESS_TEXT_SIZE];
        struct ip_address address;
        unsigned bits = 999;

        assert_int_equal(ip_prefix_parse(good[i].text, &address, &bits), 0);
        assert_string_equal(ip_address_format(&address, text), good[i].address);
        assert_int_equal(bits, good[i].bits);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ip_address address = ip_address_from_v4(42);
        unsigned bits = 7;

        assert_int_equal(ip_prefix_parse(bad[i], &address, &bits), -EINVAL);
        assert_int_equal(ip_address_to_v4(&address), 42);
        assert_int_equal(bits, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4_is_mapped),  cmocka_unit_test(test_parse_and_format),
        cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_equal),
        cmocka_unit_test(test_unusable),      cmocka_unit_test(test_why_no_endpoint),
        cmocka_unit_test(test_endpoint),      cmocka_unit_test(test_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
