/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tells the daemon that a container is about to begin, and waits for its word; written by hand, because a start is
 * no place for an HTTP client's libraries to be loaded at. */
#pragma once

#include <stdint.h>

#include "model/container.h"

#define TELL_SOCKET "/run/svcconnect/api.sock"
#define TELL_MS     500 /* for all of it */

/*
 * 0: the daemon has done what it will. -ETIMEDOUT: it has not answered until `deadline_ns` (CLOCK_MONOTONIC); -EPROTO: it has
 * answered something else than that it is done; else why it could not be asked.
 */
int tell_start(const char *socket, const struct container *container, uint64_t deadline_ns);
