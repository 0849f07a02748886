/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A registry in memory that misbehaves when it is told to. Several may be connected to one store: hosts of a
 * fleet, which can meet in a conflict. All of it belongs to one thread; nothing here waits, and time is
 * counted in turns that the test gives. It checks compares, and that the caller leaves a commit's rows alone
 * until its end (it aborts otherwise).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_store.h"
#include "registry/registry.h"

/* What becomes of a commit. */
enum fake_fault {
    FAKE_WRITTEN,
    FAKE_CONFLICT,    /* -EAGAIN, as if another host had been first */
    FAKE_TOO_LARGE,   /* -E2BIG */
    FAKE_DISK_FULL,   /* -ENOSPC */
    FAKE_IO_ERROR,    /* -EIO */
    FAKE_LOST_BEFORE, /* -ENOTCONN, and nothing was written */
    FAKE_LOST_AFTER,  /* -ENOTCONN, and yet it was written */
    FAKE_N_FAULTS,
};

/* One commit: it ends after so many turns (0: with its begin), and so. It takes effect as it ends. */
struct fake_step {
    enum fake_fault fault;
    unsigned turns;
};

struct registry *fake_registry_open(struct fake_store *store);

/* For the commits to come, in this order; those after them follow the chance. Replaces an earlier plan. */
void fake_registry_plan(struct registry *registry, const struct fake_step *steps, size_t n_steps);

/*
 * Where no plan says otherwise: one in `one_in` commits meets a fault (0: none does, as at first), and each
 * is late by up to `max_turns`; both are drawn from the seed.
 */
void fake_registry_chance(struct registry *registry, uint64_t seed, unsigned one_in, unsigned max_turns);

/* Without a connection, loads fail and commits end with -ENOTCONN; nothing is written. */
void fake_registry_connect(struct registry *registry, bool is_connected);

/*
 * Another host writes these rows, which are copied: they are in the store, and the registry's revision is its, when
 * they are taken as a batch. From the first call on, which comes before the engine has the registry, it is one that
 * others write to; without rows it is only made one.
 */
void fake_registry_tell(struct registry *registry, const struct registry_row *rows, size_t n_rows);

/* How it says that it is reached, zeroed at first. What was told of a tally last (of several, the first; name NULL: of
 * none), and what the others' is from now on, whose name is copied. */
struct registry_link *fake_registry_link(struct registry *registry);
const struct registry_tally *fake_registry_told(const struct registry *registry);
void fake_registry_others(struct registry *registry, const struct registry_tally *tally);

/* What was reported last; "": nothing. */
const char *fake_registry_reported(const struct registry *registry);

/* One turn passes; true: a commit has ended and is to be consumed. A wait gives the turns itself. */
bool fake_registry_turn(struct registry *registry);
