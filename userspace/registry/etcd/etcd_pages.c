/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define PAGE 1000

static int ask_page(struct etcd_client *client, const struct etcd_range *range, cJSON **ret_answer,
                    struct error *error)
{
    _cleanup_free_ char *body = etcd_write_range(range);

    return body ? etcd_client_call(client, "/v3/kv/range", body, ret_answer, error)
                : error_errno(error, ENOMEM, "asking etcd");
}

int etcd_pages(struct etcd_client *client, const char *base, uint64_t *at, etcd_pair_fn on_pair, void *user,
               size_t *n_strange, struct error *error)
{
    struct etcd_range range = {.base = base, .revision = *at, .limit = PAGE};
    _cleanup_free_ char *from = NULL;
    bool has_more = true;
    int r = 0;

    while (r == 0 && has_more) {
        _cleanup_json_ cJSON *answer = NULL;
        struct etcd_pairs pairs = {0};

        r = ask_page(client, &range, &answer, error);
        if (r < 0)
            return r;
        if (range.revision == 0)
            range.revision = *at = etcd_read_revision(answer);
        has_more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "more"));
        r = range.revision ? etcd_read_pairs(answer, &pairs) : -EPROTO;
        if (r == 0 && pairs.n > 0) {
            free(from);
            /* A key behind the last one, and nothing fits between. */
            if (asprintf(&from, "%s\x01", pairs.items[pairs.n - 1].key) < 0)
                from = NULL;
            range.from = from;
            r = from ? 0 : -ENOMEM;
        }
        if (r == 0 && has_more && pairs.n == 0)
            r = -EPROTO; /* a page of strangers only: where it ends is not known */
        *n_strange += pairs.n_strange;
        if (r < 0)
            (void)error_errno(error, r, "reading what etcd has");
        for (size_t i = 0; r == 0 && i < pairs.n; i++)
            r = on_pair(&pairs.items[i], user);
        etcd_pairs_done(&pairs);
    }
    return r;
}

int etcd_ask_head(struct etcd_client *client, const char *head_key, struct etcd_head *ret_head,
                  struct error *error)
{
    const struct etcd_range range = {.base = head_key, .limit = 1};
    _cleanup_json_ cJSON *answer = NULL;
    struct etcd_pairs pairs = {0};
    int r = ask_page(client, &range, &answer, error);

    if (r < 0)
        return r;
    *ret_head = (struct etcd_head){0};
    r = etcd_read_pairs(answer, &pairs);
    if (r == 0 && pairs.n > 0 && strcmp(pairs.items[0].key, head_key) == 0)
        r = etcd_read_head(&pairs.items[0], ret_head);
    etcd_pairs_done(&pairs);
    return r < 0 ? error_set(error, EUCLEAN, "etcd key %s: not one that this version writes", head_key) : 0;
}
