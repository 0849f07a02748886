/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Alias addresses: from their number in the range and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "daemon/config.h"

struct ip_address config_alias_address(const struct config *config, uint32_t number)
{
    return ip_address_from_v4(ip_address_to_v4(&config->alias_range) + number);
}

struct ip_address config_alias_address6(const struct config *config, uint32_t number)
{
    struct ip_address address = config->alias_range6;
    uint32_t low;

    memcpy(&low, address.bytes + 12, sizeof(low));
    low = htonl(ntohl(low) + number);
    memcpy(address.bytes + 12, &low, sizeof(low));
    return address;
}

int config_alias_number(const struct config *config, const struct ip_address *address, uint32_t *ret_number)
{
    uint32_t first = ip_address_to_v4(&config->alias_range);
    uint32_t host = ip_address_to_v4(address);

    if (!ip_address_is_v4(address) || host <= first || host - first > config->alias_addresses)
        return -ERANGE;
    *ret_number = host - first;
    return 0;
}

static bool has_prefix(const struct ip_address *address, const struct ip_address *range, unsigned bits)
{
    unsigned bytes = bits / 8;

    return memcmp(address->bytes, range->bytes, bytes) == 0 &&
           (bits % 8 == 0 || (address->bytes[bytes] ^ range->bytes[bytes]) >> (8 - bits % 8) == 0);
}

bool config_is_alias_address(const struct config *config, const struct ip_address *address)
{
    return has_prefix(address, &config->alias_range, config->alias_bits) ||
           has_prefix(address, &config->alias_range6, config->alias_bits6);
}
