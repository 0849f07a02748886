/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "datapath/log_bridge.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

static int print_config(const struct config *config)
{
    char *text = config_print(config);

    if (!text || puts(text) < 0)
        return EXIT_FAILED;
    free(text);
    return EXIT_DONE;
}

/*
 * What the memory allocator (mallopt(3)) does in one go would stall the loop. Small pieces that are freed are joined one by
 * one, not all of them with the first large one that is (72 ms after a hundred thousand services were put). Arrays are
 * mapped from 1 MiB on, so that growing one moves no bytes; and memory goes back to the system a little at a time.
 */
static void free_without_pauses(void)
{
    (void)mallopt(M_MXFAST, 0);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int main(int argc, char **argv)
{
    struct daemon daemon = {.argc = argc, .argv = argv, .locks = {-1, -1, -1}};
    enum config_action action = CONFIG_RUN;
    struct error error = {0};
    int status;
    int r = config_load(argc, argv, &daemon.config, &action, &error);

    if (r < 0) {
        (void)fprintf(stderr, "svcconnectd: %s\n", error.message[0] ? error.message : strerror(-r));
        config_done(&daemon.config);
        return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    log_set_level(daemon.config.log_level);
    switch (action) {
    case CONFIG_HELP:
        config_print_help();
        status = EXIT_DONE;
        break;
    case CONFIG_VERSION:
        puts("svcconnectd " SVC_VERSION);
        status = EXIT_DONE;
        break;
    case CONFIG_PRINT:
        status = print_config(&daemon.config);
        break;
    default:
        free_without_pauses();
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGCHLD, SIG_DFL); /* the ends of exec checks are wanted, whatever the starter did */
        datapath_bridge_log();
        r = daemon_start(&daemon, &error);
        if (r < 0)
            (void)fprintf(stderr, "svcconnectd: %s\n", error.message[0] ? error.message : strerror(-r));
        else
            r = daemon_run(&daemon);
        status = r < 0 ? EXIT_FAILED : EXIT_DONE;
    }
    daemon_done(&daemon);
    return status;
}
