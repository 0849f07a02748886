/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the publisher's files share: its state, a prepared change, and what waits for a grace period. */
#pragma once

#include "engine/publish/publisher.h"
#include "routing/slot_regions.h"
#include "routing/table_diff.h"

#define PUBLISHED_IDENTITY (ALIAS_IDENTITY_SIZE + 12)

/* One alias in one scope, as the kernel has it. Its tables are read from the kernel's memory,
 * not kept again. */
struct published {
    char identity[PUBLISHED_IDENTITY];
    uint32_t scope;
    uint32_t index;
    struct client_alias alias;
    struct ip_address address;
    struct ip_address address6;
    bool has_entry; /* in `aliases`, for the IPv4 address */
    bool has_entry6;
    bool is_held;   /* prepared: places for its entries are kept */
    bool is_kept;   /* by publisher_keep() */
    bool is_wanted; /* for its duration */
    uint32_t *kept; /* endpoints of its tables that stay; ascending */
    size_t n_kept;
    struct published *next_of_name, *prev_of_name; /* others of its scope and DNS name */
    UT_hash_handle hh;
    UT_hash_handle hh_name; /* of the first of them */
};

enum retired_kind {
    RETIRED_REGION,
    RETIRED_INDEX,
    RETIRED_ENDPOINT,
    RETIRED_SCOPE,
};

struct retired_thing {
    enum retired_kind kind;
    uint32_t number;
    uint32_t count; /* of a region */
};

struct retired {
    struct retired_thing *things;
    size_t n;
    size_t capacity;
};

struct publisher {
    struct datapath *datapath;
    struct name_numbers *indexes;
    struct name_numbers *endpoints; /* not owned */
    struct name_numbers *scopes;    /* not owned */
    struct slot_regions *regions;
    struct published *all; /* by identity */
    struct published
        *names;        /* the first of each scope and DNS name, by the identity's part before the colon */
    uint32_t n_kept;   /* of them; mostly none, and then nobody looks for one */
    uint32_t *keepers; /* by endpoint number: in so many of them it is kept */
    size_t n_keepers;
    struct retired waiting; /* the grace period under way is for these */
    struct retired next;
    bool must_wait; /* adopted: see fill_region() */
    bool is_waiting;
};

struct publication_step {
    enum table_change change;
    struct published *published; /* of TABLE_ADD: not yet in the hash */
    const struct wanted_alias *wanted;
    uint32_t first4, count4, first6, count6;
    uint32_t *kept; /* a copy of the wanted's */
};

struct publication {
    size_t n_steps;
    struct publication_step steps[];
};

const char *publisher_identity(uint32_t scope, const struct client_alias *alias,
                               char text[static PUBLISHED_IDENTITY]);

/* Takes over the list of endpoints that are kept in its tables, and counts it among those that are kept, or no
 * more. */
void publisher_set_kept(struct publisher *publisher, struct published *published, uint32_t *kept,
                        size_t n_kept, bool is_kept);

/* Gives back the memory; it must not be in the hash. */
void publisher_free_published(struct published *published);

/* Of its entry for the IPv4 or the IPv6 address. */
struct svc_alias_key publisher_alias_key(const struct published *published, bool is_v6);

/* publisher_names.c: into the hashes, by identity and by name, and out of them. */
void publisher_enter(struct publisher *publisher, struct published *published);
void publisher_leave(struct publisher *publisher, struct published *published);

/* publisher_retire.c */
void retire_tables(struct publisher *publisher, uint64_t table4, uint64_t table6);
void retire(struct publisher *publisher, enum retired_kind kind, uint32_t number, uint32_t count);
void retired_done(struct retired *retired);
bool retired_exist(const struct publisher *publisher);

/* Blocks for a grace period, then gives back everything that was retired before the call. */
void publisher_reclaim_now(struct publisher *publisher);
