/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One look at the directory: files that are new or have changed are applied in alphabetical order, and then
 * what came from files that are gone is removed. Private to apply/.
 */
#pragma once

#include "apply/services_dir.h"

/* Begins one, or lets another follow the one under way. */
void services_scan(struct services_dir *dir);
void services_scan_done(struct services_dir *dir);

/* services_dir.c: when a burst of events is over. */
void services_dir_scan_soon(struct services_dir *dir);
