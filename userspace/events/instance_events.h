/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Events about an instance, under the id that people know. */
#pragma once

#include "events/event_log.h"
#include "model/catalog.h"

/* As event_log_add(); of an address of a host name the message begins with the address. */
void instance_event(struct event_log *log, enum event_kind kind, const struct instance *instance,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
