/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/number.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_address_is_v4(const struct ip_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool ip_address_is_unusable(const struct ip_address *address)
{
    static const struct ip_address any6;

    if (ip_address_is_v4(address)) {
        uint32_t host = ip_address_to_v4(address);

        return host >> 24 == 0 || host >> 28 == 0xe || host == UINT32_MAX;
    }
    return ip_address_equal(address, &any6) || address->bytes[0] == 0xff;
}

bool ip_address_is_loopback(const struct ip_address *address)
{
    static const struct ip_address loopback6 = {.bytes = {[15] = 1}};

    return ip_address_is_v4(address) ? ip_address_to_v4(address) >> 24 == 127
                                     : ip_address_equal(address, &loopback6);
}

const char *ip_address_why_no_endpoint(const struct ip_address *address)
{
    static const struct ip_address loopback6 = {.bytes = {[15] = 1}};
    static const uint8_t nothing[12];
    uint32_t host = ip_address_to_v4(address);

    if (ip_address_is_v4(address)) {
        if (host >> 24 == 0)
            return "an unspecified address";
        if (host >> 28 == 0xe)
            return "a multicast address";
        return host == UINT32_MAX ? "a broadcast address" : NULL;
    }
    if (ip_address_equal(address, &loopback6))
        return NULL;
    if (memcmp(address->bytes, nothing, sizeof(nothing)) == 0)
        return host == 0 ? "an unspecified address" : "an IPv4-compatible address, which nothing routes";
    if (address->bytes[0] == 0xff)
        return "a multicast address";
    if (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80)
        return "a link-local address, which nobody can connect to without naming an interface";
    return NULL;
}

struct ip_address ip_address_from_v4(uint32_t host)
{
    struct ip_address address;
    uint32_t wire = htonl(host);

    memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address.bytes + 12, &wire, sizeof(wire));
    return address;
}

uint32_t ip_address_to_v4(const struct ip_address *address)
{
    uint32_t wire;

    memcpy(&wire, address->bytes + 12, sizeof(wire));
    return ntohl(wire);
}

int ip_address_parse(const char *text, struct ip_address *ret_address)
{
    struct ip_address address;
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        *ret_address = ip_address_from_v4(ntohl(v4.s_addr));
        return 0;
    }
    if (inet_pton(AF_INET6, text, address.bytes) == 1) {
        *ret_address = address;
        return 0;
    }
    return -EINVAL;
}

const char *ip_address_format(const struct ip_address *address, char text[static IP_ADDRESS_TEXT_SIZE])
{
    if (ip_address_is_v4(address))
        (void)inet_ntop(AF_INET, address->bytes + 12, text, IP_ADDRESS_TEXT_SIZE);
    else
        (void)inet_ntop(AF_INET6, address->bytes, text, IP_ADDRESS_TEXT_SIZE);
    return text;
}

int ip_endpoint_parse(const char *text, struct ip_address *ret_address, uint16_t *ret_port)
{
    char host[IP_ADDRESS_TEXT_SIZE + 2];
    const char *colon = strrchr(text, ':');
    struct ip_address address;
    uint64_t port;
    size_t length;

    if (!colon)
        return -EINVAL;
    length = (size_t)(colon - text);
    if (length >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    if (host[0] == '[') {
        if (length < 2 || host[length - 1] != ']' || !strchr(host, ':'))
            return -EINVAL;
        host[length - 1] = '\0';
        memmove(host, host + 1, length - 1);
    } else if (strchr(host, ':')) {
        return -EINVAL; /* an IPv6 address without brackets leaves the port in doubt */
    }
    if (ip_address_parse(host, &address) < 0 || parse_number(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    *ret_address = address;
    *ret_port = (uint16_t)port;
    return 0;
}

int ip_prefix_parse(const char *text, struct ip_address *ret_address, unsigned *ret_bits)
{
    char host[IP_ADDRESS_TEXT_SIZE];
    const char *slash = strchr(text, '/');
    struct ip_address address;
    uint64_t bits;
    bool is_v4;

    if (!slash || (size_t)(slash - text) >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    if (ip_address_parse(host, &address) < 0)
        return -EINVAL;
    is_v4 = ip_address_is_v4(&address);
    if (parse_number(slash + 1, 0, is_v4 ? 32 : 128, &bits) < 0)
        return -EINVAL;
    for (unsigned bit = (unsigned)bits + (is_v4 ? 96 : 0); bit < 128; bit++)
        if (address.bytes[bit / 8] & 0x80 >> bit % 8)
            return -EINVAL;
    *ret_address = address;
    *ret_bits = (unsigned)bits;
    return 0;
}
