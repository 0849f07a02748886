/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "settings/check_ranges.h"

#include <stdio.h>
#include <string.h>

#include "base/own_address.h"

/* What nobody gets to by default. Prefixes of IPv4 count from its first bit. */
static const struct {
    const char *prefix;
    const char *what;
} closed[] = {
    {"127.0.0.0/8", "a loopback address"},
    {"::1/128", "a loopback address"},
    {"0.0.0.0/8", "an address of this host"},
    {"169.254.0.0/16", "a link-local address, where clouds have their metadata"},
    {"fe80::/10", "a link-local address"},
    {"fd00:ec2::/32", "an address of a cloud's metadata"},
    {"100.100.100.200/32", "an address of a cloud's metadata"},
    {"168.63.129.16/32", "an address of a cloud's metadata"},
    {"192.0.0.192/32", "an address of a cloud's metadata"},
};

static bool is_in(const struct ip_address *address, const struct ip_address *prefix, unsigned bits)
{
    unsigned whole, rest;

    if (ip_address_is_v4(address) != ip_address_is_v4(prefix))
        return false;
    if (ip_address_is_v4(prefix))
        bits += 96;
    whole = bits / 8;
    rest = bits % 8;
    return memcmp(address->bytes, prefix->bytes, whole) == 0 &&
           (rest == 0 || ((address->bytes[whole] ^ prefix->bytes[whole]) & (0xff00u >> rest) & 0xff) == 0);
}

int check_ranges_add(struct check_ranges *ranges, const char *field, const char *text, struct error *error)
{
    struct ip_address address;
    unsigned bits;

    if (ip_prefix_parse(text, &address, &bits) < 0) {
        if (ip_address_parse(text, &address) < 0)
            return error_input(
                error, field, text,
                "ranges as 10.0.0.0/8 or fd00::/8 with no bits beyond the prefix, or addresses");
        bits = ip_address_is_v4(&address) ? 32 : 128;
    }
    if (ranges->n == CHECK_RANGES_MAX)
        return error_input(error, field, text, "at most %d ranges", CHECK_RANGES_MAX);
    ranges->items[ranges->n].address = address;
    ranges->items[ranges->n++].bits = bits;
    return 0;
}

const char *check_ranges_format(const struct check_ranges *ranges, size_t i,
                                char text[static CHECK_RANGE_TEXT_SIZE])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    (void)snprintf(text, CHECK_RANGE_TEXT_SIZE, "%s/%u",
                   ip_address_format(&ranges->items[i].address, address), ranges->items[i].bits);
    return text;
}

const char *check_ranges_why_not(const struct check_ranges *ranges, const struct ip_address *address)
{
    for (size_t i = 0; i < ranges->n; i++)
        if (is_in(address, &ranges->items[i].address, ranges->items[i].bits))
            return NULL;
    if (ranges->are_given)
        return "outside the ranges that it names";
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++) {
        struct ip_address prefix;
        unsigned bits;

        if (ip_prefix_parse(closed[i].prefix, &prefix, &bits) == 0 && is_in(address, &prefix, bits))
            return closed[i].what;
    }
    return own_address_is(address) ? "an address of this host" : NULL;
}
