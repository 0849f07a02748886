/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Commands that change what is registered. */
#include "cli/commands/commands.h"
#include "cli/rows/rows.h"
#include "cli/settings_help.h"

const struct command change_rows[] = {
    {
        .word = "apply",
        .synopsis = "-f FILE|DIR|- [-f ...] [--dry-run] [-v] [-n NS]",
        .summary = "put ECS documents (services, task definitions, routes) into force: all or none",
        .details =
            "Each file holds one JSON document or an array of them; of a directory every *.json is taken,\n"
            "sorted, without those that begin with a dot. -n names the namespace of documents that name "
            "none.\n"
            "Applying a changed document again updates what it published; an unchanged one changes nothing.\n"
            "It ends with a summary; -v and --dry-run show each change.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FILE, OPTION_DRY_RUN, OPTION_VERBOSE),
        .required = OPTIONS(OPTION_FILE),
        .run = command_apply,
    },
    {
        .word = "register",
        .synopsis = "SERVICE --address IP:PORT|HOST:PORT [--id ID] [--weight N] [--health HEALTHY|UNHEALTHY] "
                    "[--protocol tcp|udp] [--zone ZONE] [-n NS]\n       svcconnect register -f FILE|- "
                    "[--dry-run] [-n NS]",
        .summary = "register an instance, or replace it; an unknown service is created",
        .details =
            "With -f many at once: JSON objects, one a line or in one array, with the members service, "
            "address,\n"
            "id, weight, health, protocol, zone, namespace. They go in batches, each made whole or not at "
            "all.\n"
            "Example line: {\"service\": \"v1\", \"address\": \"10.0.0.1:8080\", \"weight\": 2}",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_ADDRESS, OPTION_ID, OPTION_WEIGHT, OPTION_HEALTH,
                           OPTION_PROTOCOL, OPTION_ZONE, OPTION_FILE, OPTION_DRY_RUN),
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_register,
    },
    {
        .word = "deregister",
        .synopsis = "SERVICE ID [--now] [-n NS]",
        .summary = "remove an instance; with open connections it drains first",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_NOW),
        .least_arguments = 2,
        .most_arguments = 2,
        .takes = {VALUE_SERVICE, VALUE_ID},
        .run = command_deregister,
    },
    {
        .word = "drain",
        .synopsis = "SERVICE ID [--timeout SECONDS] [--kill] [-n NS]",
        .summary = "no new connections; remove the instance when the open ones have ended",
        .details = "At the end of the time (20 s, the service's drainSeconds) it is removed in any case. "
                   "What is open\n"
                   "then goes on, or is closed with --kill where the kernel can do that. Registering the\n"
                   "instance again takes it back.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_TIMEOUT, OPTION_KILL),
        .least_arguments = 2,
        .most_arguments = 2,
        .takes = {VALUE_SERVICE, VALUE_ID},
        .run = command_drain,
    },
    {
        .word = "eject",
        .synopsis = "SERVICE ID [--for SECONDS] [-n NS]",
        .summary = "skip an endpoint for a while, as the kernel does after failed connections",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FOR),
        .least_arguments = 2,
        .most_arguments = 2,
        .takes = {VALUE_SERVICE, VALUE_ID},
        .run = command_eject,
    },
    {
        .word = "unject",
        .synopsis = "SERVICE ID [-n NS]",
        .summary = "take an ejected endpoint back at once, its failures forgotten",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 2,
        .most_arguments = 2,
        .takes = {VALUE_SERVICE, VALUE_ID},
        .run = command_unject,
    },
    {
        .word = "health",
        .synopsis = "SERVICE ID healthy|unhealthy [-n NS]",
        .summary = "set an instance's health; an unhealthy one gets no connections",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 3,
        .most_arguments = 3,
        .takes = {VALUE_SERVICE, VALUE_ID, VALUE_HEALTH},
        .run = command_health,
    },
    {
        .word = "weight",
        .synopsis = "SERVICE ID N [-n NS]",
        .summary = "set an instance's share among those of its service; 0: no connections",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 3,
        .most_arguments = 3,
        .takes = {VALUE_SERVICE, VALUE_ID},
        .run = command_weight,
    },
    {
        .word = "delete",
        .second_word = "service",
        .synopsis = "NAME [-n NS]",
        .summary = "delete a service with its instances; refused while a route leads to it",
        .details = "NAME may also be the serviceName of an applied document: it goes with what it published.",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_delete_service,
    },
    {
        .word = "delete",
        .synopsis = "-f FILE|- [--now] [--dry-run] [-n NS]",
        .summary = "deregister many instances, or delete many services",
        .details =
            "JSON objects as of register -f: with service and id, or the address that it was registered "
            "with, an\n"
            "instance; with service alone, a service. They go in batches, each made whole or not at all.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FILE, OPTION_NOW, OPTION_DRY_RUN),
        .required = OPTIONS(OPTION_FILE),
        .run = command_delete,
    },
    {
        .word = "set",
        .synopsis = "[SERVICE] NAME=VALUE... [-n NS]",
        .summary = "health check, ejection and times of a service, or what holds for those without",
        .details = "NAME= alone puts one back to its default. Without SERVICE: ejection and "
                   "connectTimeoutSeconds of\n"
                   "every service that has none of its own.\n"
                   "Example: svcconnect set backend healthCheck.type=http healthCheck.path=/ready "
                   "ejection.failures=3",
        .print_more = settings_help_print,
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 1,
        .most_arguments = COMMAND_ANY_ARGUMENTS,
        .takes = {VALUE_SET, VALUE_SETTING},
        .run = command_set,
    },
    {
        .word = "export",
        .synopsis = "[-n NS | --all]",
        .summary = "print all that is registered as JSON: documents, services, instances, settings, routes",
        .details = "A line for each item, as import takes it. Instances that drain are left out; key pairs, "
                   "tasks, canaries\n"
                   "and what only the AWS API knows (ids, attributes, tags) are no part of it: svcconnect "
                   "backup has them.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_ALL),
        .run = command_export,
    },
    {
        .word = "import",
        .synopsis = "[FILE|-] [--dry-run]",
        .summary = "register what an export has and the daemon has not, or not so",
        .details = "What is registered beside it stays. Done twice, the second time changes nothing.",
        .options = OPTIONS(OPTION_DRY_RUN),
        .most_arguments = 1,
        .takes = {VALUE_FILE},
        .run = command_import,
    },
    {0},
};
