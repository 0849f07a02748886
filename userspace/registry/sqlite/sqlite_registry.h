/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The embedded registry: one SQLite file (WAL, synchronous=FULL). Rows under "host/" are this host's own. */
#pragma once

#include "registry/registry.h"

/*
 * Opens or creates the file (mode 0600). -ENOTSUP: a newer version's; -EUCLEAN: damaged, or no registry at
 * all (sqlite_salvage.h). A load says -EUCLEAN where it comes upon damage later, having passed every page of
 * the one table there is, which is why nothing is checked before.
 */
int sqlite_registry_open(const char *path, struct registry **ret_registry, struct error *error);
