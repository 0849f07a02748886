/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* IP addresses as 16 bytes in network order, IPv4 held v4-mapped (the form of <svcconnect/abi.h>), and their
 * text. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct ip_address {
    uint8_t bytes[16];
};

#define IP_ADDRESS_TEXT_SIZE INET6_ADDRSTRLEN

bool ip_address_is_v4(const struct ip_address *address);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);

/* 0.0.0.0, ::, multicast and 255.255.255.255: addresses that cannot be an endpoint. */
bool ip_address_is_unusable(const struct ip_address *address);

bool ip_address_is_loopback(const struct ip_address *address); /* 127.0.0.0/8, ::1 */

/*
 * Why nobody can connect to the address as it stands: NULL, or what it is, for a sentence. Beside what is
 * unusable these are addresses that mean nothing without an interface (fe80::/10) or a relay (IPv4-compatible
 * ones, ::a.b.c.d).
 */
const char *ip_address_why_no_endpoint(const struct ip_address *address);

/* `host`: IPv4 address in host order. */
struct ip_address ip_address_from_v4(uint32_t host);

/* The IPv4 address in host order; meaningful only when ip_address_is_v4(). */
uint32_t ip_address_to_v4(const struct ip_address *address);

/* Dotted IPv4, or IPv6 without brackets. -EINVAL for anything else (names, prefixes, zones,
 * leading zeros). */
int ip_address_parse(const char *text, struct ip_address *ret_address);

/* Writes the shortest usual text (IPv4 without the mapping) and returns `text`. */
const char *ip_address_format(const struct ip_address *address, char text[static IP_ADDRESS_TEXT_SIZE]);

/* "IP:PORT" or "[IPv6]:PORT"; port 1..65535, returned in host order. -EINVAL for anything else. */
int ip_endpoint_parse(const char *text, struct ip_address *ret_address, uint16_t *ret_port);

/* "ADDRESS/BITS" with no bits set beyond the prefix. -EINVAL for anything else. */
int ip_prefix_parse(const char *text, struct ip_address *ret_address, unsigned *ret_bits);
