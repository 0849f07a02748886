/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Alias addresses and their numbers. */
#include "model/alias_range.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int alias_range_parse(const char *text, const char *text6, struct alias_range *ret_range, struct error *error)
{
    struct alias_range range = {0};
    unsigned bits = 0;
    unsigned bits6 = 0;

    if (ip_prefix_parse(text, &range.first, &bits) < 0 || !ip_address_is_v4(&range.first) || bits < 8 ||
        bits > 29)
        return error_input(error, "aliasRange", text,
                           "an IPv4 prefix of 8 to 29 bits, such as 127.255.0.0/16");
    if (ip_prefix_parse(text6, &range.first6, &bits6) < 0 || ip_address_is_v4(&range.first6) || bits6 < 16 ||
        bits6 > 96 + bits)
        return error_input(error, "aliasRange6", text6,
                           "an IPv6 prefix with at least as many addresses as aliasRange");
    range.bits = 96 + bits;
    range.bits6 = bits6;
    /* The first is the network's and the last may be a broadcast address. */
    range.addresses = (1u << (32 - bits)) - 2;
    (void)snprintf(range.text, sizeof(range.text), "%s", text);
    (void)snprintf(range.text6, sizeof(range.text6), "%s", text6);
    *ret_range = range;
    return 0;
}

struct ip_address alias_range_address(const struct alias_range *range, uint32_t number)
{
    return ip_address_from_v4(ip_address_to_v4(&range->first) + number);
}

struct ip_address alias_range_address6(const struct alias_range *range, uint32_t number)
{
    struct ip_address address = range->first6;
    uint32_t low;

    memcpy(&low, address.bytes + 12, sizeof(low));
    low = htonl(ntohl(low) + number);
    memcpy(address.bytes + 12, &low, sizeof(low));
    return address;
}

int alias_range_number(const struct alias_range *range, const struct ip_address *address,
                       uint32_t *ret_number)
{
    uint32_t first = ip_address_to_v4(&range->first);
    uint32_t host = ip_address_to_v4(address);

    if (!ip_address_is_v4(address) || host <= first || host - first > range->addresses)
        return -ERANGE;
    *ret_number = host - first;
    return 0;
}

int alias_range_number6(const struct alias_range *range, const struct ip_address *address,
                        uint32_t *ret_number)
{
    struct ip_address wanted;
    uint32_t first, host;

    memcpy(&first, range->first6.bytes + 12, sizeof(first));
    memcpy(&host, address->bytes + 12, sizeof(host));
    host = ntohl(host) - ntohl(first);
    wanted = alias_range_address6(range, host);
    if (host == 0 || host > range->addresses || !ip_address_equal(&wanted, address))
        return -ERANGE;
    *ret_number = host;
    return 0;
}

static bool has_prefix(const struct ip_address *address, const struct ip_address *range, unsigned bits)
{
    unsigned bytes = bits / 8;

    return memcmp(address->bytes, range->bytes, bytes) == 0 &&
           (bits % 8 == 0 || (address->bytes[bytes] ^ range->bytes[bytes]) >> (8 - bits % 8) == 0);
}

bool alias_range_holds(const struct alias_range *range, const struct ip_address *address)
{
    return has_prefix(address, &range->first, range->bits) ||
           has_prefix(address, &range->first6, range->bits6);
}

/* The words of a mask of so many bits, in network order. */
static void mask_words(unsigned bits, __u32 words[4])
{
    for (unsigned word = 0; word < 4; word++) {
        unsigned ones = bits <= 32 * word ? 0 : bits - 32 * word;

        words[word] = htonl(ones == 0 ? 0 : ones >= 32 ? UINT32_MAX : UINT32_MAX << (32 - ones));
    }
}

struct svc_alias_ranges alias_range_for_programs(const struct alias_range *range)
{
    struct svc_alias_ranges ranges = {0};
    __u32 mask[4];

    mask_words(range->bits, mask);
    ranges.mask4 = mask[3];
    memcpy(&ranges.address4, range->first.bytes + 12, sizeof(ranges.address4));
    mask_words(range->bits6, ranges.mask6);
    memcpy(ranges.address6, range->first6.bytes, sizeof(ranges.address6));
    return ranges;
}
