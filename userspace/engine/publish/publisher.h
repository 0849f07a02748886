/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Publishing: what the kernel's tables hold now, and the steps from there to what is wanted. A change goes in
 * two parts: prepare takes all it needs (an index, regions of slots) and writes what no program can see yet;
 * commit makes it visible, and cannot run out of anything. In between the registry commits, so that neither
 * can succeed without the other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name_numbers.h"
#include "datapath/datapath.h"
#include "model/catalog.h"

struct publisher;
struct published;   /* one of its aliases */
struct publication; /* a prepared change */

/* One client alias in one scope, as wanted. Without `exists` it is to go. What it points to is borrowed. */
struct wanted_alias {
    uint32_t scope;
    const char *namespace_name;
    const char *client; /* of a scope with overrides: one it is for; else "" */
    struct client_alias alias;
    bool exists;
    struct ip_address address;
    struct ip_address address6;
    struct svc_slot *slots4;
    uint32_t count4;
    struct svc_slot *slots6; /* the same pointer as slots4 when the tables are the same */
    uint32_t count6;
    uint32_t stickiness_ms; /* of UDP sockets */
    uint32_t flags;         /* SVC_SERVICE_... */
    bool is_kept;           /* the tables hold endpoints that the catalog does not account for: these */
    uint32_t *kept;         /* ascending */
    size_t n_kept;
};

/* `endpoints` and `scopes` stay the caller's: retired numbers of theirs are given back to them. */
int publisher_new(struct datapath *datapath, uint32_t n_services, uint32_t n_slots,
                  struct name_numbers *endpoints, struct name_numbers *scopes,
                  struct publisher **ret_publisher);
void publisher_free(struct publisher **publisher);

/*
 * Takes over the tables that adopted maps hold. `is_address_wanted` says of each alias whether its address is
 * still the one this host gives the name; others are removed. *ret_adopted: how many aliases were taken over.
 */
int publisher_adopt(struct publisher *publisher,
                    bool (*is_address_wanted)(const char *dns_name, const struct ip_address *address,
                                              void *user),
                    void *user, unsigned *ret_adopted, struct error *error);

/*
 * `is_everything`: aliases published but not among the wanted go too. -ENOSPC names the setting; nothing has
 * changed then. *ret_publication must go to publisher_commit() or publisher_abort().
 */
int publisher_prepare(struct publisher *publisher, const struct wanted_alias *wanted, size_t n_wanted,
                      bool is_everything, struct publication **ret_publication, struct error *error);

/* Did the set of aliases change, not only tables? */
bool publication_changes_names(const struct publication *publication);

/*
 * Between the two: the tables of a change, 0..publication_tables()-1, may be written anew. NULL: one that
 * goes. On failure the table is as it was.
 */
size_t publication_tables(const struct publication *publication);
const struct wanted_alias *publication_wanted(const struct publication *publication, size_t i);
int publisher_rewrite(struct publisher *publisher, struct publication *publication, size_t i,
                      const struct wanted_alias *fresh, struct error *error);

/* Makes it visible. Failures to write an alias entry (no memory) are returned after the rest
 * has been done. */
int publisher_commit(struct publisher *publisher, struct publication **publication);
void publisher_abort(struct publisher *publisher, struct publication **publication);

/* The endpoint's number becomes free after a grace period. */
void publisher_retire_endpoint(struct publisher *publisher, uint32_t number);

/* The same for a scope's number. */
void publisher_retire_scope(struct publisher *publisher, uint32_t number);

/* Starts a grace period if something waits for one and none is running. */
void publisher_begin_grace(struct publisher *publisher);

/* Call when datapath_grace_fd() is readable: gives back what waited, begins the next. */
void publisher_end_grace(struct publisher *publisher);

/* The aliases published in a scope: the caller frees *ret_aliases. -ENOMEM. */
int publisher_list_scope(const struct publisher *publisher, uint32_t scope, struct client_alias **ret_aliases,
                         size_t *ret_n);

/* A DNS name in a scope: its addresses, and its aliases by publisher_next_of_name(). */
struct published_name {
    const char *name; /* until the next commit, as all of it */
    struct ip_address address;
    struct ip_address address6;
    const struct published *next;
};

/* `name`, of `length`, is in lower case. -ENOENT. */
int publisher_find_name(const struct publisher *publisher, uint32_t scope, const char *name, size_t length,
                        struct published_name *ret_name);

/* Its aliases one by one, in no order; NULL: that was the last one. */
const struct client_alias *publisher_next_of_name(const struct published **next);

/* ---- what must not go while the registry is not the right one (publisher_kept.c) ---- */

/*
 * Of what was adopted, marks as kept every alias that is not among the wanted or would lose an endpoint by
 * them, and takes the latter out of the array (and frees them), so that their tables stay as they are.
 * -ENOMEM.
 */
int publisher_keep(struct publisher *publisher, struct wanted_alias *wanted, size_t *n_wanted);

/* An alias as it is published in a scope. -ENOENT: it is not. *ret_published as for publisher_find_kept(). */
struct kept_alias;
int publisher_find(const struct publisher *publisher, uint32_t scope, const struct client_alias *alias,
                   struct kept_alias *ret_published);

/* An alias that is kept in a scope: its tables as they are published, and what of them is kept. */
struct kept_alias {
    struct ip_address address;
    struct ip_address address6;
    const struct svc_service *service;
    const struct svc_slot *slots4, *slots6;
    uint32_t count4, count6;
    const uint32_t *kept;
    size_t n_kept;
};

/* -ENOENT: there is none, or it is not kept. What *ret_kept points to stays until the next commit. */
int publisher_find_kept(const struct publisher *publisher, uint32_t scope, const struct client_alias *alias,
                        struct kept_alias *ret_kept);

bool publisher_is_published(const struct publisher *publisher, uint32_t scope,
                            const struct client_alias *alias);

/* As publisher_list_scope(), only those that are kept. */
int publisher_list_kept(const struct publisher *publisher, uint32_t scope, struct client_alias **ret_aliases,
                        size_t *ret_n);

/* Does a kept table lead to the endpoint? */
bool publisher_keeps_endpoint(const struct publisher *publisher, uint32_t number);

uint32_t publisher_kept_aliases(const struct publisher *publisher);

/* Nothing is kept any more: what is not wanted may go. */
void publisher_forget_kept(struct publisher *publisher);

/* For status: aliases published, entries of `aliases`, slots in use. */
uint32_t publisher_aliases(const struct publisher *publisher);
uint32_t publisher_slots_used(const struct publisher *publisher);
