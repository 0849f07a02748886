/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* `help`, `version` and the texts of --help, all from the command table. */
#include "cli/commands/help.h"

#include <errno.h>
#include <string.h>

#include "base/commit.h"
#include "cli/commands/commands.h"
#include "cli/report.h"

void help_usage_line(const struct command *command, char *text, size_t size)
{
    (void)snprintf(text, size, "svcconnect %s%s%s%s%s", command->word, command->second_word ? " " : "",
                   command->second_word ? command->second_word : "", command->synopsis ? " " : "",
                   command->synopsis ? command->synopsis : "");
}

static void print_option(FILE *out, const struct cli_option_row *row)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s%.1s%s--%s%s%s", row->letter ? "-" : "", &row->letter,
                   row->letter ? ", " : "", row->name, row->metavar ? " " : "",
                   row->metavar ? row->metavar : "");
    (void)fprintf(out, "  %-28s %s\n", text, row->help);
}

void help_print_all(FILE *out)
{
    const struct command *row;

    (void)fprintf(out, "usage: svcconnect [--socket PATH] [--json] COMMAND ...\n\ncommands:\n");
    for (size_t i = 0; (row = command_at(i)); i++) {
        char words[32];

        if (row->is_hidden)
            continue;
        (void)snprintf(words, sizeof(words), "%s%s%s", row->word, row->second_word ? " " : "",
                       row->second_word ? row->second_word : "");
        (void)fprintf(out, "  %-16s %s\n", words, row->summary);
    }
    (void)fprintf(out, "\noptions of every command:\n");
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++)
        if (command_takes(NULL, i))
            print_option(out, &cli_option_rows[i]);
    (void)fprintf(out, "\nexit status: 0 done, 1 refused or failed, 2 wrong usage, 3 daemon not reachable\n"
                       "svcconnect help COMMAND tells more of one.\n");
}

void help_print_command(FILE *out, const struct command *command)
{
    char usage[512];

    help_usage_line(command, usage, sizeof(usage));
    (void)fprintf(out, "usage: %s\n\n%s\n", usage, command->summary);
    if (command->details)
        (void)fprintf(out, "%s\n", command->details);
    (void)fprintf(out, "\noptions:\n");
    for (enum cli_option i = OPTION_NONE + 1; i < OPTION_MAX; i++)
        if (command_takes(command, i))
            print_option(out, &cli_option_rows[i]);
    if (command->print_more)
        command->print_more(out);
}

int command_help(const struct invocation *invocation)
{
    const char *word = invocation->arguments[0];
    const char *second = word ? invocation->arguments[1] : NULL;
    const struct command *row;
    bool found = false;

    if (!word) {
        help_print_all(stdout);
        return CLI_DONE;
    }
    for (size_t i = 0; (row = command_at(i)); i++) {
        if (strcmp(row->word, word) != 0)
            continue;
        if (second && (!row->second_word || strcmp(row->second_word, second) != 0))
            continue;
        if (found)
            (void)putchar('\n');
        found = true;
        help_print_command(stdout, row);
    }
    if (!found)
        return report_usage(invocation, "\"%s%s%s\" is no command", word, second ? " " : "",
                            second ? second : "");
    return CLI_DONE;
}

int command_version(const struct invocation *invocation)
{
    if (invocation->is_json)
        (void)printf("{\"version\": \"%s\", \"commit\": \"%s\"}\n", SVC_VERSION, commit_of_build);
    else
        (void)printf("svcconnect %s (commit %s)\n", SVC_VERSION, commit_of_build);
    return CLI_DONE;
}
