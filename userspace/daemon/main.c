/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svcconnect/abi.h>

#include "base/commit.h"
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
 * jemalloc reads it (jemalloc(3), "TUNING"). What was freed goes back to the system on a thread beside the loop; there are few
 * threads that need memory, so few arenas. Some versions of the library look for the name, so it cannot be static.
 */
extern const char *malloc_conf;
const char *malloc_conf = "background_thread:true,narenas:2";

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
        (void)printf("svcconnectd %s (commit %s, layout of pinned maps %d)\n", SVC_VERSION, commit_of_build,
                     SVC_ABI_VERSION);
        status = EXIT_DONE;
        break;
    case CONFIG_PRINT:
        status = print_config(&daemon.config);
        break;
    default:
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
    if (daemon.must_start_anew && status == EXIT_DONE) {
        (void)execv("/proc/self/exe", argv);
        (void)fprintf(stderr, "svcconnectd: starting anew: %s\n", strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}
