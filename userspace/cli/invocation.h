/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The command line, taken apart. In: argv. Out: which row of the command table it names, the values of its
 * options, its arguments. Knows the form of options; what each command accepts is in the table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define CLI_DEFAULT_SOCKET "/run/svcconnect/api.sock"

/* Exit statuses of the program; `run` passes on its command's instead. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1, /* refused or failed */
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3, /* no daemon on the socket */
};

/* A new option is a name here, a row in cli_option_rows and its use; the rows of commands list it. */
enum cli_option {
    OPTION_NONE, /* ends a list of options */
    OPTION_SOCKET,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_NAMESPACE,
    OPTION_ADDRESS,
    OPTION_ID,
    OPTION_WEIGHT,
    OPTION_HEALTH,
    OPTION_PROTOCOL,
    OPTION_ZONE,
    OPTION_CGROUP,
    OPTION_CONTAINER,
    OPTION_UNIT,
    OPTION_ALL,
    OPTION_SERVICE,
    OPTION_FILE,
    OPTION_DRY_RUN,
    OPTION_CLIENT,
    OPTION_FOLLOW,
    OPTION_FAILED,
    OPTION_SLOW,
    OPTION_LOG_FILE,
    OPTION_ROTATE,
    OPTION_KEEP,
    OPTION_JOURNAL,
    OPTION_TIMEOUT,
    OPTION_KILL,
    OPTION_NOW,
    OPTION_FOR,
    OPTION_FROM,
    OPTION_TO,
    OPTION_STRATEGY,
    OPTION_STEP,
    OPTION_PERCENT,
    OPTION_INTERVAL,
    OPTION_MAX_FAILURES,
    OPTION_MIN_CONNECTS,
    OPTION_ON_EMPTY,
    OPTION_NAME,
    OPTION_READ_ONLY,
    OPTION_OUTPUT,
    OPTION_WIDE,
    OPTION_FILTER,
    OPTION_SORT,
    OPTION_WATCH,
    OPTION_TASK,
    OPTION_PID,
    OPTION_VERBOSE,
    OPTION_LIMIT,
    OPTION_STATE_DIR,
    OPTION_OTHER,
    OPTION_ONCE,
    OPTION_CHECK,
    OPTION_CONFIG,
    OPTION_MODE,
    OPTION_HOSTS,
    OPTION_MAX,
};

/* What a value or an argument is: what completion offers for it. */
enum cli_value {
    VALUE_NONE,  /* nothing is known of it */
    VALUE_WORDS, /* of an option: one of the words of its metavar */
    VALUE_FILE,  /* a path */
    VALUE_NAMESPACE,
    VALUE_SERVICE,
    VALUE_ID,     /* of an instance of the service before it */
    VALUE_HEALTH, /* healthy, unhealthy */
    VALUE_ALIAS,  /* DNSNAME:PORT */
    VALUE_TARGET, /* SERVICE= */
    VALUE_TASK,   /* the cgroup of a task, or a path */
    VALUE_CONTAINER,
    VALUE_SETTING, /* NAME=VALUE of a setting */
    VALUE_SET,     /* a service, or a setting of every service */
    VALUE_KEY,     /* the name of a key pair */
    VALUE_COLUMN,  /* of the command's list */
    VALUE_FILTER,  /* COLUMN= */
    VALUE_COMMAND, /* words of a command */
    VALUE_PROGRAM, /* a command line of its own, from here on */
};

struct cli_option_row {
    const char *name;    /* without the dashes */
    const char *metavar; /* NULL: a flag; in [brackets]: a number that may be left out */
    const char *help;
    char letter; /* short form, or NUL */
    enum cli_value value;
};

extern const struct cli_option_row cli_option_rows[OPTION_MAX]; /* that of OPTION_NONE is empty */

/* What every command takes, up to OPTION_NONE. */
extern const enum cli_option cli_common_options[];

struct command;

struct invocation {
    const struct command *command; /* NULL: none was given */
    const char *socket_path;
    bool is_json;
    bool wants_help;
    const char *options[OPTION_MAX]; /* the value, "" of a flag, NULL: not given; of several the last */
    const char **files;              /* every value of --file, in order; owned, the strings are argv's */
    size_t file_count;
    const char **filters; /* every value of --filter, likewise */
    size_t filter_count;
    char **arguments; /* NULL-terminated, owned; the strings are argv's */
    size_t argument_count;
    char **program; /* what follows `--`, NULL-terminated; NULL: there was no `--` */
};

/*
 * Fills *invocation (zeroed by the caller, who releases it in any case). -EINVAL: not a valid command line,
 * the sentence is in `error`; command, is_json and socket_path are then as far as they were understood.
 * -ENOMEM.
 */
int invocation_parse(int argc, char **argv, struct invocation *invocation, struct error *error);

void invocation_done(struct invocation *invocation);

/* The -n value, or "default": for messages. */
const char *invocation_namespace(const struct invocation *invocation);
