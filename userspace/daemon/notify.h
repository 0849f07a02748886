/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* Tells the service manager "READY=1" and the like (sd_notify(3)); nothing happens without $NOTIFY_SOCKET. */
void notify_manager(const char *state);
