/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The audit: is what the watch has told what etcd has? One request asks how many keys there are, and for those that were
 * written since the last audit, without their values: a deletion that no event told shows in the number, a lost write
 * in the revision of its key. What differs may be on its way, so a difference counts when it stands a moment later, as it
 * was. Then all rows are read at one revision, and what differs becomes a batch.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/etcd/etcd_watch_internal.h"

#define ON_ITS_WAY_MS 2000

/* What etcd has more than is known, and a sum over the keys whose revisions differ. */
struct audit_difference {
    int64_t n_more;
    uint64_t sum;
};

static void audit_add_key(const struct etcd_watch *watch, const struct etcd_pair *pair,
                          struct audit_difference *difference)
{
    const struct etcd_known_key *known = etcd_known_find(&watch->known, pair->key);
    uint64_t revision = known ? known->mod_revision : 0;

    if (revision != pair->mod_revision)
        difference->sum += pair->mod_revision * 31 + revision;
}

static int audit_read(struct etcd_watch *watch, struct audit_difference *ret_difference, uint64_t *ret_at,
                      struct error *error)
{
    const struct etcd_range range = {
        .base = watch->fleet, .written_from = watch->audited + 1, .is_keys_only = true};
    _cleanup_free_ char *body = etcd_write_range(&range);
    struct audit_difference difference = {0};
    _cleanup_json_ cJSON *answer = NULL;
    struct etcd_pairs pairs = {0};
    uint64_t count = 0;
    int r = body ? etcd_client_call(&watch->asking, "/v3/kv/range", body, &answer, error) : -ENOMEM;

    if (r == 0)
        r = etcd_read_pairs(answer, &pairs);
    if (r == 0)
        r = etcd_read_number(answer, "count", &count);
    for (size_t i = 0; r == 0 && i < pairs.n; i++)
        audit_add_key(watch, &pairs.items[i], &difference);
    etcd_pairs_done(&pairs);
    if (r < 0)
        return r;
    difference.n_more = (int64_t)count - (int64_t)HASH_CNT(hh, watch->known.keys) - (int64_t)watch->n_strange;
    *ret_difference = difference;
    *ret_at = etcd_read_revision(answer);
    return 0;
}

/* -EAGAIN: rows were put right. The stream that has not told of them is not to be believed any more. */
static int audit_heal(struct etcd_watch *watch)
{
    size_t n_rows = 0;
    int r = etcd_watch_resync(watch, &n_rows, &watch->error);

    if (r < 0 || n_rows == 0)
        return r;
    log_warning("registry %s: %zu rows were not what etcd has told of them, and are put right",
                watch->settings->location, n_rows);
    etcd_watch_count_differences(watch, n_rows);
    return -EAGAIN;
}

void etcd_watch_audit_later(struct etcd_watch *watch)
{
    watch->audit_ms =
        watch->settings->audit_s ? clock_monotonic_ms() + watch->settings->audit_s * 1000 : UINT64_MAX;
    watch->is_doubtful = false;
}

int etcd_watch_audit(struct etcd_watch *watch)
{
    struct audit_difference difference = {0};
    struct error error = {0};
    uint64_t at = 0;
    int r = audit_read(watch, &difference, &at, &error);
    bool is_same = r == 0 && difference.n_more == 0 && difference.sum == 0;
    bool stands =
        watch->is_doubtful && difference.n_more == watch->doubt_more && difference.sum == watch->doubt_sum;

    if (r < 0 || is_same) {
        if (is_same)
            watch->audited = at;
        etcd_watch_audit_later(watch);
        return 0;
    }
    if (stands) {
        etcd_watch_audit_later(watch);
        return audit_heal(watch);
    }
    watch->is_doubtful = true;
    watch->doubt_more = difference.n_more;
    watch->doubt_sum = difference.sum;
    watch->audit_ms = clock_monotonic_ms() + ON_ITS_WAY_MS;
    return 0;
}
