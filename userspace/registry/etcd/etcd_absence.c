/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What becomes of a host's rows when it goes and comes. While the stream is not there nobody goes: who hears nothing
 * knows nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/etcd/etcd_watch_internal.h"

#define MOST_ASKED 8 /* places of a host in doubt */

static int add_rows_of(struct etcd_watch *watch, const struct etcd_host *host, bool is_shown,
                       struct etcd_batch *batch)
{
    char row[ETCD_ROW_SIZE];
    int r = 0;

    for (const struct etcd_known_key *key = watch->known.keys; r == 0 && key; key = key->hh.next) {
        _cleanup_free_ char *value = NULL;

        if (key->owner != host || !key->value || !etcd_row_in_fleet(watch->fleet, key->key, row))
            continue;
        value = is_shown ? strdup(key->value) : NULL;
        r = is_shown && !value ? -ENOMEM : etcd_batch_add_row(batch, row, &value);
    }
    return r;
}

int etcd_watch_host_came(struct etcd_watch *watch, const char *id, struct etcd_batch *batch)
{
    struct etcd_host *host;
    bool was_gone;

    (void)pthread_mutex_lock(&watch->known.mutex);
    host = etcd_hosts_get(&watch->known.hosts, id);
    was_gone = host && etcd_hosts_came(host);
    (void)pthread_mutex_unlock(&watch->known.mutex);
    if (!host)
        return -ENOMEM;
    if (was_gone && host->n_rows)
        log_info("registry %s: host %s is there again, with %zu instances", watch->settings->location, id,
                 host->n_rows);
    etcd_watch_tell_hosts(watch);
    return was_gone ? add_rows_of(watch, host, true, batch) : 0;
}

void etcd_watch_own_key(struct etcd_watch *watch, const char *value)
{
    _cleanup_json_ cJSON *json = cJSON_Parse(value);
    const char *writer = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "writer"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "name"));
    bool is_new;

    if (!writer || strcmp(writer, watch->writer) == 0)
        return;
    is_new = etcd_watch_link(watch).twin[0] == '\0';
    (void)pthread_mutex_lock(&watch->mutex);
    (void)snprintf(watch->link.twin, sizeof(watch->link.twin), "%s", name && *name ? name : "another host");
    watch->twin_ms = clock_monotonic_ms();
    (void)pthread_mutex_unlock(&watch->mutex);
    if (is_new)
        log_warning(
            "registry %s: %s says that it is this host, %s: each host needs a file host-id of its own",
            watch->settings->location, name && *name ? name : "another host", watch->settings->host);
    etcd_presence_contested(watch->presence);
}

int etcd_watch_host_went(struct etcd_watch *watch, const char *id)
{
    struct etcd_host *host;

    if (strcmp(id, watch->known.hosts.own) == 0) {
        etcd_presence_missing(watch->presence);
        return 0;
    }
    (void)pthread_mutex_lock(&watch->known.mutex);
    host = etcd_hosts_get(&watch->known.hosts, id);
    if (host)
        etcd_hosts_went(&watch->known.hosts, host, clock_monotonic_ms());
    (void)pthread_mutex_unlock(&watch->known.mutex);
    watch->look_ms = 0;
    etcd_watch_tell_hosts(watch);
    return host ? 0 : -ENOMEM;
}

/* ---- whether it is believed ---- */

static bool does_any_answer(const struct etcd_watch *watch, const struct etcd_host *host)
{
    size_t step = host->n_rows / MOST_ASKED + 1, n = 0, i = 0;
    char *values[MOST_ASKED];

    for (const struct etcd_known_key *key = watch->known.keys; key && n < MOST_ASKED; key = key->hh.next)
        if (key->owner == host && key->value && i++ % step == 0)
            values[n++] = key->value;
    return n > 0 && etcd_any_answers(values, n);
}

static int decide_about(struct etcd_watch *watch, struct etcd_host *host)
{
    bool is_mass = etcd_hosts_is_mass(&watch->known.hosts, clock_monotonic_ms());
    bool is_gone = !is_mass || !does_any_answer(watch, host);
    struct etcd_batch *batch;
    int r;

    (void)pthread_mutex_lock(&watch->known.mutex);
    etcd_hosts_decide(&watch->known.hosts, host, is_gone, clock_monotonic_ms());
    (void)pthread_mutex_unlock(&watch->known.mutex);
    etcd_watch_tell_hosts(watch);
    if (!is_gone || host->n_rows == 0)
        return 0;
    log_warning("registry %s: host %s has gone, and its %zu instances with it", watch->settings->location,
                host->id, host->n_rows);
    batch = etcd_batch_new(watch->next - 1);
    r = batch ? add_rows_of(watch, host, false, batch) : -ENOMEM;
    if (r == 0)
        etcd_watch_queue(watch, batch, false);
    else
        etcd_batch_free(batch);
    return r;
}

int etcd_watch_look_at_hosts(struct etcd_watch *watch)
{
    int r = 0;

    while (r == 0) {
        uint64_t now = clock_monotonic_ms(), next;
        struct etcd_host *host;

        if (now < watch->believe_ms) {
            watch->look_ms = watch->believe_ms;
            return 0;
        }
        host = etcd_hosts_due(&watch->known.hosts, now, &next);
        watch->look_ms = next;
        if (!host)
            return 0;
        r = decide_about(watch, host);
    }
    return r;
}
