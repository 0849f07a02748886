/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the number of a name to its two addresses and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/config.h"

static char file[64];

static int setup(void **state)
{
    static const char text[] = "{\"cgroupRoot\":\"/c\"}";
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/svc-config-XXXXXX", P_tmpdir);
    fd = mkstemp(file);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -1;
    return close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

static void load_ranges(const char *range, const char *range6, struct config *config)
{
    char *argv[] = {"svcconnectd", "--config",       file,          "--alias-range",
                    (char *)range, "--alias-range6", (char *)range6};
    enum config_action action;
    struct error error = {0};

    if (config_load(ARRAY_SIZE(argv), argv, config, &action, &error) != 0)
        fail_msg("%s", error.message);
}

static void expect_address(const struct config *config, uint32_t number, const char *v4, const char *v6)
{
    struct ip_address address = config_alias_address(config, number);
    struct ip_address address6 = config_alias_address6(config, number);
    char text[IP_ADDRESS_TEXT_SIZE];
    uint32_t back = 0;

    assert_string_equal(ip_address_format(&address, text), v4);
    assert_string_equal(ip_address_format(&address6, text), v6);
    assert_int_equal(config_alias_number(config, &address, &back), 0);
    assert_int_equal(back, number);
}

static void expect_no_number(const struct config *config, const char *text)
{
    struct ip_address address;
    uint32_t number = 7;

    assert_int_equal(ip_address_parse(text, &address), 0);
    assert_int_equal(config_alias_number(config, &address, &number), -ERANGE);
    assert_int_equal(number, 7);
}

static void test_alias_addresses(void **state)
{
    _cleanup_(config_done) struct config config;

    (void)state;
    load_ranges("127.255.0.0/16", "fd7f:ff53:7663::/112", &config);
    expect_address(&config, 1, "127.255.0.1", "fd7f:ff53:7663::1");
    expect_address(&config, 256, "127.255.1.0", "fd7f:ff53:7663::100");
    expect_address(&config, 65534, "127.255.255.254", "fd7f:ff53:7663::fffe");
    expect_no_number(&config, "127.255.0.0"); /* the network's and the broadcast one */
    expect_no_number(&config, "127.255.255.255");
    expect_no_number(&config, "127.254.255.255");
    expect_no_number(&config, "128.0.0.0");
    expect_no_number(&config, "0.0.0.1");
    expect_no_number(&config, "255.255.255.255");
    expect_no_number(&config, "fd7f:ff53:7663::1");
    expect_no_number(&config, "::7fff:1"); /* the same last bytes, no IPv4 address */
}

static void test_alias_addresses_of_other_ranges(void **state)
{
    _cleanup_(config_done) struct config small;
    _cleanup_(config_done) struct config large;

    (void)state;
    load_ranges("192.168.7.248/29", "fd00::aa8/125", &small);
    assert_int_equal(small.alias_addresses, 6);
    expect_address(&small, 6, "192.168.7.254", "fd00::aae");
    expect_no_number(&small, "192.168.7.255");
    load_ranges("10.0.0.0/8", "fd00::ab00:0/104", &large);
    assert_int_equal(large.alias_addresses, (1 << 24) - 2);
    expect_address(&large, (1 << 24) - 2, "10.255.255.254", "fd00::abff:fffe");
    expect_no_number(&large, "11.0.0.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_addresses),
        cmocka_unit_test(test_alias_addresses_of_other_ranges),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
