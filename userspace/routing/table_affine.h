/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The table of an alias whose clients keep their endpoints (`affinity`): where the program draws a column by a hash of
 * the client instead of a random word, each column has one endpoint, which wins it by weighted rendezvous hashing:
 *
 *   of all endpoints e the one with the least  -ln(u(e, column)) / weight(e),  u a hash in (0, 1)
 *
 * so that an endpoint has columns in proportion to its weight, one that goes gives away only its own, and one that comes
 * takes no more than its share. The number of columns is the same for all tables, or nothing would stay.
 * D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit rates" (1998), with the weights of
 * C. Schindelhauer, G. Schomaker, "Weighted distributed hash tables" (2005).
 * Pure: an endpoint is known by its address and port, whatever its number is.
 */
#pragma once

#include <stdint.h>

#include <svcconnect/abi.h>

#define TABLE_AFFINE_COLUMNS 2048u
#define TABLE_AFFINE_MOST    256u /* endpoints; the work is the product of both */

/*
 * Replaces a table of table_build() by one of the same endpoints and weights for hashes. One with fewer than two
 * endpoints, or more than TABLE_AFFINE_MOST, stays as it is: a client then keeps its endpoint until the table changes.
 * -ENOMEM; *slots and *count are unchanged then.
 */
int table_make_affine(struct svc_slot **slots, uint32_t *count);
