/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * complete: the words of a command line up to the cursor in, what may stand there out. The completions of bash, zsh
 * and fish call it, so that they know what parsing knows. Lines that begin with a colon are for the shell: `:files`
 * (paths as well), `:nospace` (the word goes on), `:program` (a command line of its own begins with the word).
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/complete/daemon_options.h"
#include "cli/complete/values.h"

/* What has been read of the line before the cursor. */
struct line {
    struct invocation invocation;
    const struct command *command;
    const char *group;        /* the first of two words; NULL: none */
    enum cli_option awaiting; /* the option whose value comes next */
    bool is_program;          /* behind the -- of run */
};

/* As the shell would read a word that has begun: without quotes and backslashes. In place. */
static void unquote(char *word)
{
    char *to = word;
    char quote = 0;

    for (char *from = word; *from; from++) {
        if (*from == quote)
            quote = 0;
        else if (!quote && (*from == '\'' || *from == '"'))
            quote = *from;
        else if (*from == '\\' && quote != '\'' && from[1])
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *to = '\0';
}

static enum cli_option option_of(const char *word, size_t length)
{
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++) {
        const struct cli_option_row *row = &cli_option_rows[i];

        if ((length == strlen(row->name) + 2 && strncmp(word, "--", 2) == 0 &&
             strncmp(word + 2, row->name, length - 2) == 0) ||
            (length == 2 && row->letter && word[0] == '-' && word[1] == row->letter))
            return i;
    }
    return OPTION_NONE;
}

static void read_option(struct line *line, char *word)
{
    char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    enum cli_option option = option_of(word, equals ? (size_t)(equals - word) : strlen(word));
    const char *metavar = option == OPTION_NONE ? NULL : cli_option_rows[option].metavar;

    if (option == OPTION_NONE && word[1] != '-' && word[1]) {
        option = option_of(word, 2); /* -nNS */
        metavar = option == OPTION_NONE ? NULL : cli_option_rows[option].metavar;
        if (metavar)
            line->invocation.options[option] = word + 2;
    } else if (metavar && equals) {
        line->invocation.options[option] = equals + 1;
    } else if (metavar && metavar[0] != '[') {
        line->awaiting = option;
    }
}

static void read_word(struct line *line, char *word)
{
    if (line->is_program)
        return;
    if (line->awaiting != OPTION_NONE) {
        line->invocation.options[line->awaiting] = word;
        line->awaiting = OPTION_NONE;
    } else if (strcmp(word, "--") == 0) {
        line->is_program = line->command && line->command->takes_program;
    } else if (word[0] == '-' && word[1]) {
        read_option(line, word);
    } else if (!line->command && !line->group) {
        line->command = command_find_words(word, NULL);
        line->group = command_is_group(word) ? word : NULL;
    } else if (line->group && line->invocation.argument_count == 0 && command_find_words(line->group, word) &&
               command_find_words(line->group, word)->second_word) {
        line->command = command_find_words(line->group, word);
        line->group = NULL;
    } else {
        line->invocation.arguments[line->invocation.argument_count++] = word;
    }
}

static void offer_options(const struct place *place)
{
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++) {
        char text[40];

        (void)snprintf(text, sizeof(text), "--%s", cli_option_rows[i].name);
        if (command_takes(place->command, i))
            place_offer(place, text, cli_option_rows[i].help);
    }
    if (!place->command)
        place_offer(place, "--version", "print the version");
    if (place->command && place->command->takes_program)
        place_offer(place, "--", "the program to run follows");
}

static void offer_option_value(const struct place *place, enum cli_option option)
{
    const struct cli_option_row *row = &cli_option_rows[option];

    if (row->value == VALUE_WORDS)
        place_offer_words(place, row->metavar);
    else
        place_offer_values(place, row->value);
}

static void offer_argument(const struct line *line, const struct place *place)
{
    size_t index = line->invocation.argument_count;
    const struct command *command = line->command;
    size_t last = ARRAY_SIZE(command->takes) - 1;

    if (index >= command->most_arguments)
        return;
    while (last > 0 && command->takes[last] == VALUE_NONE)
        last--;
    if (index > last && command->most_arguments != COMMAND_ANY_ARGUMENTS)
        return;
    place_offer_values(place, command->takes[index > last ? last : index]);
}

/* "--option=VALUE": values with the option before them, as one word. */
static void offer_joined(const struct place *place, const char *equals)
{
    enum cli_option option = option_of(place->typed, (size_t)(equals - place->typed));
    struct place inner = *place;

    if (option == OPTION_NONE || !command_takes(place->command, option))
        return;
    inner.typed = equals + 1;
    (void)printf(":prefix %.*s\n", (int)(equals + 1 - place->typed), place->typed);
    offer_option_value(&inner, option);
}

static void offer(const struct line *line, const struct place *place)
{
    const char *equals = strncmp(place->typed, "--", 2) == 0 ? strchr(place->typed, '=') : NULL;
    struct invocation group = line->invocation;
    char *first[] = {(char *)line->group, NULL}; /* only read */
    struct place inner = *place;

    if (line->is_program) {
        place_offer_values(place, VALUE_PROGRAM);
    } else if (line->awaiting != OPTION_NONE) {
        offer_option_value(place, line->awaiting);
    } else if (equals) {
        offer_joined(place, equals);
    } else if (place->typed[0] == '-') {
        offer_options(place);
    } else if (line->group || !line->command) {
        group.arguments = first;
        group.argument_count = line->group != NULL;
        inner.invocation = &group;
        place_offer_values(&inner, VALUE_COMMAND);
    } else {
        offer_argument(line, place);
    }
}

int command_complete(const struct invocation *invocation)
{
    char **words = invocation->program;
    _cleanup_free_ char **arguments = NULL;
    struct line line = {.invocation = *invocation};
    struct place place = {0};
    size_t count = 0;

    while (words[count])
        unquote(words[count++]);
    arguments = calloc(count + 1, sizeof(*arguments));
    if (!arguments || count < 2)
        return CLI_FAILED;
    if (daemon_options_is(words[0])) {
        daemon_options_offer(words[0], words[count - 2], words[count - 1]);
        return CLI_DONE;
    }
    line.invocation.arguments = arguments;
    line.invocation.argument_count = 0;
    for (size_t i = 1; i + 1 < count; i++)
        read_word(&line, words[i]);
    if (line.invocation.options[OPTION_SOCKET])
        line.invocation.socket_path = line.invocation.options[OPTION_SOCKET];
    place =
        (struct place){.invocation = &line.invocation, .command = line.command, .typed = words[count - 1]};
    offer(&line, &place);
    return CLI_DONE;
}
