/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Commands that list what there is. */
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/outlet.h"
#include "cli/rows/rows.h"

const struct command read_rows[] = {
    {
        .word = "status",
        .synopsis = "[--check]",
        .summary = "the daemon's state, counts, counters and room left",
        .options = OPTIONS(OPTION_CHECK),
        .run = command_status,
    },
    {
        .word = "services",
        .synopsis = LIST_SYNOPSIS,
        .summary = "list services",
        .options = OPTIONS(LIST_OPTIONS),
        .list = &services_list,
        .run = list_command,
    },
    {
        .word = "endpoints",
        .synopsis = "[SERVICE] [--hosts [--config FILE] [--from etcd:URL]] " LIST_SYNOPSIS,
        .summary = "list instances: health, whether connects go there and why not, counts",
        .details = "ELIGIBLE is no where nothing is sent: weight 0, unhealthy, draining, ejected; REASON "
                   "says which.\n"
                   "Example: svcconnect endpoints --filter eligible=no\n"
                   "With --hosts, what each host of the fleet has found against endpoints, and addresses of "
                   "host names: they are read from etcd, "
                   "as the\ndaemon's settings (--config) say, or --from etcd:URL.",
        .options = OPTIONS(LIST_OPTIONS, OPTION_HOSTS, OPTION_CONFIG, OPTION_FROM),
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .list = &endpoints_list,
        .run = command_endpoints,
    },
    {
        .word = "aliases",
        .synopsis = LIST_SYNOPSIS,
        .summary = "list client aliases with addresses, wanted and effective shares",
        .options = OPTIONS(LIST_OPTIONS),
        .list = &aliases_list,
        .run = list_command,
    },
    {
        .word = "routes",
        .synopsis = LIST_SYNOPSIS,
        .summary = "as route show",
        .options = OPTIONS(LIST_OPTIONS),
        .list = &routes_list,
        .run = list_command,
    },
    {
        .word = "settings",
        .synopsis = "[SERVICE] [--wide | -o wide|json] [-n NS]",
        .summary = "list what was set, or everything that holds for one service",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_OUTPUT, OPTION_WIDE),
        .most_arguments = 1,
        .takes = {VALUE_SERVICE},
        .run = command_settings,
    },
    {
        .word = "tasks",
        .synopsis = LIST_SYNOPSIS,
        .summary = "list tasks",
        .options = OPTIONS(LIST_OPTIONS),
        .list = &tasks_list,
        .run = list_command,
    },
    {
        .word = "callers",
        .synopsis = "[--client SERVICE] [--service NAME] [--limit N] " LIST_SYNOPSIS,
        .summary = "who calls whom: connections, failures and bytes by client, alias and endpoint",
        .details = "Counted by the kernel, also while the daemon is away, the most used first. A client is a "
                   "service, or a\n"
                   "task without one. RTT is what half of the round trips were below.\n"
                   "Example: svcconnect callers --service backend --sort -failed",
        .options = OPTIONS(LIST_OPTIONS, OPTION_SERVICE, OPTION_CLIENT, OPTION_LIMIT),
        .list = &callers_list,
        .run = list_command,
    },
    {
        .word = "connections",
        .synopsis = "[--follow] [--service NAME] [--client SERVICE] [--failed] [--slow MS] "
                    "[--wide | -o wide|json] " OUTLET_SYNOPSIS " [-n NS]",
        .summary = "list connections that have ended: who, by which alias where, how, for how long",
        .details =
            "Which are logged is the daemon's setting connectionLog: those that failed, if nothing else is "
            "said. The\n"
            "last 2,048 since the daemon started are kept. With --json one object per line.\n"
            "Example: svcconnect connections --follow --service backend --failed",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FOLLOW, OPTION_SERVICE, OPTION_CLIENT, OPTION_FAILED,
                           OPTION_SLOW, OUTLET_OPTIONS, OPTION_OUTPUT, OPTION_WIDE),
        .run = command_connections,
    },
    {
        .word = "explain",
        .synopsis = "NAME[:PORT[/udp]] [--task CGROUP | --pid PID] [--client SERVICE] [-n NS]",
        .summary = "tell why a connect goes where: name, scope, route, and each endpoint with its reasons",
        .details =
            "As a task sees it that connects to NAME:PORT now: the one of --task or --pid, or any of the\n"
            "namespace and of the service of --client. SHARE is what the published table gives, NOW the\n"
            "same without those ejected. NAME may be an address.\n"
            "Example: svcconnect explain backend:80 --pid 4711",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_TASK, OPTION_PID, OPTION_CLIENT),
        .takes = {VALUE_ALIAS},
        .least_arguments = 1,
        .most_arguments = 1,
        .run = command_explain,
    },
    {
        .word = "history",
        .synopsis = "[SERVICE] [--limit N] " LIST_SYNOPSIS,
        .summary = "what was changed, by whom and from what to what, newest first",
        .details = "By whom is the process on the control socket, the AWS API's key, the file of services.d, "
                   "or the\n"
                   "daemon itself. The last 10,000 changes are kept, without what may hold a secret.",
        .options = OPTIONS(LIST_OPTIONS, OPTION_LIMIT),
        .most_arguments = 1,
        .run = list_command,
        .list = &history_list,
        .takes = {VALUE_SERVICE},
    },
    {
        .word = "containers",
        .synopsis = LIST_SYNOPSIS,
        .summary = "list containers: which are tasks, and why others are left alone",
        .details = "FIRST says how the first program got its names: gated (held until they were there), late "
                   "or timeout.\n"
                   "Example: svcconnect containers --filter task=no",
        .options = OPTIONS(LIST_OPTIONS),
        .list = &containers_list,
        .run = list_command,
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
        .synopsis =
            "[--follow] [--wide | -o wide|json] [--filter TEXT|MEMBER=VALUE] " OUTLET_SYNOPSIS " [-n NS]",
        .summary = "list what happened lately; with --follow also what happens from now on",
        .details =
            "The daemon keeps the last 1,024 events since it started. Repeated failures of one endpoint "
            "within "
            "a\n"
            "second are one event with a count, shown when that second is over. With --json one object per "
            "line.\n"
            "--follow ends by Ctrl-C, with exit status 0; it outlasts restarts of the daemon.",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_FOLLOW, OUTLET_OPTIONS, OPTION_OUTPUT, OPTION_WIDE,
                           OPTION_FILTER),
        .run = command_events,
    },
    {
        .word = "top",
        .synopsis = "[services|endpoints|callers|aliases|tasks] [--once] [-n NS]",
        .summary = "watch rates, shares wanted and got, failures and states as they are",
        .details =
            "? shows the keys, which are htop's. With --json, what it shows as an object, rates as numbers.\n"
            "Example: svcconnect top aliases --once",
        .options = OPTIONS(OPTION_NAMESPACE, OPTION_ONCE),
        .most_arguments = 1,
        .run = command_top,
    },
    {
        .word = "bundle",
        .synopsis = "[FILE]",
        .summary = "write what a bug report needs into one tar.gz that only you can read",
        .details = "Status, lists, events, history, configuration, map dumps and facts of the host, 4 MiB of "
                   "each at most.\n"
                   "Documents, keys, commands and attributes are left out. FILE must not be there yet; by "
                   "default it is\n"
                   "svcconnect-DATE-TIME.tar.gz. It is written without a daemon too.",
        .most_arguments = 1,
        .takes = {VALUE_FILE},
        .run = command_bundle,
    },
    {0},
};
