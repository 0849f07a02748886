/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "externals/external_merge.h"

static void external_merge_add(struct external_merged *merged, const struct ip_address *address)
{
    merged->n_found++;
    if (merged->n < EXTERNAL_MAX_ADDRESSES)
        merged->addresses[merged->n++] = *address;
}

static void keep(struct external_merged *merged, bool is_v4, const struct ip_address *known, size_t n_known)
{
    for (size_t i = 0; i < n_known; i++)
        if (ip_address_is_v4(&known[i]) == is_v4)
            external_merge_add(merged, &known[i]);
}

static void merge_family(const struct resolved_family *family, bool is_v4, const struct ip_address *known,
                         size_t n_known, struct external_merged *merged)
{
    if (family->how == RESOLVED_FAILED) {
        merged->failure = family->reason;
        keep(merged, is_v4, known, n_known);
        return;
    }
    for (size_t i = 0; i < family->list.n; i++)
        external_merge_add(merged, &family->list.addresses[i]);
}

/* Why nothing of the answer can be used. */
static const char *nothing(const struct resolved *resolved)
{
    if (resolved->v4.how == RESOLVED_FAILED)
        return resolved->v4.reason;
    if (resolved->v6.how == RESOLVED_FAILED)
        return resolved->v6.reason;
    if (resolved->v4.list.refused + resolved->v6.list.refused > 0)
        return "none of its addresses can be an endpoint's";
    return resolved->v4.how == RESOLVED_NO_NAME ? resolved->v4.reason : "the name has no address";
}

void external_merge(const struct resolved *resolved, const struct ip_address *known, size_t n_known,
                    struct external_merged *ret_merged)
{
    *ret_merged = (struct external_merged){0};
    ret_merged->is_answered = resolved->v4.list.n + resolved->v6.list.n > 0;
    if (!ret_merged->is_answered) {
        ret_merged->failure = nothing(resolved);
        for (size_t i = 0; i < n_known; i++)
            external_merge_add(ret_merged, &known[i]);
        return;
    }
    merge_family(&resolved->v4, true, known, n_known, ret_merged);
    merge_family(&resolved->v6, false, known, n_known, ret_merged);
}
