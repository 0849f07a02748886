/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "externals/externals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "externals/external_merge.h"
#include "externals/external_save.h"
#include "events/instance_events.h"
#include "engine/change/transaction.h"
#include "model/endpoint_names.h"
#include "model/catalog_aws.h"
#include "registry/rows.h"
#include "resolver/resolve_times.h"
#include "engine/change/now.h"

/* ---- the list ---- */

static struct external *find(const struct externals *self, const char *name)
{
    struct external *found;

    HASH_FIND_STR(self->all, name, found);
    return found;
}

static void free_external(struct external *external)
{
    resolver_cancel(&external->query);
    if (external->has_timer)
        (void)event_del(&external->timer);
    free(external->addresses);
    free(external->host);
    free(external->parts);
    free(external->name);
    free(external);
}

static void remove_external(struct externals *self, struct external *external)
{
    HASH_DEL(self->all, external);
    free_external(external);
}

/* "NS/SERVICE/ID" cut at the first two slashes. */
static int cut_name(struct external *external)
{
    char *slash;

    external->namespace_name = external->parts;
    slash = strchr(external->parts, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    external->service = slash + 1;
    slash = strchr(slash + 1, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    external->id = slash + 1;
    return 0;
}

static struct external *make(struct daemon *daemon, const char *name, const char *host)
{
    struct external *external = calloc(1, sizeof(*external));

    if (!external)
        return NULL;
    external->daemon = daemon;
    external->name = strdup(name);
    external->parts = strdup(name);
    external->host = strdup(host);
    if (!external->name || !external->parts || !external->host || cut_name(external) < 0) {
        free_external(external);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, daemon->externals.all, external->name, strlen(external->name), external);
    return external;
}

static const char *name_of(const char *namespace_name, const char *service, const char *id,
                           char name[static ENDPOINT_NAME_SIZE])
{
    (void)snprintf(name, ENDPOINT_NAME_SIZE, "%s/%s/%s", namespace_name, service, id);
    return name;
}

const struct external *externals_find(const struct daemon *daemon, const struct instance *record)
{
    char name[ENDPOINT_NAME_SIZE];

    return find(&daemon->externals, endpoint_name(record, name));
}

/* ---- asking ---- */

static void ask_in(struct external *external, uint64_t ms)
{
    struct timeval in = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    external->next_ms = clock_monotonic_ms() + ms;
    if (external->has_timer)
        (void)event_add(&external->timer, &in);
}

static void say_failing(struct external *external)
{
    const struct instance *record = external_record(external);

    if (external->failures > 1 || !record)
        return;
    log_warning("%s: host name %s: %s; %s", external->name, external->host, external->failure,
                external->n ? "the addresses known last stay" : "it has no endpoint yet");
    instance_event(&external->daemon->events, EVENT_NAME, record, "%s cannot be resolved: %s; %s",
                   external->host, external->failure,
                   external->n ? "the addresses known last stay" : "it has no endpoint yet");
}

static void say_back(struct external *external)
{
    const struct instance *record = external_record(external);

    if (external->failures == 0 || !record)
        return;
    log_info("%s: host name %s is resolved again", external->name, external->host);
    instance_event(&external->daemon->events, EVENT_NAME, record, "%s is resolved again", external->host);
}

static void say_once(struct external *external, const struct external_merged *merged, size_t refused)
{
    if (merged->n_found > merged->n && !external->is_cut)
        log_warning("%s: host name %s has %zu addresses; the lowest %zu are used", external->name,
                    external->host, merged->n_found, merged->n);
    external->is_cut = merged->n_found > merged->n;
    if (refused > 0 && !external->is_refused)
        log_warning("%s: host name %s: %zu of its addresses cannot be endpoints (alias range, multicast, "
                    "0.0.0.0), ignoring them",
                    external->name, external->host, refused);
    external->is_refused = refused > 0;
}

static void say_addresses(struct external *external, const struct external_merged *merged)
{
    const struct instance *record = external_record(external);
    char list[EVENT_MESSAGE_SIZE] = "";
    size_t length = 0;

    for (size_t i = 0; i < merged->n && length < sizeof(list) - IP_ADDRESS_TEXT_SIZE - 3; i++) {
        char text[IP_ADDRESS_TEXT_SIZE];

        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
                                   ip_address_format(&merged->addresses[i], text));
    }
    log_info("%s: host name %s is %s", external->name, external->host, list);
    if (record)
        instance_event(&external->daemon->events, EVENT_NAME, record, "%.200s is %.160s", external->host,
                       list);
}

/* Those that are the name's, without what is leaving. */
static size_t current(const struct external *external, struct ip_address addresses[EXTERNAL_MAX_ADDRESSES])
{
    size_t n = 0;

    for (size_t i = 0; i < external->n && n < EXTERNAL_MAX_ADDRESSES; i++)
        if (!external->addresses[i].leaves_at)
            addresses[n++] = external->addresses[i].address;
    return n;
}

static int take_addresses(struct external *external, const struct external_merged *merged,
                          const struct ip_address *known, size_t n_known, struct error *error)
{
    int r;

    if (merged->n == n_known && memcmp(merged->addresses, known, n_known * sizeof(*known)) == 0)
        return 0;
    r = external_set_addresses(external, merged->addresses, merged->n, error);
    if (r < 0)
        return r;
    external_save_later(external);
    say_addresses(external, merged);
    return 0;
}

static void on_answer(const struct resolved *resolved, void *user)
{
    struct external *external = user;
    struct daemon *daemon = external->daemon;
    struct ip_address known[EXTERNAL_MAX_ADDRESSES];
    size_t n_known = current(external, known);
    struct external_merged merged;
    struct error error = {0};
    uint64_t again_ms;

    external->query = NULL;
    external_merge(resolved, known, n_known, &merged);
    if (merged.is_answered) {
        external->resolved_at = clock_wall_s();
        say_once(external, &merged, resolved->v4.list.refused + resolved->v6.list.refused);
    }
    again_ms = resolve_again_ms(resolved->ttl_s, daemon->config.external_min_ttl,
                                daemon->config.external_max_ttl, (uint32_t)random());
    if (take_addresses(external, &merged, known, n_known, &error) < 0)
        merged.failure = error.message;
    if (merged.failure) {
        uint64_t retry_ms;

        (void)snprintf(external->failure, sizeof(external->failure), "%.159s", merged.failure);
        external->failures++;
        daemon->externals.failed++;
        say_failing(external);
        retry_ms = resolve_retry_ms(external->failures, (uint32_t)random());
        again_ms = merged.is_answered && again_ms < retry_ms ? again_ms : retry_ms;
    } else {
        say_back(external);
        external->failures = 0;
        external->failure[0] = '\0';
    }
    ask_in(external, again_ms);
}

/* An instance on its way out is asked for no more; without an address there is nothing to wait for. */
static void end_drain(struct external *external)
{
    struct daemon *daemon = external->daemon;
    struct transaction *transaction;
    struct registry_row row;
    struct error error = {0};
    uint64_t revision;
    int r = row_delete_instance(external->namespace_name, external->service, external->id, &row);

    transaction = now_begin(daemon->engine);
    transaction_own(transaction);
    if (r == 0)
        r = transaction_put(transaction, row, &error);
    if (r < 0)
        now_abort(transaction);
    else
        r = now_commit(transaction, &revision, &error); /* which frees `external` */
    if (r < 0) {
        log_warning("%s has drained and cannot be deregistered, trying again: %s", external->name,
                    error.message);
        ask_in(external, RESOLVE_RETRY_MIN_MS);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct external *external = user;
    struct daemon *daemon = external->daemon;
    const struct instance *record = external_record(external);

    (void)fd;
    (void)what;
    if (!record || external->query)
        return;
    if (record->drain_until) {
        if (external->n == 0)
            end_drain(external);
        return;
    }
    if (resolver_ask(daemon->externals.resolver, external->host, on_answer, external, &external->query) < 0)
        ask_in(external, RESOLVE_RETRY_MAX_MS);
}

static void begin(struct external *external)
{
    struct daemon *daemon = external->daemon;

    if (!daemon->externals.resolver)
        return; /* not yet: the start begins with all */
    if (!external->has_timer)
        external->has_timer = event_assign(&external->timer, daemon->base, -1, 0, on_timer, external) == 0;
    if (!external->query && !(external->has_timer && event_pending(&external->timer, EV_TIMEOUT, NULL)))
        ask_in(external, 0);
}

/* ---- changes ---- */

int externals_fill(struct daemon *daemon, const char *namespace_name, const char *service_name,
                   const char *id)
{
    const struct service *service =
        catalog_service(engine_catalog(daemon->engine), namespace_name, service_name);
    struct instance *record = service ? catalog_record(service, id) : NULL;
    char name[ENDPOINT_NAME_SIZE];
    const struct external *external =
        record && record->host ? find(&daemon->externals, name_of(namespace_name, service_name, id, name))
                               : NULL;

    if (!external || strcmp(external->host, record->host) != 0)
        return 0;
    return catalog_set_addresses(record, external->addresses, external->n);
}

/* Another host by the same id: nothing is known of it. */
static int rename_host(struct external *external, const char *host)
{
    char *copy = strdup(host);

    if (!copy)
        return -ENOMEM;
    free(external->host);
    external->host = copy;
    resolver_cancel(&external->query);
    if (external->has_timer)
        (void)event_del(&external->timer);
    free(external->addresses);
    external->addresses = NULL;
    external->n = 0;
    external->failures = 0;
    external->failure[0] = '\0';
    external->resolved_at = 0;
    external->is_cut = external->is_refused = false;
    return 0;
}

void externals_put(struct daemon *daemon, const char *namespace_name, const char *service_name,
                   const char *id)
{
    const struct service *service =
        catalog_service(engine_catalog(daemon->engine), namespace_name, service_name);
    const struct instance *record = service ? catalog_record(service, id) : NULL;
    char name[ENDPOINT_NAME_SIZE];
    struct external *external = find(&daemon->externals, name_of(namespace_name, service_name, id, name));

    if (!record || !record->host) {
        if (external) {
            external_forget_later(external);
            remove_external(&daemon->externals, external);
        }
        return;
    }
    if (!external)
        external = make(daemon, name, record->host);
    if (!external || (strcmp(external->host, record->host) != 0 && rename_host(external, record->host) < 0)) {
        log_error("%s: out of memory, host name %s is not resolved until the next start", name, record->host);
        return;
    }
    if (record->drain_until) {
        resolver_cancel(&external->query);
        if (external->has_timer)
            (void)event_del(&external->timer);
        if (external->n > 0)
            return; /* they drain first */
    }
    begin(external);
}

int externals_drained(struct daemon *daemon, const struct instance *address, struct error *error)
{
    char name[ENDPOINT_NAME_SIZE];
    struct external *external = find(&daemon->externals, endpoint_name(address->external, name));
    bool is_last = address->external->drain_until != 0;
    const struct ip_address gone = address->address;
    int r;

    if (!external)
        return error_errno(error, ENOENT, "%s", address->id);
    r = external_drop_address(external, &gone, error);
    if (r == 0 && is_last && external->n == 0)
        end_drain(external);
    return r;
}

/* ---- start and end ---- */

int externals_adopt_row(struct daemon *daemon, const char *key, const char *value)
{
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES];
    char host[MODEL_HOST_NAME_MAX + 1];
    struct external *external;
    struct row_name name;
    size_t n = 0;

    if (strncmp(key, "host/resolved/", 14) != 0 || row_parse_key(key, &name) < 0)
        return 0;
    if (row_read_resolved(value, host, addresses, &n) < 0) {
        log_warning("registry row %.200s cannot be read, ignoring it", key);
        n = 0;
        host[0] = '\0';
    }
    external = make(daemon, name.last, host);
    if (!external)
        return 0; /* a key that is none of ours */
    external->addresses = calloc(n + 1, sizeof(*external->addresses));
    if (!external->addresses)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (!alias_range_holds(&daemon->config.alias_range, &addresses[i]))
            external->addresses[external->n++].address = addresses[i];
    return 0;
}

static int adopt_record(struct daemon *daemon, struct instance *record)
{
    char name[ENDPOINT_NAME_SIZE];
    struct external *external = find(&daemon->externals, endpoint_name(record, name));

    if (!external)
        external = make(daemon, name, record->host);
    if (!external || (strcmp(external->host, record->host) != 0 && rename_host(external, record->host) < 0))
        return -ENOMEM;
    return catalog_set_addresses(record, external->addresses, external->n);
}

int externals_adopt(struct daemon *daemon)
{
    const struct model_namespace *parent;
    const struct service *service;
    struct external *external, *next;
    struct instance *record;

    for (parent = engine_catalog(daemon->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (record = service->records; record; record = record->hh.next)
                if (record->host && adopt_record(daemon, record) < 0)
                    return -ENOMEM;
    HASH_ITER (hh, daemon->externals.all, external, next) {
        if (external_record(external))
            continue;
        external_forget_later(external);
        remove_external(&daemon->externals, external);
    }
    return 0;
}

static bool refuses(const struct ip_address *address, void *user)
{
    const struct daemon *daemon = user;

    return alias_range_holds(&daemon->config.alias_range, address);
}

int externals_begin(struct daemon *daemon, struct error *error)
{
    struct external *external;
    int r = external_save_begin(daemon);

    if (r < 0)
        return error_errno(error, r, "starting");
    r = resolver_new(daemon->base, daemon->config.external_servers, refuses, daemon,
                     &daemon->externals.resolver, error);
    for (external = daemon->externals.all; external && r == 0; external = external->hh.next)
        begin(external);
    return r;
}

void externals_done(struct daemon *daemon)
{
    struct externals *self = &daemon->externals;
    struct external *external, *next;

    external_save_end(daemon);
    HASH_ITER (hh, self->all, external, next) {
        remove_external(self, external);
    }
    resolver_free(&self->resolver);
    *self = (struct externals){0};
}

/* ---- following changes ---- */

static int follow_fill(void *user, const char *namespace_name, const char *service, const char *id)
{
    return externals_fill(user, namespace_name, service, id);
}

static void follow_settled(void *user, const char *namespace_name, const char *service, const char *id)
{
    externals_put(user, namespace_name, service, id);
}

static int follow_row(void *user, const char *key, const char *value)
{
    return externals_adopt_row(user, key, value);
}

static int follow_loaded(void *user, struct error *error)
{
    int r = externals_adopt(user);

    return r < 0 ? error_errno(error, r, "starting") : 0;
}

const struct engine_follower externals_follower = {
    .fill = follow_fill,
    .settled = follow_settled,
    .row = follow_row,
    .loaded = follow_loaded,
};
