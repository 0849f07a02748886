/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The commands: one row each, with their words, what they accept, their help and the function
 * that does them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/invocation.h"

struct list;

struct command {
    const char *word;
    const char *second_word;         /* NULL: a command of one word */
    const char *synopsis;            /* what follows the words, without the options every command takes */
    const char *summary;             /* one line */
    const char *details;             /* further lines of its help, or NULL */
    void (*print_more)(FILE *out);   /* a list at the end of its help, or NULL */
    const enum cli_option *options;  /* besides cli_common_options, up to OPTION_NONE; NULL: none */
    const enum cli_option *required; /* those of them that must be given, likewise */
    size_t least_arguments;
    size_t most_arguments;
    bool takes_program;      /* what follows `--` is a program to run */
    enum cli_value takes[3]; /* its arguments, for completion; the last holds for all that follow */
    const struct list *list; /* what list_command() lists, or NULL */
    bool is_hidden;          /* not in the help: for programs */
    /* Does the command and says what has to be said; returns the exit status. */
    int (*run)(const struct invocation *invocation);
};

#define COMMAND_ANY_ARGUMENTS ((size_t)-1)

/* The rows in the order of the help, from 0; NULL behind the last. */
const struct command *command_at(size_t index);

/* The row of whole words; a row of one word matches whatever `second` is. NULL: none. */
const struct command *command_find_words(const char *word, const char *second);

/* Does the command take this option? NULL: what every command takes. */
bool command_takes(const struct command *command, enum cli_option option);

/* Is `word` the first of two-word commands? */
bool command_is_group(const char *word);
