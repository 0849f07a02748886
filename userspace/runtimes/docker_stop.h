/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /containers/ID/stop, of Docker and podman: the runtime sends the signal, waits, and kills when its own time is over. */
#pragma once

#include <stdint.h>

struct fetch;
struct fetcher;

/*
 * `done` once, unless the fetch is cancelled. 0: it has ended, or is gone; else a negative errno with a sentence for people.
 * -ENOMEM, -ENAMETOOLONG: nothing was begun.
 */
struct docker_stop {
    void (*done)(int result, const char *reason, void *user);
    void *user;
};

/* `stop` stays until it has been told. `wait_s`: how long the runtime may take at most. */
int docker_stop(struct fetcher *fetcher, const char *socket, const char *id, uint32_t wait_s,
                struct docker_stop *stop, struct fetch **ret_fetch);
