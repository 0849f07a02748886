/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The table that parsing, help and main() read. Its order is the order of the help. */
#include "cli/command_table.h"

#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/settings_help.h"

#define OPTIONS(...) ((const enum cli_option[]){__VA_ARGS__, OPTION_NONE})

const struct command command_rows[] = {
    {
        .word = "apply",
        .synopsis = "-f FILE|DIR|- [-f ...] [--dry-run] [-n NS]",
        .summary = "put ECS documents (services, task definitions, routes) into force: all or none",
        .details =
            "Each file holds one JSON document or an array of them; of a directory every *.json is taken,\n"
            "sorted, without those that begin with a dot. -n names the namespace of documents that name "
            "none.\n"
            "Applying a changed document again updates what it published; an unchanged one changes nothing.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FILE, OPTION_DRY_RUN),
        .required = OPTIONS(OPTION_FILE),
        .run = command_apply,
    },
    {
        .word = "register",
        .synopsis = "SERVICE --address IP:PORT|HOST:PORT [--id ID] [--weight N] [--health HEALTHY|UNHEALTHY] "
                    "[--protocol tcp|udp] [-n NS]",
        .summary = "register an instance, or replace it; an unknown service is created",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_ADDRESS, OPTION_ID, OPTION_WEIGHT, OPTION_HEALTH,
                           OPTION_PROTOCOL),
        .required = OPTIONS(OPTION_ADDRESS),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_register,
    },
    {
        .word = "deregister",
        .synopsis = "SERVICE ID [--now] [-n NS]",
        .summary = "remove an instance; with open connections it drains first",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_NOW),
        .least_arguments = 2,
        .most_arguments = 2,
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
        .run = command_drain,
    },
    {
        .word = "eject",
        .synopsis = "SERVICE ID [--for SECONDS] [-n NS]",
        .summary = "skip an endpoint for a while, as the kernel does after failed connections",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FOR),
        .least_arguments = 2,
        .most_arguments = 2,
        .run = command_eject,
    },
    {
        .word = "unject",
        .synopsis = "SERVICE ID [-n NS]",
        .summary = "take an ejected endpoint back at once, its failures forgotten",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 2,
        .most_arguments = 2,
        .run = command_unject,
    },
    {
        .word = "health",
        .synopsis = "SERVICE ID healthy|unhealthy [-n NS]",
        .summary = "set an instance's health; an unhealthy one gets no connections",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 3,
        .most_arguments = 3,
        .run = command_health,
    },
    {
        .word = "weight",
        .synopsis = "SERVICE ID N [-n NS]",
        .summary = "set an instance's share among those of its service; 0: no connections",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 3,
        .most_arguments = 3,
        .run = command_weight,
    },
    {
        .word = "route",
        .second_word = "set",
        .synopsis =
            "DNSNAME[:PORT[/udp]] SERVICE=WEIGHT... [--client SERVICE] [--on-empty refuse|unhealthy] [-n NS]",
        .summary = "split a client alias between services by weight; a new alias is created",
        .details =
            "With --client only for the tasks of that service; the others keep the route for everybody.\n"
            "Example: svcconnect route set backend:80 v1=90 v2=10",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT, OPTION_ON_EMPTY),
        .least_arguments = 2,
        .most_arguments = COMMAND_ANY_ARGUMENTS,
        .run = command_route_set,
    },
    {
        .word = "route",
        .second_word = "show",
        .synopsis = "[DNSNAME[:PORT]] [--client SERVICE] [-n NS]",
        .summary = "show the routes that were set: wanted and effective shares",
        .details = "CLIENT, shown if some route has one, names whose tasks it is for; * is everybody.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .most_arguments = 1,
        .run = command_route_show,
    },
    {
        .word = "route",
        .second_word = "clear",
        .synopsis = "DNSNAME[:PORT[/udp]] [--client SERVICE] [-n NS]",
        .summary = "remove a route; an alias of a service leads to that service again",
        .details = "With --client that service's own route: its tasks take the route for everybody again.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_route_clear,
    },
    {
        .word = "canary",
        .second_word = "start",
        .synopsis = "DNSNAME[:PORT] --from SERVICE --to SERVICE [--strategy linear|canary] [--step PERCENT | "
                    "--percent PERCENT]\n         [--interval DURATION] [--max-failures PERCENT] "
                    "[--min-connects N] [--client SERVICE] [-n NS]",
        .summary = "lead an alias to another service by steps, and back at once if connects fail",
        .details =
            "Each step is watched for the interval; so is the last one, with all going to the new service.\n"
            "A canary outlives the daemon. Until it has ended nobody else can change the route.\n"
            "Example: svcconnect canary start backend:80 --from v1 --to v2 --step 10 --interval 6m",
        .options =
            OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT, OPTION_FROM, OPTION_TO, OPTION_STRATEGY, OPTION_STEP,
                    OPTION_PERCENT, OPTION_INTERVAL, OPTION_MAX_FAILURES, OPTION_MIN_CONNECTS),
        .required = OPTIONS(OPTION_FROM, OPTION_TO),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_start,
    },
    {
        .word = "canary",
        .second_word = "status",
        .synopsis = "[DNSNAME[:PORT]] [--client SERVICE] [-n NS]",
        .summary = "list canaries: share, time to the next step, connects that failed in this one",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .most_arguments = 1,
        .run = command_canary_status,
    },
    {
        .word = "canary",
        .second_word = "pause",
        .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",
        .summary = "hold a canary where it is; what is left of the step stays left",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_act,
    },
    {
        .word = "canary",
        .second_word = "resume",
        .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",
        .summary = "go on with a paused canary",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_act,
    },
    {
        .word = "canary",
        .second_word = "promote",
        .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",
        .summary = "give all to the new service now; the canary has succeeded",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_act,
    },
    {
        .word = "canary",
        .second_word = "abort",
        .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",
        .summary = "give all back to the old service now, as the route was before",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_act,
    },
    {
        .word = "canary",
        .second_word = "clear",
        .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",
        .summary = "forget a canary that has ended; its route stays",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_canary_act,
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
        .run = command_delete_service,
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
        .run = command_set,
    },
    {
        .word = "attach",
        .synopsis = "--cgroup PATH [-n NS] [--service NAME]",
        .summary = "make a cgroup a task: its processes reach the namespace's aliases",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_CGROUP, OPTION_SERVICE),
        .required = OPTIONS(OPTION_CGROUP),
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
        .word = "status",
        .summary = "the daemon's state, counts, counters and room left",
        .run = command_status,
    },
    {
        .word = "services",
        .synopsis = "[-n NS]",
        .summary = "list services",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_services,
    },
    {
        .word = "endpoints",
        .synopsis = "[-n NS]",
        .summary = "list instances with weight, health and connections",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_endpoints,
    },
    {
        .word = "aliases",
        .synopsis = "[-n NS]",
        .summary = "list client aliases with addresses, wanted and effective shares",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_aliases,
    },
    {
        .word = "routes",
        .synopsis = "[-n NS]",
        .summary = "as route show",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_routes,
    },
    {
        .word = "settings",
        .synopsis = "[SERVICE] [-n NS]",
        .summary = "list what was set, or everything that holds for one service",
        .options = OPTIONS(OPTION_NAMESPACE),
        .most_arguments = 1,
        .run = command_settings,
    },
    {
        .word = "tasks",
        .synopsis = "[-n NS]",
        .summary = "list tasks",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_tasks,
    },
    {
        .word = "hosts",
        .synopsis = "[-n NS]",
        .summary = "print the names as lines for /etc/hosts",
        .options = OPTIONS(OPTION_NAMESPACE),
        .run = command_hosts,
    },
    {
        .word = "events",
        .synopsis = "[--follow] [-n NS]",
        .summary = "list what happened lately; with --follow also what happens from now on",
        .details =
            "The daemon keeps the last 1,024 events since it started. Repeated failures of one endpoint "
            "within "
            "a\n"
            "second are one event with a count, shown when that second is over. With --json one object per "
            "line.\n"
            "--follow ends by Ctrl-C, with exit status 0; it outlasts restarts of the daemon.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FOLLOW),
        .run = command_events,
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
        .summary = "list the key pairs, without their secrets",
        .run = command_credentials_list,
    },
    {
        .word = "credentials",
        .second_word = "remove",
        .synopsis = "NAME",
        .summary = "take a key pair back at once",
        .least_arguments = 1,
        .most_arguments = 1,
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
        .run = command_help,
    },
    {
        .word = "version",
        .summary = "print the version",
        .run = command_version,
    },
};

const size_t command_row_count = ARRAY_SIZE(command_rows);
