/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rows of the command table, a file for each kind of command; an empty row ends each. Read by command_table.c alone. */
#pragma once

#include "base/cleanup.h"
#include "cli/command_table.h"

#define OPTIONS(...) ((const enum cli_option[]){__VA_ARGS__, OPTION_NONE})

extern const struct command change_rows[];
extern const struct command route_rows[];
extern const struct command host_rows[];
extern const struct command read_rows[];
