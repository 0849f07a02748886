/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The options: one row each, with the form of their value and their help. */
#include "cli/invocation.h"

const struct cli_option_row cli_option_rows[OPTION_MAX] = {
    [OPTION_SOCKET] = {"socket", "PATH", "the daemon's socket ($SVCCONNECT_SOCKET, " CLI_DEFAULT_SOCKET ")",
                       0},
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
