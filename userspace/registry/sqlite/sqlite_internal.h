/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files that speak to SQLite share. */
#pragma once

#define SQLITE_REGISTRY_FORMAT 1 /* PRAGMA user_version of a registry */

/* The errno that stands for an error code of SQLite's. */
int sqlite_error_number(int code);
