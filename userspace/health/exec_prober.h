/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Exec probes: a command of this host ends with 0. Its program must be one that the policy names, whoever
 * asks for the probe: this is the only place that runs commands. It starts as the leader of a process group,
 * with nothing on its input, no descriptor of this process's and the environment of this process plus
 * SVCCONNECT_NAME, _ADDRESS and _PORT. When it ends or its time is over, all that is left of the group is
 * killed. Its output is read for the last line, which becomes part of the reason; more than
 * EXEC_PROBER_OUTPUT_LIMIT bytes of it fail the probe.
 *
 * Children are waited for one by one, by pidfd; others of this process are never touched. SIGCHLD must not be
 * ignored, or how a command ended is lost.
 */
#pragma once

#include <event2/event.h>
#include <stddef.h>

#include "health/probe.h"
#include "settings/exec_policy.h"

#define EXEC_PROBER_OUTPUT_LIMIT (1u << 20)

struct exec_prober;
struct exec_probe;

/*
 * A command that was killed is gone only some time after its outcome is told (one that hangs in the kernel:
 * when the kernel lets it). Told with the probe's `user`, or NULL if it was cancelled; always after the
 * outcome.
 */
typedef void (*exec_prober_gone_fn)(void *prober_user, void *user);

/* -ENOMEM. `policy` stays the caller's, NULL allows nothing; `prober_user` goes to `gone`. */
int exec_prober_new(struct event_base *base, const struct exec_policy *policy, probe_done_fn done,
                    exec_prober_gone_fn gone, void *prober_user, struct exec_prober **ret_prober);

/* NULL-safe; kills what is left and waits for it, a second at most. */
void exec_prober_free(struct exec_prober **prober);

/* Commands not yet gone. */
size_t exec_prober_count(const struct exec_prober *prober);

/* Does the policy name what the check runs? */
bool exec_prober_allows(const struct exec_prober *prober, const struct health_check *check);

/* Negative errno: not started (-EPERM: the policy does not name it; -ENOENT, -EACCES: of the command), and
 * nothing will be told. */
int exec_prober_start(struct exec_prober *prober, const struct probe_request *request,
                      struct exec_probe **ret_probe);
void exec_prober_cancel(struct exec_prober *prober, struct exec_probe *probe);
