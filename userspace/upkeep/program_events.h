/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs tell through their ring buffer: to the event log and to the prober. */
#pragma once

#include "base/error.h"

struct daemon;

/* Listens from now on, beginning with what was told while no daemon was there. */
int program_events_listen(struct daemon *daemon, struct error *error);
