/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Questions to the table of commands. */
#include <string.h>

#include "cli/command_table.h"

const struct command *command_find_words(const char *word, const char *second)
{
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command *row = &command_rows[i];

        if (strcmp(row->word, word) == 0 &&
            (!row->second_word || (second && strcmp(row->second_word, second) == 0)))
            return row;
    }
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
    for (size_t i = 0; i < command_row_count; i++)
        if (command_rows[i].second_word && strcmp(command_rows[i].word, word) == 0)
            return true;
    return false;
}
