/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The addresses that names resolve to: an IPv4 and an IPv6 prefix, and the addresses in them by number. Plain
 * data, which whoever needs an alias address is given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "base/error.h"

#define ALIAS_RANGE_TEXT_SIZE (IP_ADDRESS_TEXT_SIZE + 4)

struct alias_range {
    struct ip_address first; /* of the IPv4 prefix */
    struct ip_address first6;
    unsigned bits; /* of all 128, also of the IPv4 prefix */
    unsigned bits6;
    uint32_t addresses;               /* usable ones: numbers 1..addresses */
    char text[ALIAS_RANGE_TEXT_SIZE]; /* as it was given, for messages */
    char text6[ALIAS_RANGE_TEXT_SIZE];
};

/* Two prefixes as text ("127.255.0.0/16"). -EINVAL: the error names aliasRange or aliasRange6. */
int alias_range_parse(const char *text, const char *text6, struct alias_range *ret_range,
                      struct error *error);

/* Alias addresses by their number in the range. */
struct ip_address alias_range_address(const struct alias_range *range, uint32_t number);
struct ip_address alias_range_address6(const struct alias_range *range, uint32_t number);

/* The number of an IPv4 alias address; -ERANGE: outside the range. */
int alias_range_number(const struct alias_range *range, const struct ip_address *address,
                       uint32_t *ret_number);

/* The same of an IPv6 one. */
int alias_range_number6(const struct alias_range *range, const struct ip_address *address,
                        uint32_t *ret_number);

/* As the programs are told of it. */
struct svc_alias_ranges alias_range_for_programs(const struct alias_range *range);

/* Is it in one of the prefixes, and so no address of an endpoint? */
bool alias_range_holds(const struct alias_range *range, const struct ip_address *address);
