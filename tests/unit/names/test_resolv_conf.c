/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "names/resolv_conf.h"

static void expect(const char *text, const char *wanted)
{
    struct resolv_conf conf;
    char found[1024] = "";
    char address[IP_ADDRESS_TEXT_SIZE];
    size_t used = 0;

    resolv_conf_read(text, &conf);
    for (unsigned i = 0; i < conf.n_nameservers; i++)
        used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s%s ",
                                 ip_address_format(&conf.nameservers[i], address),
                                 conf.zones[i][0] ? "%" : "", conf.zones[i]);
    used += (size_t)snprintf(found + used, sizeof(found) - used, "|");
    for (unsigned i = 0; i < conf.n_domains; i++)
        used += (size_t)snprintf(found + used, sizeof(found) - used, " %s", conf.domains[i]);
    assert_string_equal(found, wanted);
}

static void test_usual(void **state)
{
    (void)state;
    expect("# comment\nsearch Example.com. corp\nnameserver 10.0.0.2\n  nameserver\t fd00::53 \noptions "
           "ndots:1\n",
           "10.0.0.2 fd00::53 | example.com corp");
    expect("nameserver 127.0.0.11", "127.0.0.11 |");
    expect("nameserver 10.0.0.2\r\nsearch a\r\n", "10.0.0.2 | a");
}

static void test_nothing_is_this_host(void **state)
{
    (void)state;
    expect("", "127.0.0.1 |");
    expect("nameserver nowhere\nnameserver\nnameserverx 10.0.0.1\n;nameserver 10.0.0.1\n", "127.0.0.1 |");
}

static void test_zones(void **state)
{
    (void)state;
    expect("nameserver fe80::1%eth0\n", "fe80::1%eth0 |");
    expect("nameserver fe80::1%2\nnameserver fe80::1\nnameserver feBF::2%br-0123456789ab\n",
           "fe80::1%2 fe80::1 febf::2%br-0123456789ab |");
    expect("nameserver fe80::1%a-name-too-long-for-linux\n", "fe80::1 |");
    expect("nameserver 10.0.0.1%eth0\nnameserver fec0::1%eth0\nnameserver fe80::1%\n",
           "10.0.0.1 fec0::1 fe80::1 |");
    expect("nameserver %eth0\nnameserver x%eth0\n", "127.0.0.1 |");
}

static void test_the_last_line_of_domains_holds(void **state)
{
    (void)state;
    expect("nameserver 10.0.0.2\nsearch a b\ndomain c d\n", "10.0.0.2 | c");
    expect("nameserver 10.0.0.2\ndomain c\nsearch a b\n", "10.0.0.2 | a b");
}

static void test_limits(void **state)
{
    (void)state;
    expect("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n"
           "search 1 2 3 4 5 6 7 8 9 10\n",
           "10.0.0.1 10.0.0.2 10.0.0.3 | 1 2 3 4 5 6 7 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),  cmocka_unit_test(test_nothing_is_this_host),
        cmocka_unit_test(test_zones),  cmocka_unit_test(test_the_last_line_of_domains_holds),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
