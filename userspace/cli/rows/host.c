/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Commands about this host, its tasks, keys, and the program itself. */
#include "cli/commands/commands.h"
#include "cli/rows/rows.h"

const struct command host_rows[] = {
    {
        .word = "attach",
        .synopsis = "--cgroup PATH | --pid PID | --container NAME|ID | --unit UNIT [-n NS] [--service NAME]",
        .summary = "make a cgroup a task: its processes reach the namespace's aliases",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CGROUP, OPTION_PID, OPTION_CONTAINER, OPTION_UNIT,
                           OPTION_SERVICE),
        .run = command_attach,
    },
    {
        .word = "detach",
        .synopsis = "--cgroup PATH | --all",
        .summary = "detach a task, or all",
        .options = OPTIONS(OPTION_CGROUP, OPTION_ALL),
        .run = command_detach,
    },
    {
        .word = "stop",
        .synopsis = "CONTAINER [--timeout DURATION]",
        .summary = "drain a container's instances, then have its runtime stop it",
        .details = "No new connections; what is open is waited for, as long as the container has to stop "
                   "(compose's\n"
                   "stop_grace_period, docker run --stop-timeout, 10 s) or --timeout says. Then its runtime "
                   "stops it, as\n"
                   "docker stop does. A container without svcconnect's labels is refused.",
        .options = OPTIONS(OPTION_TIMEOUT),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_CONTAINER},
        .run = command_stop,
    },
    {
        .word = "run",
        .synopsis = "[-n NS] [--service NAME] -- COMMAND ARGS...",
        .summary = "run a command as a task of its own, names resolving",
        .details =
            "The command gets a cgroup and an /etc/hosts of its own; both go when it ends, and with them "
            "what it\n"
            "left running. Needs root. Exit status: the command's; 127: not found, 126: cannot be executed;\n"
            "1 and 3 as elsewhere if it could not be started.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_SERVICE),
        .takes_program = true,
        .run = command_run,
    },
    {
        .word = "credentials",
        .second_word = "add",
        .synopsis = "--name NAME [--read-only] [-n NS]",
        .summary = "make a key pair for the AWS API",
        .details = "With --read-only it may change nothing, with -n see and change that namespace only.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_NAME, OPTION_READ_ONLY),
        .required = OPTIONS(OPTION_NAME),
        .run = command_credentials_add,
    },
    {
        .word = "credentials",
        .second_word = "list",
        .synopsis = "[--wide | -o wide|json]",
        .summary = "list the key pairs, without their secrets",
        .options = OPTIONS(OPTION_OUTPUT, OPTION_WIDE),
        .run = command_credentials_list,
    },
    {
        .word = "credentials",
        .second_word = "remove",
        .synopsis = "NAME",
        .summary = "take a key pair back at once",
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_KEY},
        .run = command_credentials_remove,
    },
    {
        .word = "credentials",
        .synopsis = "[--name NAME]",
        .summary = "print a key pair and the endpoint for a shell: eval \"$(svcconnect credentials)\"",
        .options = OPTIONS(OPTION_NAME),
        .run = command_credentials,
    },
    {
        .word = "registry",
        .second_word = "accept",
        .summary = "take the registry as it is, after status said that it is not the right one",
        .details =
            "What the registry does not account for was kept until now; it goes. Rows that cannot be read "
            "move\nbelow \"damaged/\" in the registry, damaged files stay beside it.",
        .run = command_registry_accept,
    },
    {
        .word = "registry",
        .second_word = "copy",
        .synopsis = "--from sqlite:FILE --to etcd:URL[,URL...] [--config FILE] [--dry-run]",
        .summary = "copy a host's own registry into that of a fleet",
        .details =
            "What the fleet has already stays; if it has a row otherwise nothing is copied. A copy that was "
            "interrupted\ngoes on when it is made again. Instances that are copied belong to no host: they "
            "stay until they are deregistered.\n"
            "Example: svcconnect registry copy --from sqlite:/var/lib/svcconnect/registry.db --to "
            "etcd:https://a:2379 --dry-run",
        .options = OPTIONS(OPTION_FROM, OPTION_TO, OPTION_CONFIG, OPTION_DRY_RUN),
        .run = command_registry_copy,
    },
    {
        .word = "registry",
        .second_word = "forget",
        .synopsis = "[HOST] [--from etcd:URL[,URL...]] [--config FILE] [--dry-run]",
        .summary = "take away what a host of a fleet left behind that never comes back",
        .details = "HOST is the text in the file host-id of its state directory; without one, all that have "
                   "something in "
                   "etcd are\nlisted. One that is there is refused.",
        .options = OPTIONS(OPTION_FROM, OPTION_CONFIG, OPTION_DRY_RUN),
        .most_arguments = 1,
        .run = command_registry_forget,
    },
    {
        .word = "backup",
        .synopsis = "FILE|- [--state-dir DIR]",
        .summary = "copy the registry and the AWS key pairs into one file, also while the daemon runs",
        .details = "The copy is of one moment, checked, has mode 0600 and replaces FILE only when it is "
                   "whole. Needs root.",
        .options = OPTIONS(OPTION_STATE_DIR),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_FILE},
        .run = command_backup,
    },
    {
        .word = "restore",
        .synopsis = "FILE|- [--dry-run] [--other] [--state-dir DIR]",
        .summary = "go back to a backup: what runs follows it, and what was there is kept beside it",
        .details =
            "The file is checked first. A running daemon makes what differs as one change; without one the "
            "file\nbecomes the registry and the next start goes by it. It ends a degraded state of the "
            "registry.\nWith --dry-run it is only told what would change. Needs root.",
        .options = OPTIONS(OPTION_DRY_RUN, OPTION_OTHER, OPTION_STATE_DIR),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_FILE},
        .run = command_restore,
    },
    {
        .word = "doctor",
        .summary = "check this host and the daemon, with the next step for what is wrong",
        .details = "Exit status 1 if there is a problem; warnings alone give 0.",
        .run = command_doctor,
    },
    {
        .word = "help",
        .synopsis = "[COMMAND]",
        .summary = "show the commands, or one command's options",
        .most_arguments = 2,
        .takes = {VALUE_COMMAND},
        .run = command_help,
    },
    {
        .word = "version",
        .summary = "print the version",
        .run = command_version,
    },
    {
        .word = "complete",
        .synopsis = "-- WORDS...",
        .summary = "for the completion of shells: what may stand at the last of these words",
        .takes_program = true,
        .is_hidden = true,
        .run = command_complete,
    },
    {0},
};
