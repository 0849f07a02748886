/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A published table beside the one that is wanted in its place: which endpoints would go, and the table of
 * both where they must not. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

/*
 * Numbers of endpoints that `current` leads to and `wanted` does not, or not at the same address; ascending,
 * each once. The caller frees *ret_numbers. -ENOMEM.
 */
int table_missing(const struct svc_slot *current, uint32_t n_current, const struct svc_slot *wanted,
                  uint32_t n_wanted, uint32_t **ret_numbers, size_t *ret_n);

/*
 * The table of what `wanted` leads to and of those in `current` that are among the kept numbers (ascending);
 * the kept ones win where both have a number. Each side as a whole has the share of its number of endpoints,
 * and within it the shares are as they were, to about a millionth. As table_build() says.
 */
int table_merge(const struct svc_slot *current, uint32_t n_current, const uint32_t *kept, size_t n_kept,
                const struct svc_slot *wanted, uint32_t n_wanted, struct svc_slot **ret_slots,
                uint32_t *ret_count);
