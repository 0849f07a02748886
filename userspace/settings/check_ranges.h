/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where health checks that were made over AWS's API may go. Whoever has a key chooses path and address of such
 * a check, and it is made from this host, as if this host asked: what trusts the host would answer him.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/error.h"

#define CHECK_RANGES_SETTING "awsCheckRanges" /* of the daemon's configuration */
#define CHECK_RANGES_DEFAULT "default"
#define CHECK_RANGES_MAX     64

/* All zero: the default, which is everywhere but to this host, its links and what clouds keep their secrets at. */
struct check_ranges {
    bool are_given; /* only to these, whatever they are */
    struct {
        struct ip_address address;
        unsigned bits;
    } items[CHECK_RANGES_MAX];
    size_t n;
};

/* Adds "ADDRESS/BITS" or an address. -EINVAL names `field`: it is none, or one too many. */
int check_ranges_add(struct check_ranges *ranges, const char *field, const char *text, struct error *error);

/* "10.0.0.0/8" of the i-th; returns `text`. */
#define CHECK_RANGE_TEXT_SIZE (IP_ADDRESS_TEXT_SIZE + 4)
const char *check_ranges_format(const struct check_ranges *ranges, size_t i,
                                char text[static CHECK_RANGE_TEXT_SIZE]);

/*
 * NULL: a check may go there; else what the address is, for a sentence ("a loopback address"). Asks the kernel
 * whether the address is one of this host, which takes microseconds and sends nothing.
 */
const char *check_ranges_why_not(const struct check_ranges *ranges, const struct ip_address *address);
