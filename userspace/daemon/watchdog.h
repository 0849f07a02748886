/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The service manager's watchdog: as long as the loop comes round the manager is told so, twice in each of its
 * intervals; when it hears nothing for a whole one it ends the daemon and starts it anew (WatchdogSec= of the
 * unit). Tasks keep connecting meanwhile, as after any death.
 */
#pragma once

#include <stdint.h>

struct event;
struct event_base;

/*
 * The interval in microseconds that the manager wants of this process: $WATCHDOG_USEC, where $WATCHDOG_PID is
 * absent or this process, as sd_watchdog_enabled(3) has it. 0: it does not watch.
 */
uint64_t watchdog_interval(void);

/* Begins to tell it by $NOTIFY_SOCKET, with the highest of the base's priorities. *ret_event is NULL where nobody
 * watches; the caller frees it. -ENOMEM. */
int watchdog_begin(struct event_base *base, struct event **ret_event);
