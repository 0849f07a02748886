/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "routing/table_merge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "routing/table.h"

#define COLUMN_UNITS (UINT64_C(1) << 32)
#define MOST_WEIGHT  ((uint64_t)TABLE_MAX_WEIGHT * TABLE_WEIGHT_PARTS)

/* One endpoint of a table, with what it has of all columns. */
struct share {
    uint32_t endpoint;
    uint16_t port_be;
    struct ip_address address;
    uint32_t networks;
    uint64_t units;
};

static int table_merge_by_endpoint(const void *a, const void *b)
{
    const struct share *left = a;
    const struct share *right = b;

    return left->endpoint < right->endpoint ? -1 : left->endpoint > right->endpoint;
}

static int table_merge_by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static struct share outcome(uint32_t endpoint, uint16_t port_be, const uint8_t address[16], uint32_t networks,
                            uint64_t units)
{
    struct share share = {.endpoint = endpoint, .port_be = port_be, .networks = networks, .units = units};

    memcpy(share.address.bytes, address, sizeof(share.address.bytes));
    return share;
}

/* The table's endpoints in the order of their numbers, each once. The caller frees them. NULL: no memory. */
static struct share *shares_of(const struct svc_slot *slots, uint32_t count, size_t *ret_n)
{
    struct share *shares = calloc((size_t)count * 2 + 1, sizeof(*shares));
    size_t n = 0;

    *ret_n = 0;
    if (!shares)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct svc_slot *slot = &slots[i];
        bool is_single = slot->endpoint_a == slot->endpoint_b;

        shares[n++] = outcome(slot->endpoint_a, slot->port_a_be, slot->address_a, slot->networks_a,
                              is_single ? COLUMN_UNITS : slot->threshold);
        if (!is_single)
            shares[n++] = outcome(slot->endpoint_b, slot->port_b_be, slot->address_b, slot->networks_b,
                                  COLUMN_UNITS - slot->threshold);
    }
    qsort(shares, n, sizeof(*shares), table_merge_by_endpoint);
    for (size_t i = 0; i < n; i++)
        if (*ret_n > 0 && shares[*ret_n - 1].endpoint == shares[i].endpoint)
            shares[*ret_n - 1].units += shares[i].units;
        else
            shares[(*ret_n)++] = shares[i];
    return shares;
}

int table_missing(const struct svc_slot *current, uint32_t n_current, const struct svc_slot *wanted,
                  uint32_t n_wanted, uint32_t **ret_numbers, size_t *ret_n)
{
    size_t n_there, n_here;
    _cleanup_free_ struct share *there = shares_of(current, n_current, &n_there);
    _cleanup_free_ struct share *here = shares_of(wanted, n_wanted, &n_here);
    uint32_t *numbers = malloc((n_there + 1) * sizeof(*numbers));
    size_t n = 0;

    if (!there || !here || !numbers) {
        free(numbers);
        return -ENOMEM;
    }
    for (size_t i = 0; i < n_there; i++) {
        const struct share *found =
            n_here ? bsearch(&there[i], here, n_here, sizeof(*here), table_merge_by_endpoint) : NULL;

        if (!found || found->port_be != there[i].port_be ||
            !ip_address_equal(&found->address, &there[i].address))
            numbers[n++] = there[i].endpoint;
    }
    *ret_numbers = numbers;
    *ret_n = n;
    return 0;
}

/* Those whose number is among the kept (`is_kept`), or is not. */
static void add_candidates(struct table_target *target, struct table_candidate *candidates,
                           const struct share *shares, size_t n, const uint32_t *kept, size_t n_kept,
                           bool is_kept)
{
    uint64_t most = 1;

    for (size_t i = 0; i < n; i++)
        if (shares[i].units > most)
            most = shares[i].units;
    for (size_t i = 0; i < n; i++) {
        uint64_t weight = (uint64_t)((unsigned __int128)shares[i].units * MOST_WEIGHT / most);

        if ((n_kept && bsearch(&shares[i].endpoint, kept, n_kept, sizeof(*kept), table_merge_by_number)) !=
            is_kept)
            continue;
        candidates[target->n_candidates++] = (struct table_candidate){
            .endpoint = shares[i].endpoint,
            .address = shares[i].address,
            .port = ntohs(shares[i].port_be),
            .networks = shares[i].networks,
            .weight = weight ? (uint32_t)weight : 1,
            .is_eligible = true,
        };
    }
    target->candidates = candidates;
    target->weight = (uint32_t)target->n_candidates;
}

int table_merge(const struct svc_slot *current, uint32_t n_current, const uint32_t *kept, size_t n_kept,
                const struct svc_slot *wanted, uint32_t n_wanted, struct svc_slot **ret_slots,
                uint32_t *ret_count)
{
    size_t n_there, n_here;
    _cleanup_free_ struct share *there = shares_of(current, n_current, &n_there);
    _cleanup_free_ struct share *here = shares_of(wanted, n_wanted, &n_here);
    _cleanup_free_ struct table_candidate *candidates = NULL;
    struct table_target targets[2] = {0};

    if (!there || !here || !(candidates = calloc(n_there + n_here + 1, sizeof(*candidates))))
        return -ENOMEM;
    add_candidates(&targets[0], candidates, there, n_there, kept, n_kept, true);
    add_candidates(&targets[1], candidates + targets[0].n_candidates, here, n_here, kept, n_kept, false);
    return table_build(targets, 2, false, ret_slots, ret_count);
}
