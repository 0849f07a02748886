/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* svcconnect: the command line in, one command run, its exit status out. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/commands/help.h"
#include "cli/command_table.h"
#include "cli/report.h"

static int dispatch(int argc, char **argv, struct invocation *invocation)
{
    struct error error = {0};
    int r = invocation_parse(argc, argv, invocation, &error);

    if (r == -EINVAL)
        return report_usage(invocation, "%s", error.message);
    if (r < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    if (!invocation->command) {
        help_print_all(stdout);
        return CLI_DONE;
    }
    if (invocation->wants_help) {
        help_print_command(stdout, invocation->command);
        return CLI_DONE;
    }
    return invocation->command->run(invocation);
}

int main(int argc, char **argv)
{
    _cleanup_(invocation_done) struct invocation invocation = {0};
    int status;

    /* Names are UTF-8 whatever the terminal's locale is: their widths come from it, and nothing else does. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    status = dispatch(argc, argv, &invocation);

    /* Output that did not arrive (a full disk, a closed pipe) is no success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_DONE)
        return report_error(&invocation, CLI_FAILED, "standard output: %s", strerror(errno));
    return status;
}
