/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_seen.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/etcd/etcd_pages.h"

struct seeing {
    const char *base;
    etcd_seen_fn on_host;
    void *user;
};

static int take_seen(struct etcd_pair *pair, void *user)
{
    const struct seeing *seeing = user;

    return seeing->on_host(pair->key + strlen(seeing->base), pair->value, seeing->user);
}

int etcd_seen_list(const struct etcd_settings *settings, etcd_seen_fn on_host, void *user,
                   struct error *error)
{
    _cleanup_free_ char *base = etcd_key_of_seen(settings->prefix, "");
    struct seeing seeing = {base, on_host, user};
    struct etcd_client client = {0};
    size_t n_strange = 0;
    uint64_t at = 0;
    int r = base ? etcd_client_init(&client, settings) : -ENOMEM;

    if (r == 0)
        r = etcd_pages(&client, base, &at, take_seen, &seeing, &n_strange, error);
    else
        (void)error_errno(error, r, "asking etcd");
    etcd_client_done(&client);
    return r;
}
