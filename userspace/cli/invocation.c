/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * argv in, struct invocation out. Before the command stand only the options of the program itself; after it
 * options and arguments mix freely up to `--`.
 */
#include "cli/invocation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_table.h"

#define DEFAULT_SOCKET "/run/svcconnect/api.sock"

const struct cli_option_row cli_option_rows[OPTION_MAX] = {
    [OPTION_SOCKET] = {"socket", "PATH", "the daemon's socket ($SVCCONNECT_SOCKET, " DEFAULT_SOCKET ")", 0},
    [OPTION_JSON] = {"json", NULL, "JSON on standard output, errors as JSON on standard error", 0},
    [OPTION_HELP] = {"help", NULL, "show this help", 'h'},
    [OPTION_NAMESPACE] = {"namespace", "NS", "namespace", 'n'},
    [OPTION_ADDRESS] = {"address", "IP:PORT", "where the instance listens; IPv6 as [IP]:PORT", 0},
    [OPTION_ID] = {"id", "ID", "the instance's id (IP:PORT)", 0},
    [OPTION_WEIGHT] = {"weight", "N", "its share among the service's instances, 0 to 65535 (1)", 0},
    [OPTION_HEALTH] = {"health", "HEALTHY|UNHEALTHY", "its health (HEALTHY)", 0},
    [OPTION_PROTOCOL] = {"protocol", "tcp|udp", "protocol (tcp)", 0},
    [OPTION_CGROUP] = {"cgroup", "PATH", "cgroup directory, or its path below the cgroup v2 mount", 0},
    [OPTION_ALL] = {"all", NULL, "every task", 0},
    [OPTION_SERVICE] = {"service", "NAME", "the service that the task itself belongs to", 0},
    [OPTION_FILE] = {"file", "FILE|DIR|-", "a document, a directory of *.json, or standard input; repeatable",
                     'f'},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "say what would change, change nothing", 0},
    [OPTION_CLIENT] = {"client", "SERVICE", "only for the tasks of this client service", 0},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS", "how long open connections are waited for (the service's)", 0},
    [OPTION_KILL] = {"kill", NULL, "close what is open when the time is over", 0},
    [OPTION_NOW] = {"now", NULL, "without waiting for open connections", 0},
    [OPTION_FOR] = {"for", "SECONDS", "for how long (the service's first ejection time)", 0},
    [OPTION_FOLLOW] = {"follow", NULL, "go on with what happens, until interrupted", 0},
    [OPTION_FROM] = {"from", "SERVICE", "the service that the alias leads to now", 0},
    [OPTION_TO] = {"to", "SERVICE", "the service that it shall lead to", 0},
    [OPTION_STRATEGY] = {"strategy", "linear|canary", "equal steps, or one small one and then all (linear)",
                         0},
    [OPTION_STEP] = {"step", "PERCENT", "linear: size of a step, 3.0 to 100.0 (10)", 0},
    [OPTION_PERCENT] = {"percent", "PERCENT", "canary: the first share, 0.1 to 100.0 (5)", 0},
    [OPTION_INTERVAL] =
        {"interval", "DURATION",
         "how long each step is watched, as 30s, 6m or 1h, at most 24h (linear 6m, canary 10m)", 0},
    [OPTION_MAX_FAILURES] = {"max-failures", "PERCENT",
                             "roll back when more of a step's connects fail; 100: never (5)", 0},
    [OPTION_MIN_CONNECTS] = {"min-connects", "N",
                             "judge a step by no fewer connects; with fewer it passes (20)", 0},
    [OPTION_ON_EMPTY] = {"on-empty", "refuse|unhealthy",
                         "with no healthy endpoint: refuse, or take the others", 0},
    [OPTION_NAME] = {"name", "NAME", "name of the key pair (default: default)", 0},
    [OPTION_READ_ONLY] = {"read-only", NULL, "the key pair may change nothing", 0},
};

const enum cli_option cli_common_options[] = {OPTION_SOCKET, OPTION_JSON, OPTION_HELP, OPTION_NONE};

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

/* Option at words[0]: stores its value, moves past it. `value` is what the same word holds of it, or NULL. */
static int store_option(struct parser *parser, enum cli_option option, const char *value)
{
    const struct command *command = parser->invocation->command;
    const char *word = parser->words[0];

    if (option == OPTION_NONE || (!command_takes(command, option) && command))
        return error_set(parser->error, EINVAL, "unknown option %s", word);
    if (!command_takes(command, option))
        return error_set(parser->error, EINVAL, "%s stands after the command", word);
    if (!cli_option_rows[option].metavar) {
        if (value)
            return error_set(parser->error, EINVAL, "--%s takes no value", cli_option_rows[option].name);
        parser->words++;
        value = "";
    } else if (value) {
        parser->words++;
    } else {
        value = parser->words[1];
        parser->words += value ? 2 : 1;
    }
    if (cli_option_rows[option].metavar && (!value || !*value))
        return error_set(parser->error, EINVAL, "--%s wants a value: %s", cli_option_rows[option].name,
                         cli_option_rows[option].metavar);
    parser->invocation->options[option] = value;
    if (option == OPTION_FILE)
        parser->invocation->files[parser->invocation->file_count++] = value;
    if (option == OPTION_JSON)
        parser->invocation->is_json = true;
    if (option == OPTION_HELP)
        parser->invocation->wants_help = true;
    return 0;
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
        return error_set(parser->error, EINVAL, "\"%s\" is no command; svcconnect help lists them", first);
    if (second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
        /* The help of a group is what `help GROUP` prints. */
        parser->invocation->command = command_find_words("help", NULL);
        parser->invocation->arguments[parser->invocation->argument_count++] = parser->words[0];
        parser->words += 2;
        return 0;
    }
    if (second && !is_option(second))
        return error_set(parser->error, EINVAL, "\"%s %s\" is no command; see svcconnect help %s", first,
                         second, first);
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
    if (invocation->argument_count > command->most_arguments)
        return error_set(error, EINVAL, "unexpected argument \"%s\"",
                         invocation->arguments[command->most_arguments]);
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
            return invocation->wants_help ? 0 : error_set(parser->error, EINVAL, "a command is missing");
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
        if (strcmp(*argv, "--json") == 0)
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
    if (!invocation->arguments || !invocation->files)
        return error_errno(error, ENOMEM, "cannot read the command line");
    r = parse(&parser);
    if (r < 0)
        invocation->is_json = mentions_json(argv);
    invocation->socket_path = invocation->options[OPTION_SOCKET];
    if (!invocation->socket_path)
        invocation->socket_path = from_environment && *from_environment ? from_environment : DEFAULT_SOCKET;
    return r;
}

void invocation_done(struct invocation *invocation)
{
    free(invocation->arguments);
    free(invocation->files);
    *invocation = (struct invocation){0};
}

const char *invocation_namespace(const struct invocation *invocation)
{
    return invocation->options[OPTION_NAMESPACE] ? invocation->options[OPTION_NAMESPACE] : "default";
}
