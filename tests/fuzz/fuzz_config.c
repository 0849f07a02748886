/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as the daemon's configuration file: they are refused in a sentence, or what comes of them is printed as
 * a file that says the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

/* What is printed of the file, which the caller frees; NULL: it was refused. */
static char *load(const void *text, size_t size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    enum config_action action = CONFIG_RUN;
    struct config config = {0};
    struct error error = {0};
    char path[32];
    char *argv[] = {"svcconnectd", "--config", path, "--cgroup-root", "/sys/fs/cgroup", NULL};
    char *printed = NULL;
    int r;

    require(fd >= 0 && write(fd, text, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = config_load(5, argv, &config, &action, &error);
    require((r == 0) == (error.number == 0) && (r == 0 || (r == -EINVAL && error.message[0])));
    if (r == 0) {
        printed = config_print(&config);
        require(printed && action == CONFIG_RUN);
    }
    config_done(&config);
    (void)close(fd);
    return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *printed = load(data, size);
    char *again;

    if (!printed)
        return 0;
    again = load(printed, strlen(printed));
    require(again && strcmp(again, printed) == 0);
    free(again);
    free(printed);
    return 0;
}
