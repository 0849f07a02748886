/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * argv in, struct invocation out. Before the command stand only the options of the program itself; after it
 * options and arguments mix freely up to `--`.
 */
#include "cli/invocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/near_miss.h"
#include "cli/command_table.h"

struct parser {
    struct invocation *invocation;
    struct error *error;
    char **words; /* the rest of argv */
};

static enum cli_option find_long(const char *name, size_t length)
{
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++)
        if (strlen(cli_option_rows[i].name) == length && memcmp(cli_option_rows[i].name, name, length) == 0)
            return i;
    return OPTION_NONE;
}

static enum cli_option find_letter(char letter)
{
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++)
        if (letter && cli_option_rows[i].letter == letter)
            return i;
    return OPTION_NONE;
}

/* "[SECONDS]": a value that may be missing, and is a number where it stands in a word of its own. */
static bool may_lack_value(enum cli_option option)
{
    return cli_option_rows[option].metavar && cli_option_rows[option].metavar[0] == '[';
}

/* What an option means beyond its value. */
static int note_option(struct parser *parser, enum cli_option option, const char *value)
{
    struct invocation *invocation = parser->invocation;

    invocation->options[option] = value;
    if (option == OPTION_FILE)
        invocation->files[invocation->file_count++] = value;
    if (option == OPTION_FILTER)
        invocation->filters[invocation->filter_count++] = value;
    if (option == OPTION_HELP)
        invocation->wants_help = true;
    if (option == OPTION_JSON || (option == OPTION_OUTPUT && strcmp(value, "json") == 0))
        invocation->is_json = true;
    else if (option == OPTION_OUTPUT && strcmp(value, "wide") == 0)
        invocation->options[OPTION_WIDE] = "";
    else if (option == OPTION_OUTPUT && strcmp(value, "name") != 0)
        return error_set(parser->error, EINVAL, "-o: \"%s\" is not allowed; allowed: wide, json, name",
                         value);
    return 0;
}

/* Of what the command takes, the option that was probably meant. */
static int no_option(struct error *error, const struct command *command, const char *word)
{
    char name[64], question[128] = "";
    struct near_miss search;

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    near_miss_begin(&search, name + strspn(name, "-"));
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++)
        if (command_takes(command, i))
            (void)near_miss_try(&search, cli_option_rows[i].name);
    if (search.best && word[1] == '-')
        (void)snprintf(question, sizeof(question), " (did you mean --%s?)", search.best);
    return error_set(error, EINVAL, "%s is no option%s%s; svcconnect help%s%s lists them", name,
                     command ? " of this command" : "", question, command ? " " : "",
                     command ? command->word : "");
}

/* Option at words[0]: stores its value, moves past it. `value` is what the same word holds of it, or NULL. */
static int store_option(struct parser *parser, enum cli_option option, const char *value)
{
    const struct command *command = parser->invocation->command;
    const char *word = parser->words[0];

    if (option == OPTION_NONE || (!command_takes(command, option) && command))
        return no_option(parser->error, command, word);
    if (!command_takes(command, option))
        return error_set(parser->error, EINVAL, "%s stands after the command", word);
    if (!cli_option_rows[option].metavar) {
        if (value)
            return error_set(parser->error, EINVAL, "--%s takes no value", cli_option_rows[option].name);
        parser->words++;
        value = "";
    } else if (value) {
        parser->words++;
    } else if (may_lack_value(option) &&
               !(parser->words[1] && *parser->words[1] >= '0' && *parser->words[1] <= '9')) {
        value = "";
        parser->words++;
    } else {
        value = parser->words[1];
        parser->words += value ? 2 : 1;
    }
    if (cli_option_rows[option].metavar && !may_lack_value(option) && (!value || !*value))
        return error_set(parser->error, EINVAL, "--%s wants a value: %s", cli_option_rows[option].name,
                         cli_option_rows[option].metavar);
    return note_option(parser, option, value);
}

static int parse_option(struct parser *parser)
{
    const char *word = parser->words[0];
    const char *equals = strchr(word, '=');

    if (word[1] != '-')
        return store_option(parser, find_letter(word[1]), word[2] ? word + 2 : NULL);
    if (equals)
        return store_option(parser, find_long(word + 2, (size_t)(equals - word) - 2), equals + 1);
    return store_option(parser, find_long(word + 2, strlen(word) - 2), NULL);
}

/* "-5" is an argument: a number that the command then refuses by name. So is "-" alone. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

static int parse_before_command(struct parser *parser)
{
    while (*parser->words && is_option(*parser->words)) {
        int r;

        if (strcmp(*parser->words, "--version") == 0) {
            parser->invocation->command = command_find_words("version", NULL);
            parser->words++;
            return 0;
        }
        r = parse_option(parser);
        if (r < 0)
            return r;
    }
    return 0;
}

/* `group` NULL: the first word is the wrong one. */
static int no_command(struct error *error, const char *group, const char *word)
{
    char question[128] = "";
    const struct command *row;
    struct near_miss search;

    near_miss_begin(&search, word);
    for (size_t i = 0; (row = command_at(i)); i++) {
        if (!group)
            (void)near_miss_try(&search, row->word);
        else if (strcmp(row->word, group) == 0 && row->second_word)
            (void)near_miss_try(&search, row->second_word);
    }
    if (search.best)
        (void)snprintf(question, sizeof(question), " (did you mean \"%s%s%s\"?)", group ? group : "",
                       group ? " " : "", search.best);
    return error_set(error, EINVAL, "there is no command \"%s%s%s\"%s; svcconnect help%s%s lists them",
                     group ? group : "", group ? " " : "", word, question, group ? " " : "",
                     group ? group : "");
}

static int parse_command(struct parser *parser)
{
    const char *first = parser->words[0];
    const char *second = parser->words[1];
    const struct command *command = command_find_words(first, second);

    if (command) {
        parser->invocation->command = command;
        parser->words += command->second_word ? 2 : 1;
        return 0;
    }
    if (!command_is_group(first))
        return no_command(parser->error, NULL, first);
    if (second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
        /* The help of a group is what `help GROUP` prints. */
        parser->invocation->command = command_find_words("help", NULL);
        parser->invocation->arguments[parser->invocation->argument_count++] = parser->words[0];
        parser->words += 2;
        return 0;
    }
    if (second && !is_option(second))
        return no_command(parser->error, first, second);
    return error_set(parser->error, EINVAL, "\"%s\" wants another word; see svcconnect help %s", first,
                     first);
}

static int parse_after_command(struct parser *parser)
{
    struct invocation *invocation = parser->invocation;

    while (*parser->words) {
        if (strcmp(*parser->words, "--") == 0) {
            parser->words++;
            if (invocation->command->takes_program) {
                invocation->program = parser->words;
                return 0;
            }
            while (*parser->words)
                invocation->arguments[invocation->argument_count++] = *parser->words++;
        } else if (is_option(*parser->words)) {
            int r = parse_option(parser);

            if (r < 0)
                return r;
        } else {
            invocation->arguments[invocation->argument_count++] = *parser->words++;
        }
    }
    return 0;
}

static int invocation_check_form(const struct invocation *invocation, struct error *error)
{
    const struct command *command = invocation->command;

    if (invocation->argument_count > command->most_arguments)
        return error_set(error, EINVAL, "unexpected argument \"%s\"",
                         invocation->arguments[command->most_arguments]);
    for (const enum cli_option *i = command->required; i && *i != OPTION_NONE; i++)
        if (!invocation->options[*i])
            return error_set(error, EINVAL, "--%s %s is missing", cli_option_rows[*i].name,
                             cli_option_rows[*i].metavar);
    if (command->takes_program && !invocation->program)
        return error_set(error, EINVAL, "-- is missing before the program to run");
    if (command->takes_program && !*invocation->program)
        return error_set(error, EINVAL, "the program to run is missing after --");
    if (invocation->argument_count < command->least_arguments)
        return error_set(error, EINVAL, "%s arguments: %zu given",
                         invocation->argument_count ? "too few" : "missing", invocation->argument_count);
    return 0;
}

static int parse(struct parser *parser)
{
    struct invocation *invocation = parser->invocation;
    int r = parse_before_command(parser);

    if (r < 0)
        return r;
    if (!invocation->command) {
        if (!*parser->words)
            return invocation->wants_help
                       ? 0
                       : error_set(parser->error, EINVAL, "no command was given; svcconnect help lists them");
        r = parse_command(parser);
        if (r < 0)
            return r;
    }
    r = parse_after_command(parser);
    if (r < 0 || invocation->wants_help)
        return r;
    return invocation_check_form(invocation, parser->error);
}

/* An error is to be told as JSON even if it was met before --json was. */
static bool mentions_json(char **argv)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++)
        if (strcmp(*argv, "--json") == 0 || strcmp(*argv, "-ojson") == 0 ||
            (strcmp(*argv, "-o") == 0 && argv[1] && strcmp(argv[1], "json") == 0))
            return true;
    return false;
}

int invocation_parse(int argc, char **argv, struct invocation *invocation, struct error *error)
{
    const char *from_environment = getenv("SVCCONNECT_SOCKET");
    struct parser parser = {invocation, error, argv + (argc > 0)};
    int r;

    invocation->arguments = calloc((size_t)argc + 1, sizeof(*invocation->arguments));
    invocation->files = calloc((size_t)argc + 1, sizeof(*invocation->files));
    invocation->filters = calloc((size_t)argc + 1, sizeof(*invocation->filters));
    if (!invocation->arguments || !invocation->files || !invocation->filters)
        return error_errno(error, ENOMEM, "cannot read the command line");
    r = parse(&parser);
    if (r < 0)
        invocation->is_json = mentions_json(argv);
    invocation->socket_path = invocation->options[OPTION_SOCKET];
    if (!invocation->socket_path)
        invocation->socket_path =
            from_environment && *from_environment ? from_environment : CLI_DEFAULT_SOCKET;
    return r;
}

void invocation_done(struct invocation *invocation)
{
    free(invocation->arguments);
    free(invocation->files);
    free(invocation->filters);
    *invocation = (struct invocation){0};
}

const char *invocation_namespace(const struct invocation *invocation)
{
    return invocation->options[OPTION_NAMESPACE] ? invocation->options[OPTION_NAMESPACE] : "default";
}
