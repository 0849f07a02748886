/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * svcconnect-oci-runtime: on `start` the daemon attaches the container, whose network and files are final by then and
 * whose first process waits for the real runtime's word; then the real runtime takes this process's place.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "oci_runtime/started.h"
#include "oci_runtime/tell.h"
#include "oci_runtime/words.h"

static void tell_daemon(const struct words *words, uint64_t deadline_ns)
{
    _cleanup_container_ struct container *container = NULL;

    if (started_read(words->root, words->id, &container) == 0)
        (void)tell_start(words->socket && *words->socket ? words->socket : TELL_SOCKET, container,
                         deadline_ns);
}

int main(int argc, char **argv)
{
    uint64_t deadline_ns = clock_monotonic_ns() + (uint64_t)TELL_MS * 1000000u;
    const char *own_name = argc > 0 ? argv[0] : "svcconnect-oci-runtime";
    struct words words;
    char *runtime;

    if (argc < 1)
        return 1;
    words_read(argv, &words);
    runtime = words_find_runtime(&words, own_name);
    if (!runtime) {
        (void)fprintf(stderr,
                      "svcconnect-oci-runtime: no runtime is found: install runc or crun, or name it by "
                      "--svcconnect-runtime=PATH or SVCCONNECT_OCI_RUNTIME\n");
        return 1;
    }
    if (words.id)
        tell_daemon(&words, deadline_ns);
    argv[0] = runtime;
    (void)execv(runtime, argv);
    (void)fprintf(stderr, "svcconnect-oci-runtime: %s: %s\n", runtime, strerror(errno));
    return 1;
}
