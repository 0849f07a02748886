/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The table that parsing, help, completion and main() read. Its order is the order of the help. */
#include <string.h>

#include "cli/rows/rows.h"

static const struct command *const parts[] = {change_rows, route_rows, read_rows, host_rows};

const struct command *command_at(size_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        for (const struct command *row = parts[i]; row->word; row++)
            if (index-- == 0)
                return row;
    return NULL;
}

const struct command *command_find_words(const char *word, const char *second)
{
    const struct command *row;

    for (size_t i = 0; (row = command_at(i)); i++)
        if (strcmp(row->word, word) == 0 &&
            (!row->second_word || (second && strcmp(row->second_word, second) == 0)))
            return row;
    return NULL;
}

static bool has_option(const enum cli_option *list, enum cli_option option)
{
    for (; list && *list != OPTION_NONE; list++)
        if (*list == option)
            return true;
    return false;
}

bool command_takes(const struct command *command, enum cli_option option)
{
    return has_option(cli_common_options, option) || (command && has_option(command->options, option));
}

bool command_is_group(const char *word)
{
    const struct command *row;

    for (size_t i = 0; (row = command_at(i)); i++)
        if (row->second_word && strcmp(row->word, word) == 0)
            return true;
    return false;
}
