/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The registry: rows of key and JSON text with one revision for all, whatever keeps them. Keys are those of
 * rows.h, so that every backend holds the same content. A commit that ended with 0 survives kill -9 and power
 * loss.
 *
 * A registry belongs to one thread, the owner: only that one calls what is declared here. A commit runs
 * elsewhere (a thread, a server) between its begin and its end, and none of the calls waits for it but those
 * that say so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct registry;

struct registry_row {
    char *key;
    char *value; /* NULL in a commit: the row is deleted */
};

#define REGISTRY_ABSENT 0

/* A commit is written only if the row of this key was last written at this revision, or is absent. */
struct registry_compare {
    const char *key;
    uint64_t revision; /* or REGISTRY_ABSENT */
};

/*
 * What one commit writes, and on what condition. A backend that has one writer, this registry, may ignore the
 * compares: what they were taken from cannot have changed since.
 */
struct registry_commit {
    const struct registry_row *rows; /* a later row of the same key wins */
    size_t n_rows;
    const struct registry_compare *compares;
    size_t n_compares;
};

/* What one host has counted of something, by a name that all hosts give it. */
#define REGISTRY_COUNTS 3
struct registry_tally {
    const char *name;
    uint64_t counts[REGISTRY_COUNTS];
};

/* One row of a load; returns 0 to go on, a negative errno to stop. Key and value stay the registry's. */
typedef int (*registry_row_fn)(const char *key, const char *value, void *user);

/* What others have written, whole as it was committed, or several commits at once. */
struct registry_batch {
    uint64_t revision;         /* the registry's with it */
    struct registry_row *rows; /* value NULL: the row is gone */
    size_t n_rows;
};

/* How a registry that is elsewhere is reached. */
struct registry_link {
    int64_t lost_since; /* by the wall clock, in seconds; 0: it is there */
    char text[320];     /* why */
    uint64_t n_found;   /* how often it came back */
    uint64_t n_resyncs; /* how often what others wrote had to be found by comparing all rows */
    uint64_t
        n_differences;  /* rows that were not what had been told of them, found and put right by an audit */
    uint64_t n_skipped; /* what nobody understands, passed over */

    /* Hosts that share it: who is there; who went with many others and has its instances still; who has gone, and is to
     * have them again when it comes back. */
    uint64_t hosts, doubted_hosts, gone_hosts;
    uint64_t doubted_instances, gone_instances;
    uint64_t n_put_back; /* how often the others had to be told again that this host is there */
    char version[32];    /* of who keeps it; "": not known */
    bool is_lossy;       /* that version can leave things out of what it tells */
    bool is_driver;      /* of what one host does for all */
    bool is_away;        /* it was lost at the start already: none of its rows is known */
    char host[65];       /* this one's name among them; "": there are no others */
    char twin[65];       /* what calls itself by that name too, by the name of its machine; "": nobody */
};

/* What registry.c asks of a backend; it sees to it that load, count and begin never meet a
 * commit under way. */
struct registry_backend {
    const char *name;
    /* All rows whose key begins with `prefix` ("": all), in key order. */
    int (*load)(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                struct error *error);
    uint64_t (*count)(const struct registry *registry);
    /* Takes a commit over and returns at once; it fails only if nobody could be given the work. */
    int (*begin)(struct registry *registry, const struct registry_commit *commit, struct error *error);
    /* The same descriptor as long as the registry is open. */
    int (*fd)(const struct registry *registry);
    /* Returns when the commit under way has ended, which is then still to be consumed. */
    void (*wait)(struct registry *registry);
    /* -EINPROGRESS: it has not ended. Anything else consumes the end. All rows are durable then, or none. */
    int (*end)(struct registry *registry, uint64_t *ret_revision, struct error *error);
    uint64_t (*revision)(const struct registry *registry);
    const char *(*location)(const struct registry *registry);
    void (*close)(struct registry *registry);

    /* Where others write too; else NULL, all four. */
    int (*follow)(struct registry *registry, struct error *error);
    int (*batch_fd)(const struct registry *registry);
    int (*take)(struct registry *registry, struct registry_batch *ret_batch);
    struct registry_link (*link)(struct registry *registry);
    /* May be NULL with these too, all three. */
    int (*report)(struct registry *registry, const char *text);
    int (*tell)(struct registry *registry, const struct registry_tally *tallies, size_t n);
    void (*others)(struct registry *registry, const char *name, uint64_t ret_counts[static REGISTRY_COUNTS]);
};

/* Every backend's object begins with this. */
struct registry {
    const struct registry_backend *backend;
    bool is_committing; /* between a begin and the end that consumed it */
    bool is_loading;
};

/* -EBUSY: a commit is under way. */
int registry_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                  struct error *error);

/* How many rows there are, without reading them; 0 also if that cannot be said (a commit is under way). */
uint64_t registry_count(const struct registry *registry);

/*
 * Hands a commit over and returns at once: 0, it is under way; -EBUSY: another one is, or a load. On success
 * the commit and all it points to must stay as they are until the end is consumed.
 */
int registry_commit_begin(struct registry *registry, const struct registry_commit *commit,
                          struct error *error);

/* Readable from when a commit has ended until its end is consumed; the same one from open to close. */
int registry_commit_fd(const struct registry *registry);

/*
 * Consumes the end of a commit.
 *   0            all rows are durable, under a revision one higher than before (in a fleet: the same where all
 *                rows are of this host)
 *   -EINPROGRESS it has not ended yet; ask again when the descriptor is readable
 *   -EAGAIN      a compare did not hold: run again what made the commit
 *   -E2BIG       it is more than the registry takes at once; the error names the limit
 *   -ENOTCONN    the registry was lost; whether the rows were written is known only from a load, or by
 *                committing them again under compares
 *   -EINVAL      none was begun
 *   -ENOLCK      another process holds the database; the same may succeed in a moment
 *   others       the disk or the database refused (-ENOSPC, -EIO, -EUCLEAN)
 * In all of them but 0 and -ENOTCONN no row was written.
 */
int registry_commit_end(struct registry *registry, uint64_t *ret_revision, struct error *error);

/* Waits for the end of the commit under way and consumes it; -EINVAL: none is. */
int registry_commit_wait(struct registry *registry, uint64_t *ret_revision, struct error *error);

/* Begins, waits, ends: for the start of the daemon, and for tests. */
int registry_commit(struct registry *registry, const struct registry_row *rows, size_t n_rows,
                    uint64_t *ret_revision, struct error *error);

/* Of the last commit whose end was consumed, or of the last batch that was taken. */
uint64_t registry_revision(const struct registry *registry);

const char *registry_location(const struct registry *registry);

/* ---- what others write ---- */

/*
 * After a load of all rows: what others write from then on comes as batches. Nothing happens where nobody else
 * writes. A commit whose begin comes before all that was written is taken ends with -EAGAIN, so who is refused takes
 * what there is and runs again what made the commit.
 */
int registry_follow(struct registry *registry, struct error *error);

/* Readable while there are batches; -1: there never will be any. The same one from open to close. */
int registry_batch_fd(const struct registry *registry);

/* -EAGAIN: there is none now; -EBUSY: a commit is under way. The batch is the caller's, for registry_batch_done(). */
int registry_take_batch(struct registry *registry, struct registry_batch *ret_batch);
void registry_batch_done(struct registry_batch *batch);

/* Zeroed for one that is here. */
struct registry_link registry_link(struct registry *registry);

/* What this host sees of what others own: kept for whoever asks, as long as this host is there. It is no row, nobody is told
 * of it, and it takes its time. -EOPNOTSUPP: nobody could ask; -ENOMEM. */
bool registry_takes_reports(const struct registry *registry);
int registry_report(struct registry *registry, const char *text);

/* All that this host counts, for the one that drives; kept as a report is, and it takes as long. 0, also where there are no
 * others; -ENOMEM. */
int registry_tell_tallies(struct registry *registry, const struct registry_tally *tallies, size_t n);

/* What the other hosts have told of that, together. Zeros on a host that does not drive, or that tells nothing itself. */
void registry_others_tally(struct registry *registry, const char *name,
                           uint64_t ret_counts[static REGISTRY_COUNTS]);

/* ---- the end ---- */

/*
 * Waits for a commit that is under way, and says what became of it: 0, none was or its rows are durable; else
 * what registry_commit_end() would have said (for the sentence to it, call registry_commit_wait() before).
 * NULL-safe; sets to NULL.
 */
int registry_close(struct registry **registry);
