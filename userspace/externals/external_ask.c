/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When a name is asked for, and what is said of what came of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/event_log.h"
#include "externals/externals_internal.h"
#include "resolver/resolve_times.h"

/* ---- what is said ---- */

static void external_ask_tell(const struct external *external, const char *text)
{
    event_log_add(external->externals->events, EVENT_NAME, external->namespace_name, external->service,
                  external->id, "%s", text);
}

static void say_failing(const struct external *external)
{
    const char *left = external->n ? "the addresses known last stay" : "it has no endpoint yet";
    char text[EVENT_MESSAGE_SIZE];

    if (external->failures > 1)
        return;
    log_warning("%s: host name %s: %s; %s", external->name, external->host, external->failure, left);
    (void)snprintf(text, sizeof(text), "%s cannot be resolved: %s; %s", external->host, external->failure,
                   left);
    external_ask_tell(external, text);
}

static void say_back(const struct external *external)
{
    char text[EVENT_MESSAGE_SIZE];

    if (external->failures == 0)
        return;
    log_info("%s: host name %s is resolved again", external->name, external->host);
    (void)snprintf(text, sizeof(text), "%s is resolved again", external->host);
    external_ask_tell(external, text);
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

void external_say_addresses(const struct external *external, const struct external_merged *merged)
{
    char list[EVENT_MESSAGE_SIZE] = "";
    char text[EVENT_MESSAGE_SIZE];
    size_t length = 0;

    for (size_t i = 0; i < merged->n && length < sizeof(list) - IP_ADDRESS_TEXT_SIZE - 3; i++) {
        char address[IP_ADDRESS_TEXT_SIZE];

        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
                                   ip_address_format(&merged->addresses[i], address));
    }
    log_info("%s: host name %s is %s", external->name, external->host, list);
    (void)snprintf(text, sizeof(text), "%.200s is %.160s", external->host, list);
    external_ask_tell(external, text);
}

/* ---- answers ---- */

/* Those that are the name's, without what is leaving. */
static size_t current(const struct external *external, struct ip_address addresses[EXTERNAL_MAX_ADDRESSES])
{
    size_t n = 0;

    for (size_t i = 0; i < external->n && n < EXTERNAL_MAX_ADDRESSES; i++)
        if (!external->addresses[i].leaves_at)
            addresses[n++] = external->addresses[i].address;
    return n;
}

void external_conclude(struct external *external, bool is_answered, const char *failure, uint64_t again_ms)
{
    if (failure) {
        uint64_t retry_ms;

        (void)snprintf(external->failure, sizeof(external->failure), "%.159s", failure);
        external->failures++;
        external->externals->failed++;
        say_failing(external);
        retry_ms = resolve_retry_ms(external->failures, (uint32_t)random());
        again_ms = is_answered && again_ms < retry_ms ? again_ms : retry_ms;
    } else {
        say_back(external);
        external->failures = 0;
        external->failure[0] = '\0';
    }
    external_ask_in(external, external->is_draining ? 0 : again_ms);
}

void external_answered(const struct resolved *resolved, void *user)
{
    struct external *external = user;
    const struct external_settings *settings = &external->externals->settings;
    struct ip_address known[EXTERNAL_MAX_ADDRESSES];
    size_t n_known = current(external, known);
    struct external_merged merged;
    uint64_t again_ms;
    int r;

    external->query = NULL;
    external_merge(resolved, known, n_known, &merged);
    if (merged.is_answered) {
        external->resolved_at = clock_wall_s();
        say_once(external, &merged, resolved->v4.list.refused + resolved->v6.list.refused);
    }
    again_ms =
        resolve_again_ms(resolved->ttl_s, settings->min_ttl_s, settings->max_ttl_s, (uint32_t)random());
    if (merged.n == n_known && memcmp(merged.addresses, known, n_known * sizeof(*known)) == 0) {
        external_conclude(external, merged.is_answered, merged.failure, again_ms);
        return;
    }
    r = external_submit_answer(external, &merged, again_ms);
    if (r == -EALREADY) /* one that has drained is just going: what is known then is another thing */
        external_ask_in(external, RESOLVE_RETRY_MIN_MS);
    else if (r < 0)
        external_conclude(external, merged.is_answered, strerror(-r), again_ms);
}

/* ---- asking ---- */

void external_ask_in(struct external *external, uint64_t ms)
{
    struct timeval in = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    external->next_ms = clock_monotonic_ms() + ms;
    if (external->has_timer)
        (void)event_add(&external->timer, &in);
}

/* An instance on its way out is asked for no more; without an address there is nothing to wait for. */
static void external_ask_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct external *external = user;

    (void)fd;
    (void)what;
    if (external->query || external->finding)
        return;
    if (external->is_draining) {
        if (external->n == 0)
            external_end_drain(external);
        return;
    }
    if (resolver_ask(external->externals->resolver, external->host, external_answered, external,
                     &external->query) < 0)
        external_ask_in(external, RESOLVE_RETRY_MAX_MS);
}

void external_begin(struct external *external)
{
    struct externals *self = external->externals;

    if (!self->resolver)
        return; /* not yet: the start begins with all */
    if (!external->has_timer)
        external->has_timer =
            event_assign(&external->timer, self->base, -1, 0, external_ask_on_timer, external) == 0;
    if (!external->query && !external->finding &&
        !(external->has_timer && event_pending(&external->timer, EV_TIMEOUT, NULL)))
        external_ask_in(external, 0);
}

void external_stop(struct external *external)
{
    resolver_cancel(&external->query);
    if (external->has_timer)
        (void)event_del(&external->timer);
}
