/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The embedded registry: one SQLite file (WAL, synchronous=FULL). Rows under "host/" are this host's own. */
#pragma once

#include "registry/registry.h"

/* Opens or creates the file (mode 0600). -EUCLEAN: it is not a registry this version reads. */
int sqlite_registry_open(const char *path, struct registry **ret_registry, struct error *error);
