/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is said to etcd and what it answers, in the JSON of its gateway: keys and values are base64, 64-bit
 * numbers are texts. Pure.
 *
 * Below PREFIX (a setting) lie
 *   PREFIX/fleet/head        who wrote last: {"revision", "writer", "commit"}; every commit to the fleet's rows writes it
 *   PREFIX/fleet/in/NS/      all that is of a namespace:
 *     head                   the same of its rows; a commit compares and writes the heads of its rows, so commits to a
 *                            namespace are one after the other
 *     rows/KIND/REST         the row KIND/NS/REST; an instance with an address begins with {"owner": HOST, the host
 *                            that has registered it
 *   PREFIX/fleet/common/     what is of none, and the row of each namespace itself (which writes both heads): a head, and
 *     rows/KEY
 *   PREFIX/fleet/hosts/HOST  {"name", "writer"}: the host is there; goes with its lease
 *   PREFIX/fleet/driver      HOST: which one drives the canaries; goes with its lease
 *   PREFIX/hosts/HOST/KEY    what a host keeps for itself: its numbers and its history
 *   PREFIX/tallies/HOST      what the host counts of canaries, for who drives them; goes with its lease, as the next one
 *   PREFIX/seen/HOST         what the host sees of others' instances; goes with its lease. Beside what all hosts watch
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "registry/registry.h"

#define ETCD_WRITER_SIZE 33

/* Who wrote the fleet's rows last. */
struct etcd_head {
    uint64_t mod_revision; /* etcd's, of the key; 0: nobody has written yet */
    uint64_t revision;     /* the fleet's: with every commit one more than its writer has seen */
    char writer[ETCD_WRITER_SIZE];
    uint64_t commit; /* the writer's own number of it */
};

/* One key as it stands, or its deletion (value NULL). */
struct etcd_pair {
    char *key;
    char *value;
    uint64_t mod_revision;
};

struct etcd_pairs {
    struct etcd_pair *items;
    size_t n;
    size_t n_strange; /* passed over: no text of ours */
};

/* Where a row lies; the caller frees it. NULL: out of memory. */
char *etcd_key_of_row(const char *prefix, const char *host, const char *key);
char *etcd_key_in_fleet(const char *fleet, const char *row); /* of one that no host keeps for itself */
char *etcd_key_of_head(const char *prefix);
char *etcd_key_of_fleet(const char *prefix); /* the head's and all rows' begin with it */
char *etcd_key_of_host(const char *prefix, const char *host);

char *etcd_key_of_presence(const char *prefix, const char *host);
char *etcd_key_of_driver(const char *prefix);
char *etcd_key_of_tallies(const char *prefix, const char *host); /* likewise */
char *etcd_key_of_seen(const char *prefix, const char *host);    /* "": what they all begin with */

/* Is this a row that a host keeps for itself? */
bool etcd_is_of_host(const char *key);

/* The registry's key of the row that lies here; false: none does. */
#define ETCD_ROW_SIZE 2048
bool etcd_row_in_fleet(const char *fleet, const char *key, char ret_row[static ETCD_ROW_SIZE]);

/* The host in a key of `fleet` + "hosts/"; NULL: it is none. */
const char *etcd_host_in_fleet(const char *fleet, const char *key);

/* Whose an instance is. The first is of the row's key and the value that its host means; the second returns the value
 * with its owner, which the caller frees (NULL: out of memory); the third takes him out again ("": there is none). */
bool etcd_can_have_owner(const char *row, const char *value);
char *etcd_put_owner(const char *value, const char *owner);
void etcd_take_owner(char *value, char ret_owner[static 65]);

/* Base64, there and back. NULL: no memory, or (back) no base64 or a NUL inside. The caller frees. */
char *etcd_encode(const char *text);
char *etcd_decode(const char *text);

/* A page of the keys that begin with `base`, from the key `from` on. revision 0: as it is now. */
struct etcd_range {
    const char *base, *from; /* from NULL: the first */
    uint64_t revision;
    unsigned limit;        /* 0: all */
    uint64_t written_from; /* only what was written from this revision on; the count is of all */
    bool is_count_only, is_keys_only;
};

/* Requests: texts the caller frees. NULL: out of memory. */
char *etcd_write_range(const struct etcd_range *range);
char *etcd_write_watch(const char *base, uint64_t revision);

/* Requests about leases. A claim writes the key only if there is none. */
char *etcd_write_grant(uint32_t seconds);
char *etcd_write_keepalive(uint64_t lease);
char *etcd_write_leased(const char *key, const char *value, uint64_t lease);
char *etcd_write_claim(const char *key, const char *value, uint64_t lease);

/* How long a lease lives after it was granted or kept alive; 0: there is none any more. -EINVAL: no such answer. */
int etcd_read_lease(const cJSON *answer, uint64_t *ret_lease, uint64_t *ret_seconds);

/*
 * A commit: puts and deletions by full keys, a later one of the same key in the place of the earlier. `heads` (none where
 * only a host's own rows are written) are the keys that have to be of these revisions, `head` is the fleet's, which may be
 * newer but not older, as after the restore of a backup. All become `next`. If one is not so, the answer has `heads` as
 * they are. *ret_n: how many operations, with the heads'.
 */
char *etcd_write_commit(const struct etcd_pair *pairs, size_t n, const struct etcd_pair *head,
                        const struct etcd_pairs *heads, const struct etcd_head *next, size_t *ret_n);

/* Is it a version that can leave deletions out of what it tells (etcd#19179, #18089)? Not if it is none: "". */
bool etcd_may_lose_deletions(const char *version);

/* "revision" of the answer's header; 0: there is none. */
uint64_t etcd_read_revision(const cJSON *answer);

/* A number that may be a text, or left out where it is 0. -EINVAL. */
int etcd_read_number(const cJSON *object, const char *name, uint64_t *ret_number);

/* What is in "kvs", appended; keys and values that are no text are passed over. -EINVAL: no such answer; -ENOMEM. */
int etcd_read_pairs(const cJSON *answer, struct etcd_pairs *pairs);

/* The value of the head key. -EINVAL: not one that this version writes. */
int etcd_read_head(const struct etcd_pair *pair, struct etcd_head *ret_head);

/* How the commit `next` ended: 0, also if an earlier try was written, as a head says that bears it; or -EAGAIN with the
 * newest revision of the heads (0: none is there). -EINVAL. */
int etcd_read_commit(const cJSON *answer, const struct etcd_head *next, uint64_t *ret_revision,
                     uint64_t *ret_found);

/*
 * A message of a watch: events appended in their order.
 *   0         events, or none (that it was created)
 *   -ESTALE   what is asked for has been compacted
 *   -EACCES   it was refused; the error has etcd's words
 *   -ECANCELED  etcd ended it
 *   -EINVAL, -ENOMEM
 */
int etcd_read_watch(const cJSON *message, struct etcd_pairs *events, struct error *error);

void etcd_pairs_done(struct etcd_pairs *pairs);

/* What an answer that is no success says, as a negative errno: -EKEYREJECTED (the token is not valid any more),
 * -EACCES, -ESTALE, -ENOSPC, -E2BIG, -EIO, -ENOTCONN (try another member), -EPROTO. The text is etcd's. */
int etcd_read_refusal(long status, const cJSON *answer, const char **ret_text);
