/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Help made from the command table. In: rows. Out: text on a stream. */
#pragma once

#include <stdio.h>

#include "cli/command_table.h"

/* The list of all commands. */
void help_print_all(FILE *out);

/* One command: usage line, what it does, its options. */
void help_print_command(FILE *out, const struct command *command);

/* "svcconnect route set DNSNAME[:PORT] ..." into `text`, cut to `size`. */
void help_usage_line(const struct command *command, char *text, size_t size);
