/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Commands about where client aliases lead. */
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/rows/rows.h"

/* A word to a canary that is there. */
#define CANARY_ACT(word_, summary_)                                                                          \
    {                                                                                                        \
        .word = "canary", .second_word = word_, .synopsis = "DNSNAME[:PORT] [--client SERVICE] [-n NS]",     \
        .summary = summary_, .options = OPTIONS(OPTION_NAMESPACE, OPTION_CLIENT), .least_arguments = 1,      \
        .most_arguments = 1, .takes = {VALUE_ALIAS}, .run = command_canary_act,                              \
    }

const struct command route_rows[] = {
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
        .takes = {VALUE_ALIAS, VALUE_TARGET},
        .run = command_route_set,
    },
    {
        .word = "route",
        .second_word = "show",
        .synopsis = "[DNSNAME[:PORT]] [--client SERVICE] " LIST_SYNOPSIS,
        .summary = "show the routes that were set: wanted and effective shares",
        .details = "CLIENT, shown if some route has one, names whose tasks it is for; * is everybody.",
        .options = OPTIONS(LIST_OPTIONS, OPTION_CLIENT),
        .most_arguments = 1,
        .takes = {VALUE_ALIAS},
        .list = &routes_list,
        .run = list_command,
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
        .takes = {VALUE_ALIAS},
        .run = command_route_clear,
    },
    {
        .word = "policy",
        .second_word = "set",
        .synopsis = "SERVICE --from CLIENT[,CLIENT...] [--mode enforce|audit] [-n NS]",
        .summary = "say who may call a service; others are refused (EACCES)",
        .details =
            "CLIENT is a client service of the same namespace, NAMESPACE/SERVICE, NAMESPACE/* or *; none: "
            "nobody.\n"
            "The same as set SERVICE allowFrom=... policyMode=...; what is open stays open (policy close).\n"
            "Example: svcconnect policy set payments --from checkout,refunds --mode audit",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FROM, OPTION_MODE),
        .required = OPTIONS(OPTION_FROM),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_policy_set,
    },
    {
        .word = "policy",
        .second_word = "clear",
        .synopsis = "SERVICE [-n NS]",
        .summary = "let everybody call a service again",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_policy_clear,
    },
    {
        .word = "policy",
        .second_word = "close",
        .synopsis = "SERVICE [-n NS]",
        .summary = "close what tasks of this host that may not call a service still have open",
        .details = "Their programs get ECONNABORTED, the servers a reset; events tells how many it were.",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 1,
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_policy_close,
    },
    {
        .word = "policy",
        .second_word = "show",
        .synopsis = "[SERVICE] [-n NS]",
        .summary = "show who may call which services, and how many connects were refused here",
        .details = "With SERVICE also what holds for each task of this host.",
        .options = OPTIONS(OPTION_NAMESPACE),
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_policy_show,
    },
    {
        .word = "policy",
        .second_word = "check",
        .synopsis = "CLIENT SERVICE [-n NS]",
        .summary = "may this client call that service? Exit status 1 if not",
        .details =
            "CLIENT is a client service, NAMESPACE/SERVICE, or NAMESPACE/* for a task that names none.",
        .options = OPTIONS(OPTION_NAMESPACE),
        .least_arguments = 2,
        .most_arguments = 2,
        .takes = {VALUE_SERVICE},
        .run = command_policy_check,
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
        .takes = {VALUE_ALIAS},
        .run = command_canary_start,
    },
    {
        .word = "canary",
        .second_word = "status",
        .synopsis = "[DNSNAME[:PORT]] [--client SERVICE] " LIST_SYNOPSIS,
        .summary = "list canaries: share, time to the next step, connects that failed in this one",
        .options = OPTIONS(LIST_OPTIONS, OPTION_CLIENT),
        .most_arguments = 1,
        .takes = {VALUE_ALIAS},
        .list = &canary_list,
        .run = list_command,
    },
    CANARY_ACT("pause", "hold a canary where it is; what is left of the step stays left"),
    CANARY_ACT("resume", "go on with a paused canary"),
    CANARY_ACT("promote", "give all to the new service now; the canary has succeeded"),
    CANARY_ACT("abort", "give all back to the old service now, as the route was before"),
    CANARY_ACT("clear", "forget a canary that has ended; its route stays"),
    {
        .word = "rollback",
        .synopsis = "REVISION [--dry-run]",
        .summary = "routes, weights and settings as they were at a revision of svcconnect history",
        .details =
            "What was changed after it is put back as one change, or nothing is: a service that has "
            "gone is a reason.\n"
            "Instances that have come or gone since stay as they are. REVISION itself stays in force: the\n"
            "change of revision 42 is undone by: svcconnect rollback 41. With --dry-run it is only told.",
        .options = OPTIONS(OPTION_DRY_RUN),
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_rollback,
    },
    {0},
};
