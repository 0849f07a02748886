/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Resolves names of hosts on the caller's event loop: A and AAAA apart, so that one of them failing leaves
 * what is known of the other. Questions beyond RESOLVER_MAX_IN_FLIGHT wait in order. Names are taken as they
 * are: no search domain is appended.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>

#include "base/error.h"
#include "resolver/resolved_list.h"

#define RESOLVER_MAX_IN_FLIGHT 64

enum resolved_how {
    RESOLVED_ADDRESSES, /* at least one came, if perhaps none that can be an endpoint */
    RESOLVED_NONE,      /* the name has none of this family */
    RESOLVED_NO_NAME,   /* there is no such name */
    RESOLVED_FAILED,    /* nobody could say */
};

struct resolved_family {
    enum resolved_how how;
    const char *reason; /* in words, where there are no addresses; static */
    struct resolved_list list;
};

struct resolved {
    struct resolved_family v4;
    struct resolved_family v6;
    uint32_t ttl_s; /* the lowest in what came; 0 if nothing did */
};

struct resolver;
struct resolver_query;

/* Never called before resolver_ask() has returned; the query is over. */
typedef void (*resolver_done_fn)(const struct resolved *resolved, void *user);

struct resolver_figures {
    unsigned waiting;
    unsigned in_flight;
    uint64_t asked;
};

/* `name_servers`: "IP[:PORT],...", or NULL for the host's. `refuses`, with its `refuses_user`: addresses that
 * are no endpoints, or NULL. -EINVAL: no such list of name servers; -ENOMEM. */
int resolver_new(struct event_base *base, const char *name_servers, resolved_refuses_fn refuses,
                 void *refuses_user, struct resolver **ret_resolver, struct error *error);
void resolver_free(struct resolver **resolver); /* NULL-safe; nobody is called any more */

/* -ENOMEM. */
int resolver_ask(struct resolver *resolver, const char *host, resolver_done_fn done, void *user,
                 struct resolver_query **ret_query);
/* NULL-safe; sets to NULL. */
void resolver_cancel(struct resolver_query **query);

struct resolver_figures resolver_figures(const struct resolver *resolver);
