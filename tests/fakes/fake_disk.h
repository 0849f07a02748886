/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SQLite's way to the files, with a hand on it: every write and sync of the databases that are opened after
 * fake_disk_install() passes here, in whichever thread. There is one disk per process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Makes it SQLite's default; everything passes through at first. Again: forgets what was asked of it. */
void fake_disk_install(void);

/* Syncs wait from now on, until fake_disk_release(). */
void fake_disk_hold(void);
bool fake_disk_is_held(void); /* a sync waits */
void fake_disk_release(void);

/* Writes and syncs fail from now on: ENOSPC (as a full disk) or EIO; 0: they work again. */
void fake_disk_refuse(int number);

/* How many syncs there have been. */
uint64_t fake_disk_syncs(void);

/* The thread that comes to the n-th write or sync from now (1: the next) writes a byte to the descriptor and
 * goes no further; for a process that somebody kills then. */
void fake_disk_stop_at(uint64_t n, int fd);
