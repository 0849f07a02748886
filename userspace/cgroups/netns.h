/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sockets of another network namespace. A socket stays in the namespace it was made in, whoever uses it: so a
 * short-lived thread enters, makes it and ends, and nothing has to be put back.
 */
#pragma once

#include <stdint.h>

/*
 * Runs `function` in a thread inside the namespace and waits for it: for making sockets, which does not
 * block. Returns what it returns, or a negative errno: -EAGAIN (no thread), what setns() says.
 */
int netns_run(int netns_fd, int (*function)(void *user), void *user);

/* What programs know the namespace by; 0: a kernel (before 5.14) that does not tell, or no
 * socket to be had. */
uint64_t netns_cookie(int netns_fd);
